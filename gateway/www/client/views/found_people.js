/* People found by their tag, below the conversations. */

import { keyOf } from "../state/state.js";
import { nameOf } from "../text/names.js";
import { addressOf } from "./address.js";
import { h, setText } from "./dom.js";
import { face } from "./face.js";

const PAUSE_MS = 150; // after a key, before the server is asked

export class FoundPeople {
    #app;
    #timer = null;
    #query = null; // null: not searching
    #found = [];
    #answered = null; // the query of `#found`
    #rows = "";
    #status;
    #list;

    constructor(app) {
        this.#app = app;
        this.#list = h("ul.rows");
        this.#status = h("p.hidden", { role: "status" });
        this.element = h("div.found", { hidden: true }, this.#list, this.#status);
    }

    /* Whether the server has answered what is searched for. */
    get isAnswered() {
        return this.#query !== null && this.#query === this.#answered;
    }

    get isActive() {
        return this.#query !== null;
    }

    /* Looks for it as one types; `always`: also when it is empty. */
    find(text, always) {
        const query = text.trim();
        if (query === "" && !always) {
            this.stop();
            return;
        }
        this.#query = query;
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#ask(query), PAUSE_MS);
    }

    stop() {
        clearTimeout(this.#timer);
        this.#query = null;
        this.#found = [];
    }

    async #ask(query) {
        let found = [];
        try {
            found = /^@?\w*$/.test(query) ? await this.#app.session.find(query) : [];
        } catch {
            return; // no connection: what is known stays
        }
        if (query !== this.#query) return;
        this.#found = found;
        this.#answered = query;
        this.#app.refresh();
    }

    /* `shown`: keys of the users who are listed above. */
    update(state, shown) {
        const wanted = keyOf(this.#query ?? "").replace(/^@/, "");
        const people = this.#found.filter(({ tag }) => !shown.has(keyOf(tag)) && keyOf(tag).includes(wanted));
        this.element.hidden = people.length === 0;
        const rows = people.map(({ tag, isOnline, img }) => `${tag} ${isOnline} ${img}`).join();
        if (rows !== this.#rows) this.#list.replaceChildren(...people.map((user) => personRow(user)));
        this.#rows = rows;
        setText(this.#status, this.isActive ? this.#app.strings.t("list.found", { n: people.length }) : "");
    }

    /* A user who was found, to begin a conversation with. */
    userOf(tag) {
        return this.#found.find((user) => keyOf(user.tag) === keyOf(tag));
    }
}

function personRow(user) {
    const picture = face();
    picture.show(user, user.isOnline);
    return h("li.conversation.person", {}, h("a", { href: addressOf(user.tag) }, picture.element,
        h("b", {}, h("bdi", {}, nameOf(user))), h("p", {}, user.tag)));
}
