/* One conversation: its head, its messages, and the field to write in. */

import { isWhole } from "../state/dialog.js";
import { keyOf } from "../state/state.js";
import { rowsOf } from "../state/rows.js";
import { nameOf, shownNameOf } from "../text/names.js";
import { beginning } from "../text/preview.js";
import { Composer } from "./composer.js";
import { h, setAttribute, setText } from "./dom.js";
import { face } from "./face.js";
import { icon, iconButton } from "./icons.js";
import { emptyTalk, estimateHeight, isSameRow, renderRow, updateRow } from "./message.js";
import { Relation } from "./relation.js";
import { VirtualList } from "./virtual_list.js";

const OLDER_PX = 2000; // older messages are fetched before one sees that they are missing
const SPOKEN_MAX = 5; // messages that are announced
const SPOKEN_CHARACTERS = 200; // of a message that arrives
const NEW_AT_PX = -90; // where the divider stands when a conversation is opened

export class Conversation {
    #app;
    #dialog = null;
    #face = face(40);
    #name = h("bdi");
    #head = h("h1", { tabindex: "-1" }, this.#name);
    #presence = h("p.presence");
    #scroller;
    #list = h("ol");
    #virtual;
    #nothing = h("div", { hidden: true });
    #jump;
    #jumpCount = h("span.badge", { hidden: true });
    #spoken = h("div.hidden", { role: "log", aria: { live: "polite" } });
    #composer;
    #relation;
    #block;
    #ended = new AbortController();
    #places = new Map(); // key of a conversation -> where one was reading

