/* Step 3 of the demo page: the form that calls a method, and the answer. */

import { byId, element, fillJson, isObject, parsedJson, showMessage } from "./example-dom.js";
import { listenToSelf, showSelf } from "./example-account.js";
import { currentClient, listen, sendRaw } from "./example-connection.js";
import { sendPending } from "./example-messages.js";
import { METHODS, signatureOf } from "./example-methods.js";
import { addDialogs, addUsers, likelyReceiver, listenToPeople, prefer, refresh } from "./example-people.js";
import { RpcError } from "./messenger-socket.js";

const NOBODY = "@somebody";
const PARAMS_ROWS = { min: 4, max: 14 };

let chosen = METHODS[0];
let lastCall = 0;
const drafts = new Map(); // name of the method -> its params as edited

/* Choosing a method */

function showChoices() {
    byId("method-choices").replaceChildren(...METHODS.map((method) => {
        const label = element("label");
        const input = element("input");
        input.type = "radio";
        input.name = "method";
        input.value = method.name;
        input.addEventListener("change", () => {
            choose(method);
            if (method.tag) refresh();
        });
        label.append(input, element("span", "", method.name));
        return label;
    }));
}

function choose(method) {
    chosen = method;
    for (const input of byId("call").elements.method) input.checked = input.value === method.name;
    byId("method-signature").textContent = signatureOf(method);
    byId("method-about").textContent = method.about;
    byId("params-label").textContent = method.isRaw ? "Frame" : "Params";
    byId("params-style").hidden = Boolean(method.isRaw);
    byId("people").hidden = !method.tag;
    byId("answer").hidden = true;
    const draft = drafts.get(method.name);
    if (draft === undefined) showParams(example());
    else showText(draft);
}

/* Params */

function isNamedStyle() {
    return byId("call").elements.style.value === "named";
}

function example() {
    const params = chosen.params(likelyReceiver() ?? NOBODY);
    return chosen.isRaw || isNamedStyle() ? params : Object.values(params);
}

/* A list of plain values on one line, a list of objects on several. */
function showParams(params) {
    const isFlat = Array.isArray(params) && !params.some(isObject);
    showText(isFlat
        ? `[${params.map((item) => JSON.stringify(item ?? null)).join(", ")}]`
        : JSON.stringify(params, null, 2));
}

function showText(text) {
    const area = byId("params");
    area.value = text;
    area.rows = Math.min(PARAMS_ROWS.max, Math.max(PARAMS_ROWS.min, text.split("\n").length));
    complain("");
}

function editParams(params) {
    showParams(params);
    drafts.set(chosen.name, byId("params").value);
}

/* Keeps the values in the other style. Invalid JSON is replaced by the example. */
function changeStyle() {
    const { order = [] } = chosen;
    const params = parsedJson(byId("params").value);
    const wasDraft = drafts.has(chosen.name);
    if (isNamedStyle() && Array.isArray(params)) {
        editParams(Object.fromEntries(params.slice(0, order.length).map((item, i) => [order[i], item])));
    } else if (!isNamedStyle() && isObject(params)) {
        const list = order.map((key) => params[key]);
        while (list.length > 0 && list.at(-1) === undefined) list.pop();
        editParams(list);
    } else if (params === undefined) {
        resetExample();
    }
    if (!wasDraft) drafts.delete(chosen.name);
}

function resetExample() {
    drafts.delete(chosen.name);
    showParams(example());
}

/* The receiver and the position of an example follow the events, but never while the visitor is
 * about to send it. */
function updateExample() {
    const isInUse = ["params", "send"].some((id) => byId(id).matches(":focus, :hover"));
    if (drafts.has(chosen.name) || isInUse) return;
    showParams(example());
}

export function setReceiver(tag) {
    const params = parsedJson(byId("params").value);
    if (Array.isArray(params)) params[chosen.order.indexOf(chosen.tag)] = tag;
    else if (isObject(params)) params[chosen.tag] = tag;
    else return;
    if (drafts.has(chosen.name)) editParams(params);
    else showParams(params);
}

