/*
 * The connection of one user: what the server reports becomes actions of the store, and what the user
 * does becomes calls. It needs neither a DOM nor IndexedDB.
 *
 * Events: "connection" when `connection` has changed; "unauthenticated" {isEnded} when the token is not
 * accepted, `isEnded` when it was until now, and has not expired: the session was ended, as by another device;
 * "user" {user} when the cookie belongs to another user than the state, then "begin" {user} when
 * everything is to be read anew, both before the state is changed; "message" {message,
 * tag} for a message of somebody else that has just arrived, not one that was missed; "deleted" {tag}
 * when the account of somebody else was deleted just now; "outcome" {tag, id,
 * message, reason} of what the user wrote: `message` as it was stored, or null and why it was refused.
 */

import { MessengerClient } from "../../messenger-client.js";
import { otherTag, sameTag } from "../state/messages.js";
import { dialogOf } from "../state/state.js";
import { History } from "./history.js";

const LIST_PAGE = 1000;
const SEEN_MS = 250; // reading a conversation makes one call, not one for each message
const WAKE_MS = 5000; // how long a connection may be silent after a sleep
const PAUSE_MS = 1000;
const PASSWORD_MS = 30_000; // hashing takes the server a while
const RETRIED = new Set([-32_000, -32_001, -32_002]); // errors of the server that pass

export class Session extends EventTarget {
    #store;
    #client;
    #connection = "connecting";
    #history;
    #refreshing = new Map(); // key of a conversation -> {oldest, newest}: the positions before the changes to be read
    #before = 0; // the position before the notification that is being handled
    #seen = new Map(); // tag -> up to where it is to be marked
    #reporting = new Map(); // tag -> up to where a call marks it
    #seenTimer = null;
    #sending = new Set(); // ids of what this session sends
    #presences = 0; // how many changes of presence were notified
    #notified = new Map(); // key of a user -> which of them was the last
    #opened = 0; // how many before the connection was opened
    #decisions = 0; // how many of the user's decisions about others were made or notified
    #lineage = 0; // changes whenever the server cannot continue from what is known
    #isClosed = false;
    #setTimeout;
    #clearTimeout;

