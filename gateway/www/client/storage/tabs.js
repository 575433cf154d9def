/*
 * The tabs of this browser: each has a connection of its own, so the server keeps them consistent. What
 * the server does not know is passed on here: what is written and not sent yet, drafts, log-ins and log-outs.
 * When a tab ends, another one sends what it has left.
 */

const CHANNEL = "messenger";

/* Events, of other tabs: "action" {user, action}, "saved" {user, place}, "noticed" {message}, "in", "out",
 * "ended", "deleted", "gone". */
export class Tabs extends EventTarget {
    #id = Math.random().toString(36).slice(2);
    #channel = "BroadcastChannel" in globalThis ? new BroadcastChannel(CHANNEL) : null;
    #watched = new Set();

    constructor() {
        super();
        if (this.#channel) this.#channel.onmessage = ({ data }) => this.#received(data);
        this.#hold();
    }

    /* Passes an action of the store to the other tabs of the user. */
    pass(user, action) {
        this.#channel?.postMessage({ from: this.#id, type: "action", user, action });
    }

    /* A user has logged in or out, here: the cookie is that of all tabs. */
    logIn() {
        this.#channel?.postMessage({ from: this.#id, type: "in" });
    }

    logOut() {
        this.#channel?.postMessage({ from: this.#id, type: "out" });
    }

    /* The user has deleted the account, here. */
    deleteAccount() {
        this.#channel?.postMessage({ from: this.#id, type: "deleted" });
    }

    /* The session of this browser was ended, as by another device. */
    endSession() {
        this.#channel?.postMessage({ from: this.#id, type: "ended" });
    }

    /* This tab has stored all up to that place. */
    saved(user, place) {
        this.#channel?.postMessage({ from: this.#id, type: "saved", user, place });
    }

    /* The user has seen the message with this `_id` arrive, here. */
    noticed(message) {
        this.#channel?.postMessage({ from: this.#id, type: "noticed", message });
    }

    #received({ from, type, ...fields }) {
        const { action } = fields;
        this.dispatchEvent(Object.assign(new Event(type), fields));
        if (action?.type === "written") this.#watch(from);
    }

    /* A lock that the browser releases when this tab ends, whatever ends it. */
    #hold() {
        navigator.locks?.request(lockOf(this.#id), () => new Promise(() => {})).catch(() => {});
    }

    /* "gone" when the other tab has ended. */
    #watch(tab) {
        if (!navigator.locks || this.#watched.has(tab)) return;
        this.#watched.add(tab);
        navigator.locks.request(lockOf(tab), () => { this.dispatchEvent(new Event("gone")); }).catch(() => {});
    }
}

function lockOf(tab) {
    return `messenger tab ${tab}`;
}