function complain(text) {
    showMessage("params-problem", text, "bad");
    byId("params").setAttribute("aria-invalid", String(text !== ""));
}

/* Calling */

function send(event) {
    event?.preventDefault();
    complain("");
    byId("answer").hidden = true;
    const { state } = currentClient();
    if (chosen.isRaw ? state !== "open" : state === "closed" || state === "unauthenticated") {
        return complain("Not connected. Sign up or log in first, in step 1.");
    }
    const text = byId("params").value;
    if (chosen.isRaw) {
        sendRaw(text);
        return showAnswer("plain", "Sent. The answer appears in the log.");
    }
    const params = text.trim() === "" ? undefined : parsedJson(text);
    if (text.trim() !== "" && !Array.isArray(params) && !isObject(params)) {
        return complain("Params must be a JSON list [ … ] or a JSON object { … }.");
    }
    return call(chosen, params);
}

async function call({ name, order, tag }, params) {
    const turn = ++lastCall;
    const started = performance.now();
    const named = Array.isArray(params) ? Object.fromEntries(params.map((item, i) => [order[i], item])) : params;
    if (!currentClient().current) showAnswer("plain", `${name}: waiting for the connection`);
    const outcome = await (isSendable(name, named, order) ? sendPending(named) : currentClient().call(name, params))
        .then((result) => ({ result }), (error) => ({ error }));
    const took = `${Math.round(performance.now() - started)} ms`;
    useResult(name, outcome.result, named?.[tag]);
    if (turn !== lastCall || name !== chosen.name) return;
    if (!outcome.error) return showAnswer("good", `${name}: done in ${took}`, outcome.result);
    const { error } = outcome;
    if (!(error instanceof RpcError)) return showAnswer("bad", error.message);
    showAnswer("bad", `${name}: error ${error.code} ${error.message}`, error.data);
}

/* Can the client keep it until it is stored? Wrong params are sent as they are, for the server's answer. */
function isSendable(name, named, order) {
    return name === "sendMessageToUser" && isObject(named)
        && named.receiverTag !== undefined && named.text !== undefined
        && Object.entries(named).every(([key, value]) => order.includes(key) && typeof value === "string");
}

function useResult(name, result, text) {
    if (name === "getSelfInfo" || name === "setSelfInfo") return isObject(result) && showSelf(result);
    if (name === "getDialogsList") return addDialogs(result);
    if (name === "sync") return addDialogs(result?.dialogs);
    if (name !== "findUsersByTag" || !Array.isArray(result)) return undefined;
    if (text && result.length > 0) prefer(result[0].tag); // the visitor looked for this user
    return addUsers(result);
}

function showAnswer(tone, title, value) {
    byId("answer").dataset.tone = tone;
    byId("answer").hidden = false;
    byId("answer-title").textContent = title;
    fillJson(byId("answer-json"), value === undefined ? "" : JSON.stringify(value));
}

/* Shows the call in the form and makes it, so that the visitor sees how it is done. */
export function demonstrate(name, named) {
    choose(METHODS.find((method) => method.name === name));
    editParams(isNamedStyle() ? named : Object.values(named));
    send();
}

export function startCall() {
    showChoices();
    choose(METHODS[0]);
    listenToPeople(() => chosen.tag && updateExample());
    listenToSelf(() => chosen.tag && updateExample());
    for (const type of ["begin", "change", "sync", "current", "renew"]) {
        listen(type, () => chosen.followsPosition && updateExample());
    }
    byId("call").addEventListener("submit", send);
    byId("reset").addEventListener("click", resetExample);
    byId("params-style").addEventListener("change", changeStyle);
    byId("params").addEventListener("input", () => {
        drafts.set(chosen.name, byId("params").value);
        complain("");
    });
    byId("params").addEventListener("keydown", (event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send(event);
    });
}