    constructor(app, { close }) {
        const { t } = app;
        this.#app = app;
        this.#scroller = h("div.log", { tabindex: "0", role: "region", aria: { label: t("talk.messages") } }, this.#list);
        this.#jump = h("button.jump", {
            type: "button", hidden: true, title: t("talk.latest"), aria: { label: t("talk.latest") },
            on: { click: () => this.#virtual.scrollToEnd() },
        }, icon("down"), this.#jumpCount);
        this.#composer = new Composer(app, (text) => this.#write(text));
        this.#relation = new Relation(app);
        this.#block = iconButton("block", t("relation.blockThis"), () => this.#relation.ask());
        this.element = h("section.talk", { hidden: true, aria: { label: t("talk.title") } },
            h("header", {}, iconButton("back", t("talk.back"), close), this.#face.element,
                h("div", {}, this.#head, this.#presence), this.#block),
            h("div.history", {}, this.#scroller, this.#nothing, this.#jump), this.#spoken,
            h("div.foot", {}, this.#relation.element, this.#composer.element));
        this.element.querySelector(".icon").classList.add("back");
        this.#virtual = new VirtualList({
            scroller: this.#scroller,
            list: this.#list,
            render: (row) => renderRow(app, row, this.#actions),
            isSame: isSameRow,
            update: (element, before, row) => updateRow(app, element, before, row, this.#actions),
            estimate: estimateHeight,
            isFirm: ({ kind }) => kind === "message" || kind === "pending",
            moved: () => this.#moved(),
        });
        const { signal } = this.#ended;
        for (const type of ["focus", "blur"]) addEventListener(type, () => this.#moved(), { signal });
        document.addEventListener("visibilitychange", () => this.#moved(), { signal });
    }

    destroy() {
        this.#ended.abort();
        this.#virtual.destroy();
        this.#composer.destroy();
        this.#relation.close();
        this.#dialog = null;
    }

    #actions = {
        retry: (item) => this.#app.retry(this.#dialog.tag, item),
        discard: (item) => this.#app.discard(this.#dialog.tag, item),
    };

    focus() {
        if (this.#composer.element.hidden) this.focusHead();
        else this.#composer.focus();
    }

    /* Without the keyboard of a phone. */
    focusHead() {
        this.#head.focus();
    }

    update(state) {
        const dialog = state.dialogs.get(state.open) ?? null;
        const isOther = dialog?.tag !== this.#dialog?.tag;
        if (isOther) this.#leave();
        this.element.hidden = dialog === null;
        if (dialog === null) {
            this.#dialog = null;
            return;
        }
        const before = this.#dialog;
        this.#dialog = dialog;
        this.#showHead(dialog, state.online.has(state.open));
        this.#relation.update(dialog);
        this.#showComposer(dialog, isOther);
        this.#showRows(dialog, before, isOther);
    }

    /* Nothing can be written to somebody who is blocked, or whose account is deleted. */
    #showComposer(dialog, isOther) {
        const { isDeleted } = dialog.user;
        const isHidden = Boolean(dialog.isBlocked || isDeleted);
        if (isHidden && this.#composer.element.contains(document.activeElement)) this.focusHead();
        this.#block.hidden = isHidden;
        this.#composer.element.hidden = isHidden;
        if (isDeleted) this.#composer.empty();
        else if (isOther) this.#composer.show(dialog);
        else this.#composer.follow(dialog);
    }

    /* On another day. */
    redraw() {
        this.#virtual.redraw();
    }

    #leave() {
        if (this.#dialog) this.#places.set(keyOf(this.#dialog.tag), this.#virtual.anchor);
        this.#composer.leave();
        this.#spoken.replaceChildren();
    }

    #showHead({ user }, isOnline) {
        const { strings } = this.#app;
        this.#face.show(user, isOnline);
        setText(this.#name, shownNameOf(user, this.#app.t));
        setText(this.#presence, isOnline ? strings.t("talk.online") : user.tag);
        setAttribute(this.#presence, "dir", isOnline ? null : "ltr");
    }

    #showRows(dialog, before, isOther) {
        const same = !isOther && before?.messages === dialog.messages && before.pending === dialog.pending
            && before.divider === dialog.divider;
        if (same) return;
        const rows = rowsOf(dialog);
        const isEmpty = rows.length === 0 && isWhole(dialog) && !dialog.user.isDeleted;
        this.#nothing.hidden = !isEmpty;
        this.#nothing.replaceChildren(...(isEmpty ? [emptyTalk(this.#app, nameOf(dialog.user))] : []));
        if (dialog.user.isDeleted) this.#spoken.replaceChildren();
        else if (!isOther) this.#speak(before, dialog);
        if (isOther) this.#virtual.forget();
        this.#virtual.show(rows, this.#placeFor(dialog, before, isOther));
    }

    /* Where the conversation is shown: where one was, at the first new message, or at the end. */
    #placeFor(dialog, before, isOther) {
        const hasWritten = !isOther && dialog.pending.length > (before?.pending.length ?? 0);
        if (hasWritten) return { end: true };
        const isNewDivider = dialog.divider > 0 && (isOther || before.divider === -1 || before.messages.length === 0);
        if (isNewDivider) return { key: "new", offset: NEW_AT_PX };
        if (isOther) return this.#places.get(keyOf(dialog.tag)) ?? { end: true };
        return this.#virtual.anchor;
    }

    #speak(before, dialog) {
        const after = before?.last?.seq ?? 0;
        const news = dialog.messages.filter(({ seq, mine, erased }) => seq > after && !mine && !erased);
        if (!before || before.messages.length === 0 || news.length === 0) return;
        for (const { text } of news.slice(-SPOKEN_MAX)) {
            this.#spoken.append(h("p", {}, `${nameOf(dialog.user)}: ${beginning(text, SPOKEN_CHARACTERS)}`));
        }
        while (this.#spoken.childElementCount > SPOKEN_MAX) this.#spoken.firstElementChild.remove();
    }

    /* What is on the screen has changed, or whether the user looks at it. */
    #moved() {
        const dialog = this.#dialog;
        if (!dialog) return;
        const isLooking = document.visibilityState === "visible" && document.hasFocus();
        const { atEnd } = this.#virtual;
        this.#app.store.dispatch({ type: "attended", attentive: isLooking && atEnd });
        if (isLooking) this.#markSeen(dialog);
        this.#jump.hidden = atEnd;
        this.#jumpCount.hidden = dialog.unread === 0;
        setText(this.#jumpCount, this.#app.strings.number(dialog.unread));
        if (this.#virtual.above < OLDER_PX && dialog.messages.length > 0 && !isWhole(dialog)) {
            this.#app.session?.loadOlder(dialog.tag);
        }
    }

    /* While the unread messages are being loaded, the visible ones are not those that the user opened it for. */
    #markSeen(dialog) {
        if (dialog.divider === -1) return;
        const visible = this.#virtual.visible();
        const seen = visible.findLast(({ kind, message }) => kind === "message" && !message.mine);
        if (seen && !seen.message.read) this.#app.session?.markSeen(dialog.tag, seen.message.seq);
    }

    #write(text) {
        this.#app.write(this.#dialog, text);
    }
}
