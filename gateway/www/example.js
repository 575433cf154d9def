/*
 * The demo page: account, connection, methods, picture, and a log of everything that passes.
 * What comes from the server or from other users is only ever put in as text, never as markup.
 */

import { MessengerClient } from "./messenger-client.js";
import { RpcError } from "./messenger-socket.js";

const LOG_LIMIT = 500;
const COLOURED_JSON_LIMIT = 20_000; // characters; a longer text is shown plain
const PEOPLE_LIMIT = 8;
const DIALOGS_LIMIT = 8;
const MESSAGES_LIMIT = 50; // of a dialog
const PARAMS_ROWS_MAX = 14;

const RAW = "Raw frame";

/* `params` in their positional order; `peer` stands for somebody's tag. */
const METHODS = [
    {
        name: "getSelfInfo",
        about: "Who am I? Takes no params.",
        params: () => ({}),
    },
    {
        name: "setSelfInfo",
        about: "Changes my name or picture. An empty string leaves a field as it is.",
        params: () => ({ firstName: "", lastName: anotherLastName(), img: "" }),
        order: ["firstName", "lastName", "img"],
    },
    {
        name: "sendMessageToUser",
        about: "Sends a text. This page adds a third param, clientMessageId, if you give none, and repeats the call until it is answered: the same id is sent once.",
        params: (peer) => ({ receiverTag: peer, text: "Hello! 👋" }),
        order: ["receiverTag", "text", "clientMessageId"],
        tag: "receiverTag",
    },
    {
        name: "getDialogsList",
        about: "My dialogs, newest first, each with its last message: entries from startIndex up to endIndex.",
        params: () => ({ startIndex: 0, endIndex: 30 }),
        order: ["startIndex", "endIndex"],
    },
    {
        name: "getMessagesWithUser",
        about: "The messages of one dialog, newest first: entries from startIndex up to endIndex.",
        params: (peer) => ({ receiverTag: peer, startIndex: 0, endIndex: 100 }),
        order: ["receiverTag", "startIndex", "endIndex"],
        tag: "receiverTag",
    },
    {
        name: "markMessagesWithUserAsRead",
        about: "Marks all messages of that sender as read. The sender is notified.",
        params: (peer) => ({ senderTag: peer }),
        order: ["senderTag"],
        tag: "senderTag",
    },
    {
        name: "findUsersByTag",
        about: "Finds users by a part of their tag. An empty string gives the first 30.",
        params: () => ({ tag: "" }),
        order: ["tag"],
        tag: "tag",
    },
    {
        name: RAW,
        about: "Sent exactly as it stands: a batch, a notification without an id, or a mistake on purpose.",
        raw: () => [
            { jsonrpc: "2.0", method: "getSelfInfo", id: "raw-1" },
            { jsonrpc: "2.0", method: "getDialogsList", params: [0, 5], id: "raw-2" },
        ],
    },
];

const FIRST_NAMES = ["Anna", "Boris", "Clara", "Dmitri", "Elena", "Felix", "Grace", "Hugo", "Irina", "Jonas"];
const LAST_NAMES = ["Almeida", "Berg", "Costa", "Dubois", "Eriksen", "Fischer", "Greco", "Ivanova", "Novak", "Petrov"];

const STATE_TEXTS = {
    closed: "Socket closed",
    connecting: "Connecting…",
    open: "Connected",
    waiting: "Reconnecting…",
    unauthenticated: "Not signed in",
};

const byId = (id) => document.getElementById(id);

const page = {
    client: null,
    self: null,
    begun: false, // has the present connection begun anew, or gone on?
    caughtUp: "", // with what, on the present connection
    dialogs: new Map(), // peer's tag -> {messages: Map of _id -> message, unsent: [text holders]}, the latest last
    people: new Set(), // tags, the latest last
    drafts: new Map(), // method name -> edited params
    method: METHODS[0],
    lastSend: 0,
};

/* Small helpers */

function oneOf(list) {
    return list[Math.floor(Math.random() * list.length)];
}

function anotherLastName() {
    return oneOf(LAST_NAMES.filter((name) => name !== page.self?.lastName));
}

function element(tag, className, text) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
}

