/*
 * A WebSocket that speaks the messenger's JSON-RPC and reconnects. messenger-client.js adds the
 * changes that were missed and the sends to repeat. It needs no DOM; the WebSocket class, the
 * timers, the clock and the source of random numbers can be replaced, for tests.
 *
 * Methods and properties
 *
 *   connect()            Opens the connection. Does nothing while one is open or being opened; while
 *                        waiting to reconnect it tries at once. Throws what the WebSocket class
 *                        throws for an invalid address.
 *   close()              Ends it at once and for good: no reconnection until the next connect().
 *                        On a connection that has ended already it only makes the state "closed".
 *   drop()               Gives up the current connection as lost, because it no longer answers.
 *                        Does nothing without a connection.
 *   call(method, params) A promise of the result. It is always settled, and settled once:
 *                        - the server's result, or an RpcError with its `code`, `message`, `data`.
 *                          An error whose `id` is null belongs to a call once no other call can be
 *                          its cause;
 *                        - a ConnectionError, whose `reason` is "not-open" or "too-large" (nothing
 *                          was sent), "refused" (the server closed the connection because of this
 *                          call: 1002, 1003, 1007 or 1009; repeating it has the same end),
 *                          "timeout" or "closed" (it was sent; whether the server ran it is
 *                          unknown, so repeat only what is safe to repeat). With `inDoubt`, the
 *                          server closed the connection because of this call or of another one.
 *   notify(method, params) Sends without asking for an answer. Throws a ConnectionError if not open
 *                        or too large.
 *   sendRaw(text)        Sends the text unchanged. Answers to it appear in "frame" events only.
 *   state                "closed", "connecting", "open", "waiting" (to reconnect) or
 *                        "unauthenticated".
 *
 * Calls are sent in the order they are made, and never queued: a connection that is not open
 * refuses them. When a connection ends, every call without an answer is rejected before the
 * "close" event.
 *
 * Events, all with the fields as properties of the event
 *
 *   state         {state}                     every change, before the event that belongs to it
 *   open          {}                          connected. The server checks the token after this, so
 *                                             an unauthenticated client gets "open", then "close"
 *   close         {code, reason, cause, error, retryInMs, wasAccepted}
 *                 `cause`: "deliberate" (close() was called), "unauthenticated" (the server does not
 *                 accept the token) or "lost" (anything else). `error` is the {name, message} that
 *                 the server gave as the reason, or null. `retryInMs` is null if no
 *                 reconnection will follow. `wasAccepted`: the server had sent a frame, so it had
 *                 accepted the token when the connection was opened.
 *   notification  {name, code, body}          `name` is the notification's type, as "newMessage"
 *   frame         {direction, text, data, at} every frame, "in" or "out", before it is acted upon;
 *                                             `data` is the parsed JSON or undefined
 *
 * A connection that is not open `connectTimeoutMs` after connect() is lost. A frame may have
 * `frameMaxBytes`, the limit of the server, except in sendRaw().
 *
 * Reconnection follows every loss except a deliberate or an unauthenticated one. A token that expires
 * while its connection is open is a loss the first time: the cookie may have a newer one, so the
 * connection is opened again at once. If that one is not accepted, it is unauthenticated.
 *
 * The wait is a random share of a bound that starts at `backoffBaseMs` and doubles up to `backoffCapMs`
 * (full jitter), so that many clients do not reconnect at the same time. It starts over once a
 * connection has lasted `stableAfterMs`; and, only once in that time, after the codes 1001 and 1012,
 * which mean that another gateway is available. After 1013 (too slow a reader) it starts two doublings
 * later.
 */

import { ConnectionError, PendingCalls, RpcError } from "./messenger-answers.js";

export { ConnectionError, RpcError };

const CONNECTING_STATES = new Set(["connecting", "open"]);

const COME_BACK_SOON = new Set([1001, 1012]); // close codes
const CLOSING = 2; // WebSocket.CLOSING
const TRY_LATER = 1013;
const TRY_LATER_DOUBLINGS = 2;
const DROPPED = 4000; // of the codes that applications may use
const NO_AUTH = "NoAuthJWTError";
const EXPIRED = "Authorization data expired."; // otherwise the session is over, or there was no token

