/* The keys, and the list of them. */

import { h } from "./dom.js";
import { sheet } from "./sheet.js";

const LIST = [
    ["Ctrl K", "keys.search"], ["Alt ↓", "keys.next"], ["Alt ↑", "keys.previous"], ["Esc", "keys.close"],
    ["Enter", "keys.send"], ["Shift Enter", "keys.break"], ["Ctrl E", "keys.emoji"], ["End", "keys.end"], ["?", "keys.title"],
];

export function keysSheet(app) {
    const rows = LIST.map(([keys, text]) => h("div", {}, h("dt", {}, ...keys.split(" ").map((key) => h("kbd", {}, key))),
        h("dd", {}, app.t(text))));
    return sheet(app, app.t("keys.title"), h("dl.keys", {}, ...rows));
}

/* `actions`: search, next, previous, close, emoji, help: functions. Returns a function that ends it. */
export function listenToKeys(actions) {
    const pressed = (event) => {
        const action = actionOf(event, actions);
        if (!action) return;
        event.preventDefault();
        action();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
}

function actionOf(event, actions) {
    const isCommand = event.ctrlKey || event.metaKey;
    if (document.querySelector("dialog[open]") || event.isComposing) return null;
    if (isCommand && event.key.toLowerCase() === "k") return actions.search;
    if (isCommand && event.key.toLowerCase() === "e") return actions.emoji;
    if (event.altKey && event.key === "ArrowDown") return actions.next;
    if (event.altKey && event.key === "ArrowUp") return actions.previous;
    if (event.key === "Escape") return actions.close;
    return event.key === "?" && !isTyping(event.target) ? actions.help : null;
}

function isTyping(element) {
    return ["INPUT", "TEXTAREA", "SELECT"].includes(element.tagName);
}
