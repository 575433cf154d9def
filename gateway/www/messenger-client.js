/*
 * A client of the messenger that misses nothing and sends nothing twice, although connections break:
 * a MessengerSocket with a queue of sends and a position to resume from. It needs no DOM, and keeps
 * its state in memory only. A client belongs to one user: for another user, close it and make another.
 *
 *     const client = new MessengerClient("wss://host/api");
 *     client.addEventListener("begin", () => readTheLists(client));
 *     client.addEventListener("change", ({ name, body }) => apply(name, body));
 *     client.addEventListener("sync", ({ dialogs, self, online }) => merge(dialogs, self, online));
 *     client.connect();
 *     const message = await client.send("@bob", "hi, Bob");
 *
 * Methods and properties
 *
 *   connect()            As in MessengerSocket; close() also rejects every send and call without an
 *   close()              answer. Both may be called any number of times.
 *   send(receiverTag, text, {clientMessageId})
 *                        A promise of the message as the server has stored it. The message gets a
 *                        `clientMessageId` if it has none, is queued, and is sent with the same id
 *                        until the server answers: again on every new connection, and after the
 *                        errors -32001 and -32002 when their `retryAfterMs` and a random time have
 *                        passed. One is in flight at a time, so messages are stored in the order of
 *                        the calls. The promise is settled once; it is rejected with
 *                        - an RpcError for any other error (-32602, -32003, -32700, ...);
 *                        - a ConnectionError, whose `reason` is "closed" (by close(); the message
 *                          may be stored or not), "other-user" (likewise; see "begin"), "refused"
 *                          (the server closed the connection because of it), "too-large" (over
 *                          `textMaxBytes` in UTF-8, or over `frameMaxBytes` with the request
 *                          around it), "not-open" (it was closed already) or "full" (`sendsMax`
 *                          are pending); nothing was sent in the last three cases.
 *                        Those that follow are sent all the same.
 *                        A send stays pending while the token is not accepted, too.
 *   call(method, params, {repeat, timeoutMs})
 *                        A promise as from MessengerSocket.call(). Without a connection, and while
 *                        the client catches up, the call waits. If the connection ends before the
 *                        answer, a call with `repeat` is made again on the next one; others are
 *                        rejected. The default of `repeat` is true for the methods that are safe to
 *                        repeat (SAFE_TO_REPEAT below), otherwise false. Errors of the server are
 *                        passed to the caller, also "timeout" when other calls are answered, and
 *                        so are "refused" and "too-large". "full": `callsMax` have no answer. All calls are rejected with "not-open"
 *                        while the client is closed or the token is not accepted.
 *   check(timeoutMs)     Finds out whether the connection still is one, as after a sleep of the computer:
 *                        without any frame in this time it is given up. Does nothing without one.
 *   sendRaw(text)        As in MessengerSocket.
 *   state, url           As in MessengerSocket.
 *   current              True when every change up to the opening of the connection was dispatched.
 *   epoch, position      All changes up to here were dispatched; "" and 0 before the first "begin".
 *                        An application that stores what it receives stores these two with it, and
 *                        passes them to the next constructor with the `tag` of the user: the client
 *                        then resumes from there.
 *                        (It also stores sends without an answer, with a `clientMessageId` of its
 *                        own: the position may be past them.)
 *   user                 The user, as of the latest "begin"; null before.
 *   unsent               The number of sends without an answer.
 *
 * Events, all with the fields as properties of the event. "state", "open", "close" and "frame" are
 * those of MessengerSocket. On each connection, "open" is followed by "begin" or by any number of
 * "sync", then by the notifications that arrived meanwhile, then by "current" and everything after.
 *
 *   begin    {epoch, position, user, reset}
 *            No earlier state is valid: the application reads all its lists; they may already
 *            contain some of the following changes. Sent the first time, and with `reset` when the
 *            server cannot list what has changed, or when the cookie now belongs to another `user`:
 *            then pending sends and calls, which belonged to the former user, are rejected before.
 *   sync     {dialogs, self, online, position}
 *            A page of what changed while there was no connection, as the method sync returns it,
 *            to be merged into the known state; `self` and `online` are null if a page has none.
 *   change   {name, code, body}
 *            A notification, in order, each once: those before the position are dropped.
 *   sent     {message, clientMessageId}
 *            A message of this client is stored; dispatched before the promise of send() resolves.
 *   current  {position, changes}
 *            The client has caught up, with this number of changes, and sent what was pending.
 *
 * Every message is dispatched once, in "change", "sync" or "sent": a message of this client may
 * arrive by any of them and is recognised by its `_id`. (The last `idsMax` are remembered.)
 *
 * A connection that receives nothing for `callTimeoutMs` after a call is given up. After
 * `pingIntervalMs` without a frame the client calls getSelfInfo itself, because browsers do not
 * report pings: a dead connection is detected within two such intervals.
 *
 * When the server closes a connection because of a call (1002, 1003, 1007, 1009) while several had
 * no answer, those are repeated one by one, until each has an answer or is found to be the cause.
 */