const DEFAULTS = {
    callTimeoutMs: 10_000,
    connectTimeoutMs: 30_000,
    frameMaxBytes: 65_536, // what the server accepts
    backoffBaseMs: 1000,
    backoffCapMs: 30_000,
    stableAfterMs: 10_000,
};

export function withDefaults(options) {
    return {
        ...DEFAULTS,
        WebSocket: globalThis.WebSocket,
        setTimeout: (run, ms) => globalThis.setTimeout(run, ms),
        clearTimeout: (timer) => globalThis.clearTimeout(timer),
        now: () => Date.now(),
        random: () => Math.random(),
        ...options,
    };
}

/* An event with fields as its properties. */
export class FieldsEvent extends Event {
    constructor(type, fields) {
        super(type);
        Object.assign(this, fields);
    }
}

export class MessengerSocket extends EventTarget {
    #url;
    #options;
    #socket = null;
    #state = "closed";
    #pending;
    #lastId = 0;
    #attempts = 0;
    #cameSoon = false; // has a close code made the pauses start over, since a connection lasted?
    #wasAccepted = false; // has the server sent a frame on this connection?
    #triesCookie = false; // reconnecting after a token has expired, until the next one is accepted
    #retryTimer = null;
    #stableTimer = null;
    #connectTimer = null;

    /* `options`: any of those in withDefaults. */
    constructor(url, options = {}) {
        super();
        this.#url = String(url);
        this.#options = withDefaults(options);
        this.#pending = new PendingCalls(this.#options);
    }

    get state() {
        return this.#state;
    }

    get url() {
        return this.#url;
    }

