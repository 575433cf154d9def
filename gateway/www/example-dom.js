/* Helpers of the demo page: elements, messages, and text for people. They know nothing of the API. */

export const byId = (id) => document.getElementById(id);

export function element(tag, className, text) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
}

/* `tone`: "good", "bad" or "plain". An empty text hides the message. */
export function showMessage(id, text, tone = "good") {
    const message = byId(id);
    message.textContent = text;
    message.dataset.tone = tone;
}

/* For screen readers only. */
export function announce(text) {
    byId("announce").textContent = text;
}

export function isObject(value) {
    return value !== null && typeof value === "object" && !Array.isArray(value);
}

/* undefined if the text is not JSON. */
export function parsedJson(text) {
    try {
        return JSON.parse(text);
    } catch {
        return undefined;
    }
}

export function oneOf(list) {
    return list[Math.floor(Math.random() * list.length)];
}

export function plural(count, noun) {
    return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

export function clockTime(at) {
    const date = new Date(at);
    const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => padded(part, 2));
    return `${clock.join(":")}.${padded(date.getMilliseconds(), 3)}`;
}

function padded(number, width) {
    return String(number).padStart(width, "0");
}

export function sizeText(bytes) {
    return bytes < 1024 * 1024
        ? `${Math.max(1, Math.round(bytes / 1024))} KiB`
        : `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

export function pictureAddress(fileName) {
    return `/img/${encodeURIComponent(String(fileName || "default.jpg"))}`;
}

/* Characters that change the text direction and could make a text look like another one. */
const BIDI_CONTROLS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

export function escapeBidi(text) {
    return text.replace(BIDI_CONTROLS, (character) => `\\u${padded(character.charCodeAt(0).toString(16), 4)}`);
}

/* JSON, indented and coloured. The text only ever becomes text nodes, never markup. */

const COLOURED_JSON_LIMIT = 20_000; // characters; a longer text is shown without colours
const JSON_TOKENS = /("(?:\\.|[^"\\])*")(\s*:)?|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|\b(true|false|null)\b/g;

export function fillJson(target, text) {
    const value = parsedJson(text);
    const pretty = escapeBidi(value === undefined ? text : JSON.stringify(value, null, 2));
    target.replaceChildren();
    if (value === undefined || pretty.length > COLOURED_JSON_LIMIT) {
        target.textContent = pretty;
        return;
    }
    let end = 0;
    for (const match of pretty.matchAll(JSON_TOKENS)) {
        const [whole, string, colon, number] = match;
        const kind = string ? (colon ? "key" : "string") : number ? "number" : "word";
        target.append(pretty.slice(end, match.index), element("span", kind, string ?? whole), colon ?? "");
        end = match.index + whole.length;
    }
    target.append(pretty.slice(end));
}
