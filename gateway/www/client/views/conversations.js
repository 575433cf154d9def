/* The list of conversations, with the field that filters it and finds people. */

import { listDialogs } from "../state/list.js";
import { keyOf } from "../state/state.js";
import { shownNameOf } from "../text/names.js";
import { beginning } from "../text/preview.js";
import { addressOf } from "./address.js";
import { h, setAttribute, setChildren, setText } from "./dom.js";
import { face } from "./face.js";
import { FoundPeople } from "./found_people.js";
import { iconButton, icon, tick } from "./icons.js";
import { erasedText } from "./message.js";

const FIRST_ROWS = 30; // more than fit on the screen: the others follow when there is time
const MORE_ROWS = 100;

export class Conversations {
    #app;
    #rows = new Map(); // key of a dialog -> its row
    #rowsMax = FIRST_ROWS;
    #isWaiting = false;
    #list;
    #search;
    #self = face(34);
    #profile;
    #empty;
    #nothing;
    #people;
    #peopleTitle;

    constructor(app, { showProfile, showKeys }) {
        const { t } = app;
        this.#app = app;
        this.#search = h("input", {
            type: "search", id: "search", autocomplete: "off", spellcheck: "false", placeholder: t("list.search"),
            aria: { label: t("list.search") }, on: { input: () => this.#searched(), keydown: (event) => this.#key(event) },
        });
        this.#profile = h("button.own", {
            type: "button", title: t("list.profile"), aria: { label: t("list.profile") }, on: { click: showProfile },
        }, this.#self.element);
        this.#list = h("ul.rows", { on: { keydown: (event) => this.#move(event), click: (event) => this.#clicked(event) } });
        this.#people = new FoundPeople(app);
        this.#peopleTitle = h("h2", {}, t("list.people"));
        this.#empty = h("div.nothing", {}, icon("chat"), h("p", {}, t("list.empty")),
            h("button.main", { type: "button", on: { click: () => this.focusSearch() } }, t("list.find")));
        this.#nothing = h("p.none", {}, t("list.none"));
        this.element = h("nav.list", { aria: { label: t("list.title") } },
            h("header", {}, h("h1", {}, t("list.title")),
                iconButton("keyboard", t("keys.title"), showKeys),
                iconButton("plus", t("list.new"), () => this.focusSearch()), this.#profile),
            h("div.search", { role: "search" }, icon("search"), this.#search),
            h("div.scroll", { tabindex: "-1" }, this.#list, this.#nothing, this.#empty, this.#peopleTitle,
                this.#people.element));
    }

    focusSearch() {
        this.#search.focus();
        this.#search.select();
        this.#people.find(this.#search.value, true);
        this.update(this.#app.store.state);
    }

    /* Empties the field; a conversation was chosen. */
    endSearch() {
        if (this.#search.value === "" && !this.#people.isActive) return;
        this.#search.value = "";
        this.#people.stop();
        this.update(this.#app.store.state);
    }

    /* Somebody who was searched for. */
    search(text) {
        this.#search.value = text;
        this.#searched();
    }

    userOf(tag) {
        return this.#people.userOf(tag);
    }

    /* The row of a conversation that was closed. */
    focusRow(tag) {
        this.#rows.get(keyOf(tag))?.focus();
    }

    #searched() {
        this.#people.find(this.#search.value, false);
        this.update(this.#app.store.state);
    }

    #key(event) {
        if (event.key === "Escape") {
            event.stopPropagation(); // it would close the conversation
            this.endSearch();
            this.#search.blur();
        } else if (event.key === "ArrowDown") {
            event.preventDefault();
            this.element.querySelector(".scroll a")?.focus();
        }
    }

    /* The conversation that is open is chosen once more: the address does not change. */
    #clicked(event) {
        if (event.target.closest("a")?.hash === location.hash) this.endSearch();
    }

    /* The arrow keys move the focus. */
    #move(event) {
        const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
        if (!step) return;
        const links = [...this.element.querySelectorAll(".scroll a")];
        const next = links[links.indexOf(document.activeElement) + step];
        event.preventDefault();
        (next ?? (step < 0 ? this.#search : null))?.focus();
    }

    update(state) {
        const words = this.#search.value;
        const dialogs = listDialogs(state, words.replace(/^@/, ""));
        if (state.self) this.#self.show(state.self, false);
        const shown = dialogs.slice(0, this.#rowsMax);
        setChildren(this.#list, shown.map((dialog) => this.#rowOf(state, dialog).element));
        if (shown.length < dialogs.length) this.#showMore();
        this.#forget(state);
        const { isActive } = this.#people;
        this.#empty.hidden = dialogs.length > 0 || isActive || words !== "" || !state.listed;
        this.#people.update(state, new Set(words ? dialogs.map(({ tag }) => keyOf(tag)) : state.dialogs.keys()));
        this.#peopleTitle.hidden = this.#people.element.hidden;
        this.#nothing.hidden = words === "" || dialogs.length > 0 || !this.#people.isAnswered || !this.#people.element.hidden;
    }

    #showMore() {
        if (this.#isWaiting) return;
        this.#isWaiting = true;
        const run = () => {
            this.#isWaiting = false;
            this.#rowsMax += MORE_ROWS;
            this.update(this.#app.store.state);
        };
        if (globalThis.requestIdleCallback) requestIdleCallback(run, { timeout: 1000 });
        else setTimeout(run, 100);
    }

    #rowOf(state, dialog) {
        const key = keyOf(dialog.tag);
        let row = this.#rows.get(key);
        if (!row) this.#rows.set(key, row = new Row(dialog.tag));
        row.show(this.#app.strings, dialog, state.online.has(key), state.open === key);
        return row;
    }

    #forget(state) {
        for (const key of this.#rows.keys()) if (!state.dialogs.has(key)) this.#rows.delete(key);
    }
}

class Row {
    #face = face();
    #name = h("bdi");
    #time = h("time");
    #text = h("p", { dir: "auto" });
    #badge = h("span.badge", { aria: { hidden: "true" } });
    #mark = h("span.mark", { hidden: true });
    #state = h("span.hidden"); // what the dot and the badge show, in words
    #shown = "";
    #link;
    #dialog = null;

    constructor(tag) {
        this.#link = h("a", { href: addressOf(tag) }, this.#face.element, h("b", {}, this.#name, this.#mark), this.#state,
            this.#time, this.#text, this.#badge);
        this.element = h("li.conversation", { data: { tag } }, this.#link);
    }

    focus() {
        this.#link.focus();
    }

    show(strings, dialog, isOnline, isOpen) {
        const shown = `${isOnline} ${isOpen} ${new Date().toDateString()}`;
        if (dialog === this.#dialog && shown === this.#shown) return;
        this.#dialog = dialog;
        this.#shown = shown;
        this.#face.show(dialog.user, isOnline);
        setText(this.#name, shownNameOf(dialog.user, (key) => strings.t(key)));
        const words = [isOnline ? strings.t("talk.online") : "", unreadWords(strings, dialog.unread)];
        this.#showMark(strings, dialog);
        setText(this.#state, words.filter(Boolean).join(", "));
        setAttribute(this.#link, "aria-current", isOpen ? "page" : null);
        this.#showLast(strings, isOpen ? { ...dialog, draft: "" } : dialog);
        this.#badge.hidden = dialog.unread === 0;
        this.#link.classList.toggle("wide", Boolean(dialog.user.isDeleted) && dialog.unread === 0); // for the tag
        setText(this.#badge, strings.number(dialog.unread));
    }

    #showMark(strings, { user, isRequest, isBlocked }) {
        this.#mark.hidden = user.isDeleted || (!isRequest && !isBlocked);
        setText(this.#mark, isBlocked ? strings.t("list.blocked") : strings.t("list.request"));
    }

    #showLast(strings, { user, last, pending, draft }) {
        const written = pending.at(-1);
        const newest = written && (!last || !written.failed || written.date > last.date) ? written : last;
        this.#time.dateTime = newest ? new Date(newest.date).toISOString() : "";
        setText(this.#time, newest ? strings.dates.brief(newest.date) : "");
        const tag = user.isDeleted ? [h("bdi", { dir: "ltr" }, user.tag), " · "] : []; // the names are all the same
        this.#text.replaceChildren(...tag, ...lastParts(strings, newest, newest === written, draft));
    }
}

function unreadWords(strings, n) {
    return n > 0 ? strings.t("list.unread", { n }) : "";
}

const PREVIEW_CHARACTERS = 120;

function lastParts(strings, newest, isPending, draft) {
    const preview = (text) => beginning(text, PREVIEW_CHARACTERS).replace(/\s+/g, " ");
    if (draft) return [h("span.draft", {}, strings.t("list.draft")), preview(draft)];
    if (!newest) return [];
    if (newest.erased) return [erasedText(strings, "span.erased")];
    if (newest.failed) return [h("span.failed", {}, strings.t("list.failed")), preview(newest.text)];
    if (isPending) return [tick("sending"), preview(newest.text)];
    if (!newest.mine) return [preview(newest.text)];
    return [tick(newest.read ? "read" : "sent"), preview(newest.text)];
}