import { ConnectionError, isTransient } from "./messenger-answers.js";
import {
    FieldsEvent, MessengerSocket, refuseLarger, request, withDefaults,
} from "./messenger-socket.js";

const SAFE_TO_REPEAT = new Set([
    "getSelfInfo", "getDialogsList", "getMessagesWithUser", "findUsersByTag", "hello", "sync",
    "markMessagesWithUserAsRead", "setSelfInfo", "listSessions", "revokeOtherSessions",
]);
const MESSAGE_CODES = new Set([3001, 3002]); // newMessage, messageSent

const FORWARDED = {
    state: ["state"],
    frame: ["direction", "text", "data", "at"],
};

const DEFAULTS = {
    epoch: "",
    position: 0,
    tag: "", // of the user of epoch and position, if known
    pingIntervalMs: 30_000,
    textMaxBytes: 16_384, // what the server accepts
    syncLimit: 100, // changes a page
    sendsMax: 1000,
    callsMax: 1000,
    heldMax: 1000, // notifications held while it catches up; beyond, it syncs again
    idsMax: 10_000,
    newId: randomHex,
};

export class MessengerClient extends EventTarget {
    #socket;
    #options;
    #epoch;
    #position;
    #tag;
    #user = null;
    #connection = 0; // changes whenever a connection opens or ends
    #receivedAt = 0;
    #current = false;
    #held = []; // notifications that arrived before it was current
    #lostHeld = false;
    #seenIds = new Set(); // `_id`s of messages, the latest last
    #sends = []; // {params, resolve, reject}; only the first may be on its way
    #sendingOn = 0; // the connection on which it is
    #calls = new Set(); // {method, params, repeat, timeoutMs, resolve, reject}
    #pauses = new Set(); // {timer, end}
    #watchTimer = null;
    #doubtful = new Set(); // sends and calls: because of one of them the server closed a connection
    #line = Promise.resolve(); // settled when the latest attempt in line has ended

    /* `options`: any of DEFAULTS and of those of MessengerSocket. */
    constructor(url, options = {}) {
        super();
        this.#options = { ...DEFAULTS, ...withDefaults(options) };
        const { epoch, position } = this.#options;
        const known = typeof epoch === "string" && Number.isSafeInteger(position) && position >= 0;
        this.#epoch = known ? epoch : "";
        this.#position = known ? position : 0;
        this.#tag = known ? this.#options.tag : "";
        this.#socket = new MessengerSocket(url, this.#options);
        for (const [type, names] of Object.entries(FORWARDED)) {
            this.#socket.addEventListener(type, (event) => this.#emit(type, pick(event, names)));
        }
        this.#socket.addEventListener("frame", (frame) => this.#received(frame));
        this.#socket.addEventListener("open", () => this.#opened());
        this.#socket.addEventListener("close", (event) => this.#ended(event));
        this.#socket.addEventListener("notification", (event) => this.#notified(event));
    }