    connect() {
        if (CONNECTING_STATES.has(this.#state)) return;
        this.#stopTimers();
        const socket = new this.#options.WebSocket(this.#url);
        this.#socket = socket;
        this.#wasAccepted = false;
        // A socket that was given up may still report; only the present one is listened to.
        const ifPresent = (handle) => (event) => this.#socket === socket && handle(event);
        socket.onopen = ifPresent(() => this.#opened());
        socket.onmessage = ifPresent((event) => this.#received(event.data));
        socket.onclose = ifPresent((event) => this.#ended(event));
        this.#connectTimer = this.#options.setTimeout(
            () => this.#giveUpConnecting(), this.#options.connectTimeoutMs);
        this.#enter("connecting");
    }

    close() {
        const wasActive = CONNECTING_STATES.has(this.#state) || this.#state === "waiting";
        const socket = this.#socket;
        this.#stopTimers();
        this.#startOver();
        this.#triesCookie = false;
        this.#socket = null;
        if (socket) closeQuietly(socket);
        this.#pending.end(1000, "The connection was closed here before the answer came.");
        this.#enter("closed");
        if (!wasActive) return;
        this.#emit("close", {
            code: 1000, reason: "", cause: "deliberate", error: null, retryInMs: null, wasAccepted: this.#wasAccepted,
        });
    }

    drop() {
        if (!CONNECTING_STATES.has(this.#state)) return;
        closeQuietly(this.#socket, DROPPED);
        this.#ended({ code: DROPPED, reason: "" });
    }

    /* `harmless`: known to be valid, so never the reason for which the server closes. */
    call(method, params, { timeoutMs = this.#options.callTimeoutMs, harmless = false } = {}) {
        return new Promise((resolve, reject) => {
            const id = ++this.#lastId;
            this.#sendRequest(request(method, params, id));
            this.#pending.add(id, { method, resolve, reject, harmless }, timeoutMs);
        });
    }

    notify(method, params) {
        this.#sendRequest(request(method, params));
    }

    sendRaw(text) {
        this.#send(String(text));
        this.#pending.addRaw(parsed(text));
    }

    #sendRequest(text) {
        refuseLarger("The request", text, this.#options.frameMaxBytes);
        this.#send(text);
    }

    #send(text) {
        if (this.#state !== "open") {
            throw new ConnectionError("not-open", "The socket is not connected.");
        }
        this.#emit("frame", this.#frame("out", text));
        /* Of a socket that is closing, the close event follows, which ends the call. */
        if (!(this.#socket.readyState >= CLOSING)) this.#socket.send(text);
    }

    #giveUpConnecting() {
        this.#socket.close();
        this.#ended({ code: DROPPED, reason: "" });
    }

    #opened() {
        this.#options.clearTimeout(this.#connectTimer);
        this.#stableTimer = this.#options.setTimeout(
            () => this.#startOver(), this.#options.stableAfterMs);
        this.#enter("open");
        this.#emit("open", {});
    }

    #received(text) {
        if (typeof text !== "string") return;
        this.#wasAccepted = true;
        this.#triesCookie = false;
        const frame = this.#frame("in", text);
        this.#emit("frame", frame);
        for (const item of Array.isArray(frame.data) ? frame.data : [frame.data]) {
            this.#dispatch(item);
        }
    }

    #dispatch(item) {
        if (item === null || typeof item !== "object") return;
        if (typeof item.type === "string" && !("id" in item)) {
            this.#emit("notification", { name: item.type, code: item.code, body: item.body });
            return;
        }
        if ("id" in item) this.#pending.answer(item);
    }

    #ended({ code, reason }) {
        const error = errorInReason(reason);
        const hasExpired = error?.name === NO_AUTH && error.message === EXPIRED && !this.#triesCookie;
        const unauthenticated = error?.name === NO_AUTH && !hasExpired;
        this.#triesCookie = hasExpired || (this.#triesCookie && !unauthenticated);
        this.#socket = null;
        this.#stopTimers();
        this.#pending.end(code, `The connection ended (code ${code}) before the answer came.`);
        const retryInMs = unauthenticated ? null : this.#planRetry(code, hasExpired);
        this.#enter(unauthenticated ? "unauthenticated" : "waiting");
        this.#emit("close", {
            code, reason, cause: unauthenticated ? "unauthenticated" : "lost", error, retryInMs,
            wasAccepted: this.#wasAccepted,
        });
    }

    #planRetry(code, atOnce) {
        const { backoffBaseMs, backoffCapMs, random } = this.#options;
        if (COME_BACK_SOON.has(code) && !this.#cameSoon) {
            this.#attempts = 0;
            this.#cameSoon = true;
        }
        if (code === TRY_LATER) this.#attempts = Math.max(this.#attempts, TRY_LATER_DOUBLINGS);
        const bound = Math.min(backoffCapMs, backoffBaseMs * 2 ** this.#attempts);
        const wait = atOnce ? 0 : Math.round(random() * bound);
        if (!atOnce) this.#attempts += 1;
        this.#retryTimer = this.#options.setTimeout(() => this.connect(), wait);
        return wait;
    }

    #startOver() {
        this.#attempts = 0;
        this.#cameSoon = false;
    }

    #stopTimers() {
        this.#options.clearTimeout(this.#retryTimer);
        this.#options.clearTimeout(this.#stableTimer);
        this.#options.clearTimeout(this.#connectTimer);
        this.#retryTimer = null;
        this.#stableTimer = null;
        this.#connectTimer = null;
    }

    #frame(direction, text) {
        return { direction, text, data: parsed(text), at: this.#options.now() };
    }

    #enter(state) {
        if (this.#state === state) return;
        this.#state = state;
        this.#emit("state", { state });
    }

    #emit(type, fields) {
        this.dispatchEvent(new FieldsEvent(type, fields));
    }
}

export function request(method, params, id) {
    return JSON.stringify({ jsonrpc: "2.0", method, params, id });
}

/* Throws if the text has more bytes in UTF-8. */
export function refuseLarger(what, text, maxBytes) {
    const bytes = new TextEncoder().encode(text).length;
    if (bytes <= maxBytes) return;
    throw new ConnectionError("too-large", `${what} has ${bytes} bytes; at most ${maxBytes} are allowed.`);
}

/* Closing a socket that is still being opened is an error on a browser's console: let it open. */
function closeQuietly(socket, code = 1000) {
    const stillConnecting = socket.readyState === 0;
    if (stillConnecting) socket.onopen = () => socket.close(code);
    else socket.close(code);
}

function parsed(text) {
    try {
        return JSON.parse(text);
    } catch {
        return undefined;
    }
}

function errorInReason(reason) {
    const error = parsed(reason)?.Error;
    return error && typeof error.name === "string" ? error : null;
}