    /* `place`: {epoch, position, tag} of the state, if it was stored. `options`: of MessengerClient. */
    constructor(store, url, place = {}, options = {}) {
        super();
        this.#store = store;
        this.#setTimeout = options.setTimeout ?? ((run, ms) => setTimeout(run, ms));
        this.#clearTimeout = options.clearTimeout ?? ((timer) => clearTimeout(timer));
        this.#history = new History(store, (method, params) => this.#ask(method, params), this.#setTimeout, this.#clearTimeout);
        this.#client = new MessengerClient(url, { ...place, ...options });
        this.#client.addEventListener("begin", (event) => this.#begun(event));
        this.#client.addEventListener("sync", (event) => this.#synced(event));
        this.#client.addEventListener("change", (event) => this.#changed(event));
        this.#client.addEventListener("state", () => {
            if (this.#client.state === "connecting") this.#opened = this.#presences;
            this.#updateConnection();
        });
        this.#client.addEventListener("close", (event) => this.#disconnected(event));
        this.#client.addEventListener("current", () => this.#becameCurrent());
        this.#before = this.#client.position;
    }

    /* "connecting", "current" (nothing is missing), "waiting" (no connection) or "closed". */
    get connection() {
        return this.#connection;
    }

    /* {epoch, position, tag}, up to which the state holds everything. */
    get place() {
        const { epoch, position } = this.#client;
        const unread = [...this.#refreshing.values()].map(({ oldest }) => oldest);
        return { epoch, position: Math.min(position, ...unread), tag: this.#store.state.self?.tag ?? "" };
    }

    connect() {
        this.#isClosed = false;
        this.#history.start();
        this.#client.connect();
    }

    /* What was seen is reported before, if there is a connection. */
    close() {
        this.reportSeen();
        this.#history.stop();
        this.#isClosed = true;
        this.#client.close();
    }

    /* The network is back, or the computer was asleep: connects at once, and finds out whether the
     * connection still is one. */
    wake() {
        if (this.#client.state === "waiting") this.#client.connect();
        else this.#client.check(WAKE_MS);
    }

    /* What the server reports */

    #updateConnection() {
        const states = { open: "connecting", connecting: "connecting", waiting: "waiting" };
        this.#setConnection(states[this.#client.state] ?? "closed");
    }

    /* A token that has expired is not accepted at the next attempt only, which was not accepted before. */
    #disconnected({ cause, wasAccepted }) {
        if (cause === "unauthenticated") this.#emit("unauthenticated", { isEnded: wasAccepted });
    }

    #setConnection(connection) {
        if (this.#connection === connection) return;
        this.#connection = connection;
        this.#emit("connection");
    }

    #begun({ user }) {
        this.#before = this.#client.position;
        const { self } = this.#store.state;
        this.#lineage += 1;
        this.#history.forget();
        if (self && !sameTag(self.tag, user.tag)) {
            this.#seen.clear();
            this.#emit("user", { user });
        }
        this.#emit("begin", { user });
        this.#store.dispatch({ type: "begun", user });
        this.#readList(this.#lineage);
    }

    #synced({ dialogs, self, online }) {
        this.#store.dispatch({
            type: "synced", dialogs: this.#newest(dialogs, this.#opened), self, online: online && this.#newestOnline(online),
        });
        this.#before = this.#client.position;
    }

    /* The rows of an answer, with the presence that was notified since the server was asked: an answer may have been
     * made before a notification that arrived before it. */
    #newest(rows, since) {
        return rows.map((row) => {
            const { userInfo } = row;
            const isOnline = this.#isOnlineSince(userInfo.tag.toLowerCase(), since) ?? userInfo.isOnline;
            return isOnline === userInfo.isOnline ? row : { ...row, userInfo: { ...userInfo, isOnline } };
        });
    }

    /* The same for the answer to `sync`, which lists all who are. */
    #newestOnline(online) {
        const later = [...this.#notified.keys()].filter((key) => this.#notified.get(key) > this.#opened);
        return [...online.filter((tag) => !later.includes(tag.toLowerCase())),
            ...later.filter((key) => this.#store.state.online.has(key))];
    }

    /* Undefined when nothing was notified since. */
    #isOnlineSince(key, since) {
        return (this.#notified.get(key) ?? 0) > since ? this.#store.state.online.has(key) : undefined;
    }

    #changePresence(tag, online) {
        this.#presences += 1;
        this.#notified.set(tag.toLowerCase(), this.#presences);
        this.#store.dispatch({ type: "presenceChanged", tag, online });
    }

    /* A conversation that moves to the top between two pages is in none of them: see #received. */
    async #readList(lineage) {
        const since = this.#presences;
        const rows = [];
        let page;
        do {
            page = await this.#ask("getDialogsList", [rows.length, rows.length + LIST_PAGE]);
            if (!page || lineage !== this.#lineage) return; // closed, or read again since
            rows.push(...page);
        } while (page.length === LIST_PAGE);
        this.#store.dispatch({ type: "listed", rows: this.#newest(rows, since) });
        this.loadOpen();
    }

    #becameCurrent() {
        this.#setConnection("current");
        this.loadOpen();
        this.sendPending();
        this.#readBlocked();
        for (const { tag, toReport } of this.#store.state.dialogs.values()) if (toReport > 0) this.#report(tag, toReport);
    }

    #changed({ code, body }) {
        const handle = {
            3001: () => this.#received(body),
            3002: () => this.#received(body),
            3100: () => this.#changePresence(body.loggedOutUserTag, false),
            3101: () => this.#changePresence(body.loggedInUserTag, true),
            3200: () => this.#store.dispatch({ type: "profileChanged", ...body }),
            3201: () => this.#store.dispatch({ type: "profileChanged", ...body }),
            3202: () => this.#changeRelation(body),
            3204: () => this.#forgetUser(body.tag),
            3300: () => this.#refresh(body.receiverTag),
            3301: () => this.#refresh(body.senderTag),
        }[code];
        handle?.();
        this.#before = this.#client.position;
    }

    /* The texts that were fetched go at once; then the server is asked which of them it still has. */
    #forgetUser(tag) {
        this.#history.userDeleted(tag);
        this.#changePresence(tag, false);
        this.#store.dispatch({ type: "accountDeleted", tag });
        this.#emit("deleted", { tag });
        this.#refresh(tag);
        this.loadOpen();
    }

    #received(message) {
        const { state } = this.#store;
        const tag = otherTag(state.self.tag, message);
        const dialog = dialogOf(state, tag);
        const isKnown = dialog?.user.firstName && !dialog.stale;
        this.#store.dispatch({ type: "messageReceived", message });
        if (!isKnown) this.#refresh(tag);
        if (sameTag(tag, message.senderTag)) this.#emit("message", { message, tag });
        this.#history.watchGap();
    }

    /* Reads a conversation's row: the notifications do not say up to where it was read, or who writes. */
    async #refresh(tag) {
        const key = tag.toLowerCase();
        const running = this.#refreshing.get(key);
        if (running) {
            running.newest = this.#before;
            return;
        }
        const changes = { oldest: this.#before, newest: this.#before };
        this.#refreshing.set(key, changes);
        for (let read = -1; read !== changes.newest;) {
            read = changes.newest;
            await this.#readRow(tag, read);
        }
        this.#refreshing.delete(key);
    }

    /* A conversation that has changed after the position. Own calls are changes, too. */
    async #readRow(tag, position) {
        const { epoch } = this.#client;
        let page;
        do {
            const since = this.#presences;
            page = await this.#ask("sync", [epoch, page?.position ?? position]);
            const row = page?.dialogs.find(({ userInfo }) => sameTag(userInfo.tag, tag));
            if (row) {
                this.#store.dispatch({ type: "rowRead", row: this.#newest([row], since)[0] });
                return;
            }
        } while (page?.more);
    }

    /* The answer, whatever it takes; null when the session ends before, or there can be none. */
    async #ask(method, params) {
        while (!this.#isClosed) {
            try {
                return await this.#client.call(method, params);
            } catch (error) {
                const pauseMs = pauseAfter(error);
                if (!pauseMs) return null;
                await new Promise((resolve) => { this.#setTimeout(resolve, pauseMs); });
            }
        }
        return null;
    }

    /* The history, as history.js has it */

    loadOpen() {
        this.#history.loadOpen();
    }

    loadOlder(tag) {
        return this.#history.loadOlder(tag);
    }

    /* What the user does */

    /* What was written and is not stored yet, here or in a tab that has ended. */
    sendPending() {
        for (const { tag, pending } of this.#store.state.dialogs.values()) {
            for (const item of pending) if (!item.failed) this.send(tag, item);
        }
    }

    /* `id` is the message's clientMessageId; the store has it as written. The same id is stored once. */
    async send(tag, { id, text }) {
        if (this.#sending.has(id)) return;
        this.#sending.add(id);
        try {
            const message = await this.#client.send(tag, text, { clientMessageId: id });
            this.#store.dispatch({ type: "stored", tag, id, message });
            this.#emit("outcome", { tag, id, message, reason: "" });
        } catch (error) {
            if (!["closed", "not-open", "other-user"].includes(error.reason)) this.#refuse(tag, id, error);
        } finally {
            this.#sending.delete(id);
        }
        this.#history.watchGap();
    }

    #refuse(tag, id, error) {
        const reason = error.data?.reason ?? error.reason ?? error.message;
        this.#store.dispatch({ type: "refused", tag, id, reason });
        this.#emit("outcome", { tag, id, message: null, reason });
    }

    /* The user has seen what the other one wrote, up to this message. */
    markSeen(tag, upToSeq) {
        if ((this.#seen.get(tag) ?? 0) >= upToSeq) return;
        this.#seen.set(tag, upToSeq);
        this.#store.dispatch({ type: "seen", tag, upToSeq });
        this.#seenTimer ??= this.#setTimeout(() => this.reportSeen(), SEEN_MS);
    }

    /* At once, what markSeen has gathered: as before the page goes away. */
    reportSeen() {
        this.#clearTimeout(this.#seenTimer);
        this.#seenTimer = null;
        for (const [tag, upToSeq] of this.#seen) this.#report(tag, upToSeq);
        this.#seen.clear();
    }

    /* Once at a time: a call without an answer is repeated by the client. */
    async #report(tag, upToSeq) {
        if ((this.#reporting.get(tag) ?? 0) >= upToSeq) return;
        this.#reporting.set(tag, upToSeq);
        const answer = await this.#ask("markMessagesWithUserAsRead", [tag, upToSeq]);
        if (this.#reporting.get(tag) === upToSeq) this.#reporting.delete(tag);
        if (answer) this.#store.dispatch({ type: "reported", tag, upToSeq });
    }

    /* Users whose tag contains it. */
    find(tag) {
        return this.#client.call("findUsersByTag", [tag]);
    }

    async setProfile({ firstName = "", lastName = "", img = "" }) {
        const user = await this.#client.call("setSelfInfo", [firstName, lastName, img]);
        this.#store.dispatch({ type: "profileChanged", ...user });
    }

    /* What the user decides about another one, and what is shown then. */
    async #relate(method, tag) {
        await this.#client.call(method, [tag]);
        this.#changeRelation({ tag, isBlocked: method === "blockUser", isAdded: method === "addContact" });
    }

    #changeRelation(change) {
        this.#decisions += 1;
        this.#store.dispatch({ type: "relationChanged", ...change });
    }

    /* Whom the user has blocked: what another device decided meanwhile is not part of what `sync` returns. */
    async #readBlocked() {
        let decisions;
        let users;
        do {
            decisions = this.#decisions;
            users = await this.#ask("listBlocked", []);
        } while (users && decisions !== this.#decisions);
        if (users) this.#store.dispatch({ type: "blockedRead", tags: users.map(({ tag }) => tag) });
    }

    block(tag) {
        return this.#relate("blockUser", tag);
    }

    unblock(tag) {
        return this.#relate("unblockUser", tag);
    }

    accept(tag) {
        return this.#relate("addContact", tag);
    }

    /* All that the server has of the user, as the text of an NDJSON file in parts; null when the session ends before. */
    async exportData() {
        const parts = [];
        let piece = { next: "" };
        do {
            piece = await this.#ask("exportMyData", [piece.next]);
            if (!piece) return null;
            parts.push(...piece.lines.map((line) => `${JSON.stringify(line)}\n`));
        } while (piece.next !== "");
        return parts;
    }

    listBlocked(options) {
        return this.#client.call("listBlocked", [], options);
    }

    /* {online, readMarks}: "everyone", "contacts" or "nobody". */
    privacy(options) {
        return this.#client.call("getPrivacy", [], options);
    }

    setPrivacy({ online = "", readMarks = "" }) {
        return this.#client.call("setPrivacy", [online, readMarks]);
    }

    createInvite() {
        return this.#client.call("createInvite");
    }

    listInvites(options) {
        return this.#client.call("listInvites", [], options);
    }

    revokeInvite(id) {
        return this.#client.call("revokeInvite", [id]);
    }

    /* The user's sessions, as the server lists them. `options` as of MessengerClient.call(). */
    listSessions(options) {
        return this.#client.call("listSessions", [], options);
    }

    async endSession(id) {
        try {
            await this.#client.call("revokeSession", [id]);
        } catch (error) {
            if (!error.data?.reason?.startsWith("id:")) throw error; // otherwise it is over already
        }
    }

    endOtherSessions() {
        return this.#client.call("revokeOtherSessions");
    }

    /* The server ends all sessions then, this one after its answer. */
    deleteAccount(password) {
        return this.#client.call("deleteAccount", [password], { timeoutMs: PASSWORD_MS });
    }

    changePassword(oldPassword, newPassword) {
        return this.#client.call("changePassword", [oldPassword, newPassword], { timeoutMs: PASSWORD_MS });
    }

    #emit(type, fields = {}) {
        this.dispatchEvent(Object.assign(new Event(type), fields));
    }
}

/* How long to wait before the same call may have another outcome; 0: it never will. */
function pauseAfter({ reason, code, data }) {
    if (reason === "timeout" || reason === "full") return PAUSE_MS;
    return RETRIED.has(code) ? data?.retryAfterMs || PAUSE_MS : 0;
}