function say(id, text, tone = "good") {
    const message = byId(id);
    message.textContent = text;
    message.dataset.tone = tone;
}

function parsedJson(text) {
    try {
        return JSON.parse(text);
    } catch {
        return undefined;
    }
}

function isObject(value) {
    return value !== null && typeof value === "object" && !Array.isArray(value);
}

function pictureAddress(fileName) {
    return `/img/${encodeURIComponent(String(fileName || "default.jpg"))}`;
}

function pad(number, width = 2) {
    return String(number).padStart(width, "0");
}

function clockTime(at) {
    const date = new Date(at);
    const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => pad(part));
    return `${clock.join(":")}.${pad(date.getMilliseconds(), 3)}`;
}

function sizeText(bytes) {
    return bytes < 1024 * 1024
        ? `${Math.max(1, Math.round(bytes / 1024))} KiB`
        : `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

/* JSON, pretty and coloured */

const JSON_TOKENS = /("(?:\\.|[^"\\])*")(\s*:)?|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|\b(true|false|null)\b/g;

/* Characters that change the direction of what follows, and would show a text other than it is. */
const BIDI_CONTROLS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

function escaped(character) {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function fillJson(target, text) {
    const value = parsedJson(text);
    const pretty = (value === undefined ? text : JSON.stringify(value, null, 2)).replace(BIDI_CONTROLS, escaped);
    target.replaceChildren();
    if (value === undefined || pretty.length > COLOURED_JSON_LIMIT) {
        target.textContent = pretty;
        return;
    }
    let end = 0;
    for (const match of pretty.matchAll(JSON_TOKENS)) {
        const [whole, string, colon, number] = match;
        const kind = string ? (colon ? "key" : "string") : number ? "number" : "word";
        target.append(pretty.slice(end, match.index), element("span", kind, string ?? whole), colon ?? "");
        end = match.index + whole.length;
    }
    target.append(pretty.slice(end));
}

/* The log */

const log = {
    entries: [], // {item, group, text, line}, the oldest first
    expandAll: false,
    asked: new Map(), // the id of a request, as JSON -> {method, at}
};

/*
 * `kind` decides the looks, `group` what the filter takes it for. `body` is the text to show in
 * full, if any.
 */
function addToLog({ kind, group = kind, arrow, badge = kind, name, gist = "", aside = "", body = "", at = Date.now(), open = false }) {
    const item = element("li", "entry");
    const head = element(body ? "summary" : "div", body ? "" : "line");
    const what = element("span", "what");
    item.dataset.kind = kind;
    item.dataset.name = name;
    what.append(element("bdi", "name", name), gist ? "  " : "", element("bdi", "gist", gist));
    head.append(element("time", "", clockTime(at)), element("span", "arrow", arrow),
        element("span", "badge", badge), what, element("span", "aside", aside));
    item.append(body ? foldable(head, body, open || log.expandAll) : head);

    const line = [clockTime(at), arrow, badge, name, body || gist].join(" ");
    const entry = { item, group, line, text: line.toLowerCase() };
    log.entries.push(entry);
    byId("log").prepend(item);
    while (log.entries.length > LOG_LIMIT) log.entries.shift().item.remove();
    applyFilterTo(entry);
    showLogCount();
}

function foldable(summary, body, open) {
    const details = element("details");
    const json = element("pre", "json");
    const fill = () => json.hasChildNodes() || fillJson(json, body);
    details.append(summary, json);
    details.open = open;
    if (open) fill();
    details.addEventListener("toggle", fill);
    return details;
}

function applyFilterTo(entry) {
    const words = byId("filter").value.trim().toLowerCase();
    const kind = byId("kind").value;
    entry.item.hidden = !((!kind || entry.group === kind) && entry.text.includes(words));
}

function showLogCount() {
    const shown = log.entries.filter((entry) => !entry.item.hidden).length;
    const all = log.entries.length;
    byId("log-count").textContent = all === 0 ? "" : shown === all ? String(all) : `${shown} of ${all}`;
    byId("to-log").textContent = `Log (${all})`;
    byId("log-empty").hidden = shown > 0;
    byId("log-empty").textContent = all === 0
        ? "Every frame, request and connection event shows up here, newest first."
        : "Nothing in the log matches the filter.";
}

function applyFilter() {
    log.entries.forEach(applyFilterTo);
    showLogCount();
}

function clearLog() {
    log.entries = [];
    byId("log").replaceChildren();
    showLogCount();
}

async function copyLog() {
    const lines = log.entries.filter((entry) => !entry.item.hidden).map((entry) => entry.line);
    const copied = await copyText(lines.join("\n"));
    announce(copied ? `${lines.length} log entries copied` : "The browser did not allow copying");
    byId("copy").textContent = copied ? "Copied" : "Not allowed";
    setTimeout(() => { byId("copy").textContent = "Copy"; }, 1500);
}

/* The clipboard interface exists on secure origins only, and this page is often read over http. */
async function copyText(text) {
    try {
        await navigator.clipboard.writeText(text);
        return true;
    } catch {
        const area = element("textarea", "visually-hidden", text);
        document.body.append(area);
        area.select();
        const copied = document.execCommand("copy");
        area.remove();
        return copied;
    }
}

function toggleExpandAll() {
    log.expandAll = !log.expandAll;
    byId("expand").setAttribute("aria-pressed", String(log.expandAll));
    byId("expand").textContent = log.expandAll ? "Collapse all" : "Expand all";
    for (const details of byId("log").querySelectorAll("details")) details.open = log.expandAll;
}

function announce(text) {
    byId("announce").textContent = text;
}

/* Frames in the log */

function logFrame(frame) {
    const entry = frame.direction === "out" ? entryOfRequest(frame) : entryOfAnswer(frame);
    addToLog({ ...entry, at: frame.at, body: frame.text, arrow: frame.direction === "out" ? "→" : "←" });
}

function entryOfRequest({ data, at }) {
    for (const request of Array.isArray(data) ? data : [data]) {
        if (isObject(request) && "id" in request) {
            log.asked.set(JSON.stringify(request.id), { method: String(request.method), at });
        }
    }
    if (Array.isArray(data)) return { kind: "call", name: `batch of ${data.length}` };
    if (!isObject(data)) return { kind: "call", badge: "raw", name: "not a request" };
    const badge = "id" in data ? "call" : "no answer";
    return { kind: "call", badge, name: String(data.method), aside: "id" in data ? `id ${data.id}` : "" };
}

function entryOfAnswer({ data, at }) {
    if (Array.isArray(data)) {
        return { kind: "answer", group: "call", name: `batch of ${data.length}`, open: true };
    }
    if (!isObject(data)) return { kind: "error", group: "call", name: "not JSON", open: true };
    if (typeof data.type === "string" && !("id" in data)) {
        return {
            kind: "notification", name: data.type, gist: gistOfNotification(data),
            aside: String(data.code), open: true,
        };
    }
    const key = JSON.stringify(data.id);
    const asked = log.asked.get(key);
    log.asked.delete(key);
    const common = {
        group: "call", name: asked?.method ?? "answer", aside: asked ? `${at - asked.at} ms` : "",
        open: true,
    };
    if (!data.error) return { kind: "answer", ...common };
    return { kind: "error", ...common, gist: errorText(data.error) };
}

function errorText({ code, message, data }) {
    const reason = data?.reason ?? data?.retryAfterMs;
    return `${code} ${message}${reason === undefined ? "" : ` (${reason})`}`;
}

function gistOfNotification({ type, body }) {
    if (!isObject(body)) return "";
    const texts = {
        newMessage: () => `${body.senderTag}: ${body.text}`,
        messageSent: () => `to ${body.receiverTag}: ${body.text}`,
        contactOnline: () => `${body.loggedInUserTag} is online`,
        contactOffline: () => `${body.loggedOutUserTag} is offline`,
        contactPersonalDataChanges: () => `${body.tag} has changed`,
        selfPersonalDataChanges: () => "I have changed, on another device",
        messageWasRead: () => `${body.receiverTag} has read my messages`,
        dialogWasRead: () => `read on another device: ${body.senderTag}`,
    };
    return Object.hasOwn(texts, type) ? texts[type]() : "";
}

/* HTTP */

/* The answer as {ok, status, text, data}; never throws. `shown` is what the log may show. */
async function http(method, path, { body, headers, shown = "" } = {}) {
    const started = Date.now();
    addToLog({ kind: "http", badge: "HTTP", arrow: "→", name: `${method} ${path}`, body: shown });
    try {
        const response = await fetch(path, { method, body, headers, credentials: "same-origin" });
        const text = await response.text();
        const data = parsedJson(text);
        addToLog({
            kind: response.ok ? "http" : "error", group: "http", badge: "HTTP", arrow: "←",
            name: `${response.status} ${path}`, gist: data === undefined ? text : "",
            body: data === undefined ? "" : text, aside: `${Date.now() - started} ms`, open: true,
        });
        return { ok: response.ok, status: response.status, text, data };
    } catch {
        const text = "The server cannot be reached.";
        addToLog({ kind: "error", group: "http", badge: "HTTP", arrow: "←", name: path, gist: text });
        return { ok: false, status: 0, text, data: undefined };
    }
}

function postJson(path, value) {
    const shown = { user: { ...value.user, password: "•".repeat(8) } };
    return http("POST", path, {
        body: JSON.stringify(value),
        headers: { "Content-Type": "application/json" },
        shown: JSON.stringify(shown),
    });
}

function problemOf({ data, text, status }) {
    const error = data?.Error;
    return error ? `${error.message} (${error.name})` : text || `The server answered ${status}.`;
}

/* Account */

function fillExample() {
    const form = byId("sign-up");
    const firstName = oneOf(FIRST_NAMES);
    const number = crypto.getRandomValues(new Uint32Array(2));
    const nick = `${firstName.toLowerCase()}_${pad(number[0] % 100_000, 5)}`;
    form.firstName.value = firstName;
    form.lastName.value = oneOf(LAST_NAMES);
    form.tag.value = `@${nick}`;
    form.email.value = `${nick}@example.com`;
    form.password.value = `demo-${number[1].toString(36).padStart(7, "0")}`;
}

async function signUp(event) {
    event.preventDefault();
    const user = Object.fromEntries(new FormData(byId("sign-up")));
    const answer = await postJson("/signup", { user });
    if (!answer.ok) return say("account-message", problemOf(answer), "bad");
    byId("log-in").email.value = user.email;
    byId("log-in").password.value = user.password;
    fillExample();
    signedIn(`Welcome! You are ${user.tag}; your e-mail and password are kept in the log-in form.`);
}

async function logIn(event) {
    event.preventDefault();
    const user = Object.fromEntries(new FormData(byId("log-in")));
    const answer = await postJson("/login", { user });
    if (!answer.ok) return say("account-message", problemOf(answer), "bad");
    signedIn("Logged in.");
}

/* The token is looked at when a socket opens, and a client is one user's: the old one is of no use. */
function signedIn(text) {
    say("account-message", text);
    renewClient();
    connect();
}

async function logOut() {
    const answer = await http("GET", "/exit");
    if (!answer.ok) return say("account-message", problemOf(answer), "bad");
    page.client.close();
    showSelf(null);
    selectTab("log-in");
    say("account-message", "Logged out: the token no longer works, and its sockets are closed.", "plain");
    byId("log-in").email.focus();
}

function showSelf(user) {
    page.self = user;
    byId("signed-in").hidden = !user;
    byId("signed-out").hidden = Boolean(user);
    if (!user) return;
    byId("self-name").textContent = `${user.firstName} ${user.lastName}`;
    byId("self-tag").textContent = user.tag;
    byId("self-picture").src = pictureAddress(user.img);
    if (page.people.delete(user.tag)) showPeople();
}

function selectTab(chosen) {
    for (const name of ["sign-up", "log-in"]) {
        const tab = byId(`${name}-tab`);
        tab.setAttribute("aria-selected", String(name === chosen));
        tab.tabIndex = name === chosen ? 0 : -1;
        byId(name).hidden = name !== chosen;
    }
    say("account-message", "");
}

function moveTab(event) {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const other = byId("sign-up").hidden ? "sign-up" : "log-in";
    selectTab(other);
    byId(`${other}-tab`).focus();
}

/* Connection */

const CLIENT_EVENTS = {
    state: (event) => showState(event.state),
    open: onOpen,
    close: onClose,
    frame: logFrame,
    begin: onBegin,
    sync: onSync,
    change: onChange,
    sent: ({ message }) => takeMessage(message.receiverTag, message),
    current: onCurrent,
};

function renewClient() {
    page.client?.close();
    page.dialogs.clear();
    showDialogs();
    page.client = new MessengerClient(byId("address").value.trim());
    for (const [type, handle] of Object.entries(CLIENT_EVENTS)) {
        page.client.addEventListener(type, (event) => {
            handle(event);
            showStanding();
        });
    }
}

/* After a refused token, whoever has signed in since may be somebody else. */
function connect() {
    const { state, url } = page.client;
    if (state === "unauthenticated" || url !== byId("address").value.trim()) renewClient();
    try {
        page.client.connect();
    } catch (error) {
        say("connection-message", error.message, "bad");
    }
}

function disconnect() {
    page.client.close();
}

function showState(state) {
    const busy = state === "connecting" || state === "open";
    byId("state").dataset.state = state;
    byId("state-text").textContent = STATE_TEXTS[state];
    byId("connect").disabled = busy;
    byId("connect").textContent = state === "waiting" ? "Try now" : "Connect";
    byId("disconnect").disabled = !busy && state !== "waiting";
}

function showStanding() {
    const { state, current, epoch, position, unsent } = page.client;
    const standing = current ? page.caughtUp : state === "open" ? "catching up…" : "goes on from there";
    const parts = [`Position ${position}`, standing];
    if (unsent > 0) parts.push(`${plural(unsent, "message")} waiting to be sent`);
    byId("standing").textContent = parts.join(" · ");
    byId("standing").hidden = epoch === "" && unsent === 0;
}

function plural(count, noun) {
    return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function onOpen() {
    page.begun = false;
    say("connection-message", "");
    addToLog({ kind: "connection", arrow: "•", name: "open", gist: page.client.url });
}

/* Asks by itself whom the examples may address, and what the dialogs that are shown hold now. */
function onBegin({ user, reset }) {
    page.begun = true;
    if (page.self && user.tag !== page.self.tag) { // who has signed in in another tab
        page.dialogs.clear();
        showDialogs();
    }
    showSelf(user);
    ask("findUsersByTag", [""], meet);
    if (!reset) return;
    for (const [tag, dialog] of page.dialogs) {
        dialog.messages.clear();
        ask("getMessagesWithUser", [tag, 0, MESSAGES_LIMIT], (messages) => {
            for (const message of messages) takeMessage(tag, message);
        });
    }
}

async function ask(method, params, take) {
    try {
        take(await page.client.call(method, params));
    } catch (error) {
        if (error instanceof RpcError) say("connection-message", error.message, "bad");
    }
}

function onCurrent({ changes }) {
    page.caughtUp = page.begun ? "up to date" : `caught up ${plural(changes, "change")}`;
    if (page.begun) return;
    addToLog({ kind: "connection", arrow: "•", name: "caught up", gist: plural(changes, "change") });
}

function onClose({ code, reason, cause, retryInMs }) {
    const again = retryInMs === null ? "" : ` Trying again in ${(retryInMs / 1000).toFixed(1)} s.`;
    const texts = {
        deliberate: "Disconnected.",
        unauthenticated: "Not signed in: sign up or log in above, and the socket connects by itself.",
        lost: `The connection ended (code ${code}).${again}`,
    };
    addToLog({
        kind: "connection", arrow: "•", name: "closed", aside: `code ${code}`,
        gist: cause === "lost" ? again.trim() : cause === "deliberate" ? "from here" : "not signed in",
        body: reason,
    });
    say("connection-message", texts[cause], cause === "lost" ? "bad" : "plain");
    if (cause === "unauthenticated") showSelf(null);
}

function onChange({ name, code, body }) {
    announce(`${name}: ${gistOfNotification({ type: name, body })}`);
    if (!isObject(body)) return;
    if (name === "newMessage") meet([{ tag: body.senderTag }]);
    if (name === "newMessage") takeMessage(body.senderTag, body);
    if (name === "messageSent") takeMessage(body.receiverTag, body);
    if (code === 3201 && page.self) showSelf({ ...page.self, ...body });
}

function onSync({ dialogs, self }) {
    for (const { userInfo, messages } of dialogs) {
        for (const message of messages) takeMessage(userInfo.tag, message);
    }
    if (dialogs.length > 0) meet(dialogs);
    if (self) showSelf(self);
}

/* Messages: those that came and went while the page was open, by dialog */

function dialogWith(tag) {
    const dialog = page.dialogs.get(tag) ?? { messages: new Map(), unsent: [] };
    page.dialogs.delete(tag);
    page.dialogs.set(tag, dialog);
    if (page.dialogs.size > DIALOGS_LIMIT) page.dialogs.delete(page.dialogs.keys().next().value);
    return dialog;
}

function takeMessage(peer, message) {
    const dialog = dialogWith(peer);
    dialog.messages.set(message._id, message);
    if (dialog.messages.size > MESSAGES_LIMIT) dialog.messages.delete(inOrder(dialog)[0]._id);
    showDialogs();
}

function inOrder({ messages }) {
    return [...messages.values()].sort((a, b) => a.seq - b.seq);
}

/* Until it is stored, a text is shown as one that waits. */
async function sendKept({ receiverTag, text, clientMessageId }) {
    const { unsent } = dialogWith(receiverTag);
    const waiting = { text };
    unsent.push(waiting);
    const sending = page.client.send(receiverTag, text, { clientMessageId });
    showDialogs();
    showStanding();
    try {
        return { status: "OK", message: await sending };
    } finally {
        unsent.splice(unsent.indexOf(waiting), 1);
        showDialogs();
        showStanding();
    }
}

function showDialogs() {
    const shown = [...page.dialogs].reverse().filter(([, { messages, unsent }]) => messages.size + unsent.length > 0);
    byId("dialogs").replaceChildren(...shown.map(([tag, dialog]) => {
        const item = element("li");
        const list = element("ol", "messages");
        list.append(
            ...inOrder(dialog).map(({ senderTag, text }) => messageItem(text, senderTag === tag ? "" : "own")),
            ...dialog.unsent.map(({ text }) => messageItem(text, "own unsent")));
        item.append(element("h3", "", tag), list);
        return item;
    }));
    for (const list of byId("dialogs").querySelectorAll(".messages")) list.scrollTop = list.scrollHeight;
}

function messageItem(text, className) {
    return element("li", className, text.replace(BIDI_CONTROLS, escaped));
}

/* People: tags that were seen, to address with one click */

function meet(users) {
    for (const tag of tagsIn(users)) {
        if (tag === page.self?.tag) continue;
        page.people.delete(tag);
        page.people.add(tag);
        if (page.people.size > PEOPLE_LIMIT) page.people.delete(page.people.values().next().value);
    }
    showPeople();
    if (page.method.tag && !page.drafts.has(page.method.name)) showParams(exampleParams());
}

function tagsIn(users) {
    if (!Array.isArray(users)) return [];
    return users.map((user) => user?.userInfo?.tag ?? user?.tag).filter((tag) => typeof tag === "string");
}

function showPeople() {
    const buttons = [...page.people].reverse().map((tag) => {
        const item = element("li");
        const button = element("button", "", tag);
        button.type = "button";
        button.addEventListener("click", () => address(tag));
        item.append(button);
        return item;
    });
    byId("people-list").replaceChildren(...buttons);
    byId("people").hidden = buttons.length === 0 || !page.method.tag;
}

function address(tag) {
    const params = parsedJson(byId("params").value);
    if (Array.isArray(params)) params[page.method.order.indexOf(page.method.tag)] = tag;
    else if (isObject(params)) params[page.method.tag] = tag;
    else return;
    editParams(params);
}

/* Methods */

function showChoices() {
    const choices = METHODS.map((method) => {
        const label = element("label");
        const input = element("input");
        input.type = "radio";
        input.name = "method";
        input.value = method.name;
        input.addEventListener("change", () => chooseMethod(method));
        label.append(input, element("span", "", method.name));
        return label;
    });
    byId("method-choices").replaceChildren(...choices);
    choices[0].querySelector("input").checked = true;
}

function chooseMethod(method) {
    page.method = method;
    byId("method-about").textContent = method.about;
    byId("params-label").textContent = method.raw ? "Frame" : "Params";
    byId("params-style").hidden = Boolean(method.raw);
    byId("answer").hidden = true;
    showPeople();
    const draft = page.drafts.get(method.name);
    if (draft === undefined) showParams(exampleParams());
    else showText(draft);
}

function isNamedStyle() {
    return byId("call").elements.style.value === "named";
}

function exampleParams() {
    const { method } = page;
    if (method.raw) return method.raw();
    const named = method.params([...page.people].at(-1) ?? "@somebody");
    return isNamedStyle() ? named : Object.values(named);
}

/* A list of plain values on one line; anything with objects in it on several. */
function showParams(params) {
    const isFlat = Array.isArray(params) && !params.some(isObject);
    showText(isFlat
        ? `[${params.map((item) => JSON.stringify(item ?? null)).join(", ")}]`
        : JSON.stringify(params, null, 2));
}

function showText(text) {
    const area = byId("params");
    area.value = text;
    area.rows = Math.min(PARAMS_ROWS_MAX, Math.max(4, text.split("\n").length));
    complain("");
}

function editParams(params) {
    showParams(params);
    page.drafts.set(page.method.name, byId("params").value);
}

/* Keeps what was written, in the other form; what is no valid JSON gives way to the example. */
function changeStyle() {
    const { order = [] } = page.method;
    const params = parsedJson(byId("params").value);
    if (isNamedStyle() && Array.isArray(params)) {
        editParams(Object.fromEntries(params.slice(0, order.length).map((item, i) => [order[i], item])));
    } else if (!isNamedStyle() && isObject(params)) {
        const list = order.map((key) => params[key]);
        while (list.length > 0 && list.at(-1) === undefined) list.pop();
        editParams(list);
    } else if (params === undefined) {
        resetExample();
    }
}

function resetExample() {
    page.drafts.delete(page.method.name);
    showParams(exampleParams());
}

function complain(text) {
    say("params-problem", text, "bad");
    byId("params").setAttribute("aria-invalid", String(text !== ""));
}

function send(event) {
    event?.preventDefault();
    complain("");
    byId("answer").hidden = true;
    const { state } = page.client;
    if (page.method.raw ? state !== "open" : state === "closed" || state === "unauthenticated") {
        return complain("Not connected. Sign up or log in, then connect.");
    }
    const text = byId("params").value;
    if (page.method.raw) {
        page.client.sendRaw(text);
        return showAnswer("plain", "Sent as it stands. Answers show up in the log.");
    }
    const params = text.trim() === "" ? undefined : parsedJson(text);
    if (text.trim() !== "" && !Array.isArray(params) && !isObject(params)) {
        return complain("Params must be a JSON list [ … ] or a JSON object { … }.");
    }
    return call(page.method, params);
}

async function call({ name }, params) {
    const turn = ++page.lastSend;
    const started = performance.now();
    const kept = keptSend(name, params);
    if (!page.client.current) showAnswer("plain", `${name}: waits for the connection`);
    const outcome = await (kept ? sendKept(kept) : page.client.call(name, params)).then(
        (result) => ({ result }),
        (error) => ({ error }));
    const took = `${Math.round(performance.now() - started)} ms`;
    learnFrom(name, outcome.result);
    if (turn !== page.lastSend || name !== page.method.name) return;
    if (!outcome.error) return showAnswer("good", `${name}: done in ${took}`, outcome.result);
    const { error } = outcome;
    if (!(error instanceof RpcError)) return showAnswer("bad", error.message);
    showAnswer("bad", `${name}: error ${errorText(error)}`, error.data);
}

/* What the client can keep until it is stored; undefined for other calls, and for mistaken params,
 * of which the server shall tell. */
function keptSend(name, params) {
    if (name !== "sendMessageToUser") return undefined;
    const { order } = page.method;
    const named = Array.isArray(params) ? Object.fromEntries(params.map((item, i) => [order[i], item])) : params;
    const isRight = isObject(named) && named.receiverTag !== undefined && named.text !== undefined
        && Object.entries(named).every(([key, value]) => order.includes(key) && typeof value === "string");
    return isRight ? named : undefined;
}

function learnFrom(name, result) {
    if (name === "findUsersByTag" || name === "getDialogsList") meet(result);
    if ((name === "getSelfInfo" || name === "setSelfInfo") && isObject(result)) showSelf(result);
}

function showAnswer(tone, title, value) {
    byId("answer").dataset.tone = tone;
    byId("answer").hidden = false;
    byId("answer-title").textContent = title;
    fillJson(byId("answer-json"), value === undefined ? "" : JSON.stringify(value));
}

/* Picture */

let previewAddress = "";

function choosePicture() {
    const [file] = byId("image").files;
    URL.revokeObjectURL(previewAddress);
    previewAddress = file ? URL.createObjectURL(file) : "";
    byId("preview").hidden = !file;
    if (file) byId("preview").src = previewAddress;
    else byId("preview").removeAttribute("src");
    byId("drop-text").textContent = file
        ? `${file.name} (${sizeText(file.size)})`
        : "Choose a picture or drop one here";
    byId("upload-button").disabled = !file;
    byId("uploaded").hidden = true;
    say("upload-message", "");
}

async function upload(event) {
    event.preventDefault();
    const [file] = byId("image").files;
    if (!file) return;
    const body = new FormData();
    body.append("image", file);
    byId("upload-button").disabled = true;
    const answer = await http("POST", "/upload-image", {
        body, shown: JSON.stringify({ image: file.name, type: file.type, size: file.size }),
    });
    byId("upload-button").disabled = false;
    const fileName = fileNameIn(answer.data);
    if (!answer.ok || !fileName) return say("upload-message", problemOf(answer), "bad");
    say("upload-message", "Uploaded. It was scaled, and its metadata is gone.");
    byId("uploaded").hidden = false;
    byId("uploaded-name").textContent = fileName;
    byId("uploaded-picture").src = pictureAddress(fileName);
}

/* The answer is a JSON string that holds JSON once more. */
function fileNameIn(data) {
    const inner = typeof data === "string" ? parsedJson(data) : data;
    return typeof inner?.fileName === "string" ? inner.fileName : "";
}

/* Shows the call in the method form, so that one sees how it is done. */
function usePicture() {
    const method = METHODS.find(({ name }) => name === "setSelfInfo");
    const named = { firstName: "", lastName: "", img: byId("uploaded-name").textContent };
    for (const input of byId("call").elements.method) input.checked = input.value === method.name;
    chooseMethod(method);
    editParams(isNamedStyle() ? named : Object.values(named));
    send();
    say("upload-message", "Asked for it with setSelfInfo; see the answer under “Call a method”.");
}

/* Start */

function listen() {
    byId("sign-up").addEventListener("submit", signUp);
    byId("log-in").addEventListener("submit", logIn);
    byId("log-out").addEventListener("click", logOut);
    byId("other-example").addEventListener("click", fillExample);
    for (const name of ["sign-up", "log-in"]) {
        byId(`${name}-tab`).addEventListener("click", () => selectTab(name));
        byId(`${name}-tab`).addEventListener("keydown", moveTab);
    }
    byId("connect").addEventListener("click", connect);
    byId("disconnect").addEventListener("click", disconnect);
    byId("call").addEventListener("submit", send);
    byId("reset").addEventListener("click", resetExample);
    byId("params-style").addEventListener("change", changeStyle);
    byId("params").addEventListener("input", () => {
        page.drafts.set(page.method.name, byId("params").value);
        complain("");
    });
    byId("params").addEventListener("keydown", (event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send(event);
    });
    byId("image").addEventListener("change", choosePicture);
    byId("upload").addEventListener("submit", upload);
    byId("use-picture").addEventListener("click", usePicture);
    for (const [type, isOver] of [["dragenter", true], ["dragleave", false], ["drop", false]]) {
        byId("drop").addEventListener(type, () => byId("drop").classList.toggle("is-over", isOver));
    }
    byId("filter").addEventListener("input", applyFilter);
    byId("kind").addEventListener("change", applyFilter);
    byId("clear").addEventListener("click", clearLog);
    byId("copy").addEventListener("click", copyLog);
    byId("expand").addEventListener("click", toggleExpandAll);
}

function start() {
    byId("address").value = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api`;
    renewClient();
    showChoices();
    chooseMethod(METHODS[0]);
    fillExample();
    showLogCount();
    listen();
    // The cookie cannot be read from here: whether we are signed in, the socket tells.
    connect();
}

start();
