/* The messenger: the list of conversations, and the one that is open. */

import { listDialogs } from "../state/list.js";
import { addressOf, openTag } from "./address.js";
import { Connection } from "./connection.js";
import { Conversation } from "./conversation.js";
import { Conversations } from "./conversations.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { keysSheet, listenToKeys } from "./keys.js";
import { Profile } from "./profile.js";

const DAY_CHECK_MS = 60_000;

export class Messenger {
    #app;
    #list;
    #talk;
    #profile;
    #keys;
    #connection;
    #nothing;
    #ends = [];
    #isAboveList = false; // the entry before in the browser's history is the list
    #today = new Date().toDateString();

    constructor(app) {
        this.#app = app;
        this.#profile = new Profile(app);
        this.#keys = keysSheet(app);
        this.#list = new Conversations(app, { showProfile: () => this.#profile.open(), showKeys: () => this.#keys.open() });
        this.#talk = new Conversation(app, { close: () => this.#close() });
        this.#connection = new Connection(app);
        this.#nothing = h("div.choose", {}, icon("chat"), h("p", {}, app.t("talk.choose")));
        this.element = h("main.messenger", {}, this.#connection.element, this.#list.element, this.#talk.element, this.#nothing);
        this.#listen();
    }

    #listen() {
        const follow = () => this.#app.open(openTag());
        addEventListener("hashchange", follow);
        const timer = setInterval(() => this.#checkDay(), DAY_CHECK_MS);
        this.#ends = [
            this.#app.store.subscribe((state) => this.update(state)),
            () => removeEventListener("hashchange", follow),
            () => clearInterval(timer),
            listenToKeys({
                search: () => this.#list.focusSearch(),
                next: () => this.#step(1),
                previous: () => this.#step(-1),
                close: () => this.#close(),
                emoji: () => this.element.querySelector(".compose .icon")?.click(),
                help: () => this.#keys.open(),
            }),
        ];
    }

    update(state) {
        this.element.dataset.view = state.open ? "talk" : "list";
        this.#nothing.hidden = state.open !== "";
        this.#list.update(state);
        this.#talk.update(state);
        this.#profile.update(state);
        this.#app.notices.update(state);
    }

    showConnection(connection) {
        this.#connection.show(connection);
        this.#profile.showConnection(connection);
    }

    /* A conversation was opened by the user. `before`: the one that was open, or "". */
    opened(before) {
        this.#isAboveList = before === "" && history.length > 1;
        this.#list.endSearch();
        if (matchMedia("(pointer: coarse)").matches) this.#talk.focusHead();
        else this.#talk.focus();
    }

    /* There is nobody with that tag. */
    showNobody(tag) {
        this.#list.search(tag);
    }

    userOf(tag) {
        return this.#list.userOf(tag);
    }

    destroy() {
        for (const end of this.#ends) end();
        this.#talk.destroy();
        this.#profile.close();
        this.#keys.close();
        this.element.remove();
    }

    /* As the browser's "back" does it, if that leads to the list. */
    #close() {
        const { open } = this.#app.store.state;
        if (!open) return;
        if (this.#isAboveList) {
            history.back();
        } else {
            history.replaceState(null, "", location.pathname);
            this.#app.open("");
        }
        this.#isAboveList = false;
        this.#list.focusRow(open);
    }

    #step(step) {
        const { state } = this.#app.store;
        const dialogs = listDialogs(state);
        const at = dialogs.findIndex(({ tag }) => tag.toLowerCase() === state.open);
        const next = dialogs[at + step] ?? (at < 0 ? dialogs[0] : null);
        if (next) location.hash = addressOf(next.tag);
    }

    /* Shows "today" and "yesterday" right after midnight. */
    #checkDay() {
        const today = new Date().toDateString();
        if (today === this.#today) return;
        this.#today = today;
        this.#list.update(this.#app.store.state);
        this.#talk.redraw();
    }
}
