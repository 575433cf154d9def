/* A panel of emoji. The arrow keys move in it, Enter chooses, Escape closes. */

import { readSetting, writeSetting } from "../storage/settings.js";
import { h } from "./dom.js";
import { iconButton } from "./icons.js";

const RECENT = "emoji";
const RECENT_MAX = 16;

export class EmojiPicker {
    #app;
    #choose;
    #ended = new AbortController();
    #filled = false;
    #recent;

    constructor(app, choose) {
        this.#app = app;
        this.#choose = choose;
        this.#recent = h("div.grid");
        this.button = iconButton("smile", app.t("emoji.title"), () => this.#toggle());
        this.button.setAttribute("aria-expanded", "false");
        this.element = h("div.emoji", {
            role: "dialog", hidden: true, aria: { label: app.t("emoji.title") },
            on: { keydown: (event) => this.#key(event), click: (event) => this.#clicked(event) },
        });
        addEventListener("pointerdown", (event) => {
            if (!this.element.contains(event.target) && !this.button.contains(event.target)) this.close();
        }, { signal: this.#ended.signal });
    }

    destroy() {
        this.#ended.abort();
    }

    close() {
        this.element.hidden = true;
        this.button.setAttribute("aria-expanded", "false");
    }

    async #toggle() {
        if (!this.element.hidden) {
            this.close();
            return;
        }
        await this.#fill();
        this.element.hidden = false;
        this.button.setAttribute("aria-expanded", "true");
        this.element.querySelector("button")?.focus();
    }

    async #fill() {
        this.#recent.replaceChildren(...recentEmoji().map(emojiButton));
        if (this.#filled) return;
        const { GROUPS } = await import("./emoji.js").catch(() => ({ GROUPS: {} })); // offline, and never opened before
        const groups = Object.entries(GROUPS).flatMap(([name, emoji]) => [
            h("h2", {}, this.#app.t(`emoji.${name}`)), h("div.grid", {}, ...emoji.split(" ").map(emojiButton)),
        ]);
        this.element.replaceChildren(this.#recent, ...groups);
        this.#filled = groups.length > 0;
    }

    #clicked(event) {
        const button = event.target.closest("button");
        if (!button) return;
        noteRecent(button.textContent);
        this.#choose(button.textContent);
        this.close();
    }

    #key(event) {
        if (event.key === "Escape") {
            event.stopPropagation();
            this.close();
            this.button.focus();
            return;
        }
        const buttons = [...this.element.querySelectorAll("button")];
        const at = buttons.indexOf(document.activeElement);
        const side = getComputedStyle(this.element).direction === "rtl" ? -1 : 1;
        const next = {
            ArrowRight: () => buttons[at + side],
            ArrowLeft: () => buttons[at - side],
            ArrowDown: () => below(buttons, at, 1),
            ArrowUp: () => below(buttons, at, -1),
        }[event.key]?.();
        if (!next) return;
        event.preventDefault();
        next.focus();
    }
}

/* The nearest button in the next or the previous line. */
function below(buttons, at, step) {
    const from = buttons[at].getBoundingClientRect();
    let best = null;
    let bestDistance = Infinity;
    let line = null;
    for (let i = at + step; i >= 0 && i < buttons.length; i += step) {
        const box = buttons[i].getBoundingClientRect();
        if (box.top === from.top) continue;
        line ??= box.top;
        if (box.top !== line) break;
        const distance = Math.abs(box.left - from.left);
        if (distance < bestDistance) [best, bestDistance] = [buttons[i], distance];
    }
    return best;
}

function emojiButton(emoji) {
    return h("button", { type: "button", tabindex: "-1" }, emoji);
}

function recentEmoji() {
    return (readSetting(RECENT) ?? "").split(" ").filter(Boolean);
}

function noteRecent(emoji) {
    const recent = [emoji, ...recentEmoji().filter((one) => one !== emoji)].slice(0, RECENT_MAX);
    writeSetting(RECENT, recent.join(" "));
}

/* At log-out. */
export function forgetRecentEmoji() {
    writeSetting(RECENT, null);
}