    get state() {
        return this.#socket.state;
    }

    get url() {
        return this.#socket.url;
    }

    get current() {
        return this.#current;
    }

    get epoch() {
        return this.#epoch;
    }

    get position() {
        return this.#position;
    }

    get user() {
        return this.#user;
    }

    get unsent() {
        return this.#sends.length;
    }

    connect() {
        this.#socket.connect();
    }

    close() {
        this.#disconnected();
        this.#rejectAll("closed", "The client was closed before the answer came.");
        this.#socket.close();
    }

    send(receiverTag, text, { clientMessageId = this.#options.newId() } = {}) {
        return new Promise((resolve, reject) => {
            if (this.state === "closed") throw new ConnectionError("not-open", "The client is closed.");
            refuseMore(this.#sends.length, this.#options.sendsMax);
            refuseLarger("The text", text, this.#options.textMaxBytes);
            const params = [receiverTag, text, clientMessageId];
            this.#refuseLarger("sendMessageToUser", params);
            this.#sends.push({ params, resolve, reject });
            if (this.#current) this.#sendAll(this.#connection);
        });
    }

    call(method, params, { repeat = SAFE_TO_REPEAT.has(method), timeoutMs } = {}) {
        return new Promise((resolve, reject) => {
            if (this.state === "closed" || this.state === "unauthenticated") throw notOpen();
            refuseMore(this.#calls.size, this.#options.callsMax);
            this.#refuseLarger(method, params);
            const call = { method, params, repeat, timeoutMs, resolve, reject };
            this.#calls.add(call);
            if (this.#current) this.#perform(call);
        });
    }

    check(timeoutMs = this.#options.callTimeoutMs) {
        this.#probe(timeoutMs);
    }

    sendRaw(text) {
        this.#socket.sendRaw(text);
    }

    /* Now rather than when its turn comes. The id, which is not known yet, may still make it too large. */
    #refuseLarger(method, params) {
        refuseLarger("The request", request(method, params, 0), this.#options.frameMaxBytes);
    }

    /* The connection */

    #received({ direction, at }) {
        if (direction === "in") this.#receivedAt = at;
    }

    #opened() {
        this.#connection += 1;
        const connection = this.#connection;
        this.#receivedAt = this.#options.now();
        this.#watch();
        this.#emit("open", {});
        this.#catchUp(connection);
    }

    #ended(event) {
        this.#disconnected();
        if (event.cause === "unauthenticated") this.#rejectCalls();
        this.#emit("close", pick(event, ["code", "reason", "cause", "error", "retryInMs", "wasAccepted"]));
    }

    #disconnected() {
        this.#connection += 1;
        this.#current = false;
        this.#held = [];
        this.#lostHeld = false;
        this.#options.clearTimeout(this.#watchTimer);
        for (const pause of this.#pauses) {
            this.#options.clearTimeout(pause.timer);
            pause.end();
        }
    }

    #rejectAll(reason, message) {
        const given = [...this.#sends, ...this.#calls];
        this.#sends = [];
        this.#calls.clear();
        this.#doubtful.clear();
        for (const { reject } of given) reject(new ConnectionError(reason, message));
    }

    #rejectCalls() {
        for (const call of this.#calls) {
            this.#doubtful.delete(call);
            call.reject(notOpen());
        }
        this.#calls.clear();
    }

    /* Makes a call after an interval without a frame, and again after the next one. */
    #watch() {
        const { now, pingIntervalMs, callTimeoutMs } = this.#options;
        const silentMs = now() - this.#receivedAt;
        const due = silentMs >= pingIntervalMs;
        this.#watchTimer = this.#options.setTimeout(
            () => this.#watch(), due ? pingIntervalMs : pingIntervalMs - silentMs);
        if (!due) return;
        this.#probe(Math.min(pingIntervalMs, callTimeoutMs));
    }

