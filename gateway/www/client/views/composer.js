/* The field to write in. Enter sends, Shift and Enter break the line. */

import { byteLength, TEXT_BYTES_MAX } from "../text/bytes.js";
import { h, setText } from "./dom.js";
import { EmojiPicker } from "./emoji_picker.js";
import { sendIcon } from "./icons.js";

const WARN_BYTES = 2000; // left, when their number is shown

export class Composer {
    #app;
    #send;
    #tag = "";
    #field;
    #button;
    #count = h("p.count", { role: "status", hidden: true });
    #picker;

    /* `send(text)` for what the user sends. */
    constructor(app, send) {
        const { t } = app;
        this.#app = app;
        this.#send = send;
        this.#field = h("textarea", {
            rows: "1", dir: "auto", id: "message", placeholder: t("talk.placeholder"), autocomplete: "off",
            enterkeyhint: "send", aria: { label: t("talk.placeholder") },
            on: { input: () => this.#typed(), keydown: (event) => this.#key(event) },
        });
        this.#button = h("button.send", { title: t("talk.send"), aria: { label: t("talk.send") } }, sendIcon());
        this.#picker = new EmojiPicker(app, (emoji) => this.#insert(emoji));
        this.element = h("form.compose", { on: { submit: (event) => this.#submit(event) } },
            this.#picker.element, this.#count,
            h("div.field", {}, this.#picker.button, this.#field), this.#button);
    }

    focus() {
        this.#field.focus();
    }

    destroy() {
        this.#picker.destroy();
    }

    show({ tag, draft }) {
        this.#tag = tag;
        this.#field.value = draft;
        this.#measure();
    }

    /* Forgets what is in the field: it is not a draft. */
    empty() {
        this.#picker.close();
        this.show({ tag: "", draft: "" });
    }

    /* A draft that was written in another tab. */
    follow({ tag, draft }) {
        if (tag === this.#tag && draft !== this.#field.value && !document.hasFocus()) this.show({ tag, draft });
    }

    leave() {
        this.#picker.close();
        this.#storeDraft();
    }

    #typed() {
        this.#measure();
        this.#storeDraft();
    }

    #storeDraft() {
        if (this.#tag) this.#app.draft(this.#tag, this.#field.value);
    }

    #measure() {
        const left = TEXT_BYTES_MAX - byteLength(this.#text());
        this.#field.style.height = "auto";
        this.#field.style.height = `${this.#field.scrollHeight}px`;
        this.#count.hidden = left > WARN_BYTES;
        this.#count.classList.toggle("bad", left < 0);
        setText(this.#count, left < 0 ? this.#app.t("talk.tooLong", { n: -left }) : this.#app.t("talk.left", { n: left }));
        this.#button.disabled = left < 0 || this.#text() === "";
    }

    /* Without the space around it, which nobody means to send. */
    #text() {
        return this.#field.value.trim();
    }

    #key(event) {
        if (event.key !== "Enter" || event.shiftKey || isComposing(event)) return;
        event.preventDefault();
        this.element.requestSubmit();
    }

    #submit(event) {
        event.preventDefault();
        const text = this.#text();
        if (this.#button.disabled) return;
        this.#field.value = "";
        this.#measure();
        this.#storeDraft();
        this.#send(text);
        this.#field.focus();
    }

    #insert(emoji) {
        this.#field.focus();
        this.#field.setRangeText(emoji, this.#field.selectionStart, this.#field.selectionEnd, "end");
        this.#typed();
    }
}

/* Of Safari, the Enter that ends a composition has only this old number. */
function isComposing({ isComposing: now, keyCode }) {
    return now || keyCode === 229;
}
