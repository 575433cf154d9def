/* The client of the demo page, and the state of its connection. */

import { MessengerClient } from "./messenger-client.js";
import { RpcError } from "./messenger-socket.js";
import { byId, plural, showMessage } from "./example-dom.js";
import { logFrame } from "./example-frames.js";
import { addToLog } from "./example-log.js";

const STATE_TEXTS = {
    closed: "Not connected",
    connecting: "Connecting…",
    open: "Connected",
    waiting: "Reconnecting…",
    unauthenticated: "Not signed in",
};

const TEXTS_ON_CLOSE = {
    deliberate: () => "Disconnected.",
    unauthenticated: (wasSignedIn) => (wasSignedIn
        ? "The session has ended. Log in again."
        : "The socket opens when you sign up or log in."),
    lost: (_, { code, retryInMs }) => `The connection was lost (code ${code}).${retryText(retryInMs)}`,
};

const GISTS_ON_CLOSE = {
    deliberate: () => "by this page",
    unauthenticated: () => "not signed in",
    lost: ({ retryInMs }) => retryText(retryInMs).trim(),
};

let client = null;
let isNewState = false; // has the connection started with "begin", not with "sync"?
let standing = ""; // how the present connection has started
let wasSignedIn = false;
let origin = "call"; // of the frame that is being sent
const handlers = new Map(); // type of event -> functions

/* Calls `handle` with each such event of every client made from now on. "renew" is an event of this
 * module: there is a new client. */
export function listen(type, handle) {
    handlers.set(type, [...handlers.get(type) ?? [], handle]);
}

function emit(type, event) {
    for (const handle of handlers.get(type) ?? []) handle(event);
    showStanding();
}

export function currentClient() {
    return client;
}

export function renewClient() {
    client?.close();
    client = new MessengerClient(byId("address").value.trim());
    const made = client;
    for (const type of handlers.keys()) {
        made.addEventListener(type, (event) => made === client && emit(type, event));
    }
    emit("renew", {});
}

/* A client belongs to one user, and after a refused token the next user may be another one. */
export function connect() {
    if (client.state === "unauthenticated" || client.url !== byId("address").value.trim()) renewClient();
    try {
        client.connect();
    } catch (error) {
        showMessage("connection-message", error.message, "bad");
    }
}

/* Calls that the page makes by itself. */

/* Calls `use` with the result. */
export async function ask(method, params, use) {
    try {
        use(await client.call(method, params));
    } catch (error) {
        if (error instanceof RpcError) showMessage("connection-message", error.message, "bad");
    }
}

/* The same for what is not worth an entry in the log. Returns undefined when there is no answer. */
export async function askInBackground(method, params) {
    if (!client.current) return undefined;
    try {
        return await withOrigin("background", () => client.call(method, params, { repeat: false }));
    } catch {
        return undefined; // asked again at the next occasion
    }
}

export function sendRaw(text) {
    withOrigin("raw", () => client.sendRaw(text));
}

/* An open socket sends, and reports the frame, before the call returns. */
function withOrigin(given, run) {
    origin = given;
    try {
        return run();
    } finally {
        origin = "call";
    }
}

/* What the page shows */

function showState(state) {
    const busy = state === "connecting" || state === "open";
    const ended = state === "unauthenticated" && wasSignedIn;
    byId("state").dataset.state = state;
    byId("state").dataset.tone = ended ? "bad" : "";
    byId("state-text").textContent = ended ? "Session ended" : STATE_TEXTS[state];
    byId("connect").disabled = busy;
    byId("connect").textContent = state === "waiting" ? "Retry now" : "Connect";
    byId("disconnect").disabled = !busy && state !== "waiting";
    for (const [id, other] of [["connect", "disconnect"], ["disconnect", "connect"]]) {
        if (byId(id).disabled && document.activeElement === byId(id)) byId(other).focus();
    }
}

function showStanding() {
    const { state, current, epoch, position, unsent } = client;
    const text = current ? standing : state === "open" ? "fetching changes…" : "resumes here";
    const parts = [`Position ${position}`, text];
    if (unsent > 0) parts.push(`${plural(unsent, "message")} pending`);
    byId("standing").textContent = parts.join(" · ");
    byId("standing").hidden = epoch === "" && unsent === 0;
}

function retryText(retryInMs) {
    return retryInMs === null ? "" : ` Retrying in ${(retryInMs / 1000).toFixed(1)} s.`;
}

function onOpen() {
    isNewState = false;
    showMessage("connection-message", "");
    addToLog({ kind: "connection", arrow: "•", name: "open", gist: client.url });
}

function onCurrent({ changes }) {
    standing = isNewState ? "up to date" : `resumed, ${plural(changes, "change")} fetched`;
    if (isNewState) return;
    addToLog({ kind: "connection", arrow: "•", name: "resumed", gist: `${plural(changes, "change")} fetched` });
}

function onClose(event) {
    const { code, reason, cause } = event;
    addToLog({
        kind: "connection", arrow: "•", name: "closed", aside: `code ${code}`,
        gist: GISTS_ON_CLOSE[cause](event), body: reason,
    });
    const isFailure = cause === "lost" || (cause === "unauthenticated" && wasSignedIn);
    showMessage("connection-message", TEXTS_ON_CLOSE[cause](wasSignedIn, event), isFailure ? "bad" : "plain");
    if (cause === "unauthenticated") wasSignedIn = false;
}

export function startConnection() {
    listen("state", ({ state }) => showState(state));
    listen("open", onOpen);
    listen("renew", () => { wasSignedIn = false; });
    listen("begin", () => {
        isNewState = true;
        wasSignedIn = true;
    });
    listen("current", onCurrent);
    listen("close", onClose);
    listen("frame", (frame) => logFrame(frame, origin));
    byId("connect").addEventListener("click", connect);
    byId("disconnect").addEventListener("click", () => client.close());
}