    /* Any answer is a sign of life. */
    #probe(timeoutMs) {
        const limits = { timeoutMs, silentMaxMs: timeoutMs, harmless: true };
        this.#attempt("getSelfInfo", undefined, limits).catch(() => {});
    }

    /* One attempt. After `silentMaxMs` without any frame the connection counts as lost. */
    async #attempt(method, params,
        { timeoutMs, silentMaxMs = this.#options.callTimeoutMs, harmless = false } = {}) {
        const askedAt = this.#options.now();
        try {
            return await this.#socket.call(method, params, { timeoutMs, harmless });
        } catch (error) {
            const silentMs = this.#options.now() - Math.max(askedAt, this.#receivedAt);
            if (error.reason === "timeout" && silentMs >= silentMaxMs) this.#socket.drop();
            throw error;
        }
    }

    /* An attempt of a send or a call: at once or, while any is in doubt, when the one before has ended. */
    async #attemptInLine(item, connection, method, params, timeoutMs) {
        const before = this.#line;
        let end;
        this.#line = new Promise((resolve) => { end = resolve; });
        try {
            if (this.#doubtful.size > 0) await before;
            if (connection !== this.#connection) throw notOpen();
            return await this.#attempt(method, params, { timeoutMs });
        } catch (error) {
            if (error.inDoubt) this.#doubtful.add(item);
            throw error;
        } finally {
            end();
        }
    }

    /* Resolves when what the server asks for and a random time have passed, or the connection ends. */
    #pause(error, attempt) {
        const { backoffBaseMs, backoffCapMs, random, setTimeout } = this.#options;
        const asked = Number(error.data?.retryAfterMs) || 0;
        const wait = asked + Math.round(random() * Math.min(backoffCapMs, backoffBaseMs * 2 ** attempt));
        return new Promise((resolve) => {
            const pause = {
                end: () => {
                    this.#pauses.delete(pause);
                    resolve();
                },
            };
            pause.timer = setTimeout(pause.end, wait);
            this.#pauses.add(pause);
        });
    }

    /* Catching up */

    /* Returns silently when the connection ends: the next one starts again from the position. */
    async #catchUp(connection) {
        const since = this.#position;
        let begun = this.#epoch === "";
        try {
            if (begun) await this.#begin(connection, false);
            for (let more = !begun; more || this.#lostHeld;) {
                this.#lostHeld = false; // what was dropped is stored, so this page or a later one has it
                const page = await this.#ask(connection, "sync",
                    [this.#epoch, this.#position, this.#options.syncLimit]);
                const reset = page.reset || this.#isAnother(page.tag);
                begun ||= reset;
                more = page.more && !reset;
                if (reset) await this.#begin(connection, true);
                else this.#takePage(page);
            }
        } catch (error) {
            if (connection === this.#connection) throw error;
            return;
        }
        this.#release(connection);
        if (connection === this.#connection) this.#becomeCurrent(begun ? 0 : this.#position - since);
    }

    async #begin(connection, reset) {
        const { epoch, position, user } = await this.#ask(connection, "hello");
        if (this.#isAnother(user.tag)) this.#rejectAll("other-user", `The user is ${user.tag} now.`);
        this.#tag = user.tag;
        this.#epoch = epoch;
        this.#position = position;
        this.#user = user;
        if (reset) this.#seenIds.clear();
        this.#emit("begin", { epoch, position, user, reset });
    }

    /* Another user than the one of the position. */
    #isAnother(tag) {
        return this.#tag !== "" && tag !== undefined && tag !== this.#tag;
    }

    #takePage({ dialogs, self = null, online = null, position }) {
        this.#position = Math.max(this.#position, position);
        const news = dialogs.map((dialog) => ({
            ...dialog, messages: dialog.messages.filter(({ _id }) => this.#isNews(_id)),
        }));
        this.#emit("sync", { dialogs: news, self, online, position: this.#position });
    }

    /* Repeats the call until it is answered. Rejects when the connection has ended. */
    async #ask(connection, method, params) {
        for (let attempt = 0; connection === this.#connection; attempt += 1) {
            try {
                return await this.#attempt(method, params, { harmless: true });
            } catch (error) {
                if (connection === this.#connection) await this.#pause(error, attempt);
            }
        }
        throw notOpen();
    }

    /* The held notifications, in order. A handler may close the client, which empties the list. */
    #release(connection) {
        while (connection === this.#connection && this.#held.length > 0) this.#change(this.#held.shift());
    }

    #becomeCurrent(changes) {
        const waiting = [...this.#calls]; // those that handlers make from now on are not of them
        this.#current = true;
        this.#sendAll(this.#connection);
        for (const call of waiting) this.#perform(call);
        this.#emit("current", { position: this.#position, changes });
    }

    /* Notifications */

    #notified(notification) {
        if (this.#current) {
            this.#change(notification);
        } else if (this.#held.push(notification) > this.#options.heldMax) {
            this.#held = [];
            this.#lostHeld = true;
        }
    }

    #change({ name, code, body }) {
        const number = body?.userSeq;
        if (number <= this.#position) return;
        if (Number.isSafeInteger(number)) this.#position = number;
        if (MESSAGE_CODES.has(code) && !this.#isNews(body?._id)) return;
        this.#emit("change", { name, code, body });
    }

    #isNews(id) {
        if (this.#seenIds.has(id)) return false;
        this.#seenIds.add(id);
        if (this.#seenIds.size > this.#options.idsMax) this.#seenIds.delete(this.#seenIds.values().next().value);
        return true;
    }

    /* Sends and calls */

    /* While this connection lasts and sends are pending. */
    async #sendAll(connection) {
        if (this.#sendingOn === connection) return;
        this.#sendingOn = connection;
        let attempt = 0;
        while (connection === this.#connection && this.#sends.length > 0) {
            const send = this.#sends[0];
            const outcome = await this.#attemptInLine(send, connection, "sendMessageToUser", send.params).then(
                ({ message }) => ({ message }),
                (error) => ({ error }));
            if (this.#sends[0] !== send) return; // closed
            if (outcome.error && isTransient(outcome.error)) {
                if (connection === this.#connection) await this.#pause(outcome.error, attempt);
                attempt += 1;
                continue;
            }
            attempt = 0;
            this.#sends.shift();
            this.#doubtful.delete(send);
            this.#settle(send, outcome);
        }
        if (this.#sendingOn === connection) this.#sendingOn = 0;
    }

    #settle({ params: [, , clientMessageId], resolve, reject }, { message, error }) {
        if (error) {
            reject(error);
            return;
        }
        if (this.#isNews(message._id)) this.#emit("sent", { message, clientMessageId });
        resolve(message);
    }

    async #perform(call) {
        const connection = this.#connection;
        const outcome = await this.#attemptInLine(call, connection, call.method, call.params, call.timeoutMs).then(
            (result) => ({ result }),
            (error) => ({ error }));
        if (!this.#calls.has(call)) return; // closed
        if (connection !== this.#connection && staysPending(call, outcome.error)) return; // on the next one
        this.#calls.delete(call);
        this.#doubtful.delete(call);
        if (outcome.error) call.reject(outcome.error);
        else call.resolve(outcome.result);
    }

    #emit(type, fields) {
        this.dispatchEvent(new FieldsEvent(type, fields));
    }
}

/* After the end of its connection: a call that was not sent, or that may be sent twice. */
function staysPending(call, error) {
    return error instanceof ConnectionError && isTransient(error) && (call.repeat || error.reason === "not-open");
}

function refuseMore(count, most) {
    if (count >= most) throw new ConnectionError("full", `${most} are waiting already.`);
}

function notOpen() {
    return new ConnectionError("not-open", "The client is not connected.");
}

function pick(event, names) {
    return Object.fromEntries(names.map((name) => [name, event[name]]));
}

/* crypto.randomUUID requires https, which a private server may not have. */
function randomHex() {
    const bytes = globalThis.crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
