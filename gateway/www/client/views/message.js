/* The rows of a conversation as elements. */

import { findLinks } from "../text/links.js";
import { refusalOf } from "../text/refusals.js";
import { drawing, h, setAttribute } from "./dom.js";
import { tick } from "./icons.js";

const LINE_PX = 22;
const LINE_CHARACTERS = 60;
const REFUSALS = { full: "refused.full", nobody: "refused.nobody", blocked: "refused.blocked", "": "talk.notSent" };

/* About how high a row is, in pixels. */
export function estimateHeight({ kind, message, item, first }) {
    if (kind === "day" || kind === "new") return 48;
    const { text } = message ?? item;
    return Math.max(1, Math.ceil(text.length / LINE_CHARACTERS)) * LINE_PX + 17 + (first ? 8 : 2);
}

export function isSameRow(one, other) {
    return one.kind === other.kind && one.first === other.first && one.last === other.last && one.date === other.date
        && one.message === other.message && one.item === other.item;
}

/* `app` as in main.js; `retry(item)` and `discard(item)` for what was refused. */
export function renderRow(app, row, actions) {
    const { strings } = app;
    switch (row.kind) {
    case "day": return h("li.day", {}, h("span", {}, strings.dates.day(row.date)));
    case "new": return h("li.new", {}, h("span", {}, strings.t("talk.new")));
    default: return bubble(app, row, footerOf(app, row, actions));
    }
}

/* Makes an element that was rendered for the row `before` one for `row`, if only what stands around the text differs: a
 * selection of text stays. False: it must be rendered again. */
export function updateRow(app, element, before, row, actions) {
    const one = contentOf(before);
    const other = contentOf(row);
    if (one === undefined || other === undefined || one.text !== other.text || one.mine !== other.mine) return false;
    if (Boolean(one.erased) !== Boolean(other.erased)) return false;
    const message = element.firstElementChild;
    message.querySelector("footer").replaceWith(footerOf(app, row, actions));
    markBubble(element, message, row);
    return true;
}

/* Undefined for a row without a text of a person. */
function contentOf({ message, item }) {
    return message ?? (item && { ...item, mine: true });
}

function footerOf(app, { message, item }, actions) {
    return message ? messageFooter(app, message) : pendingFooter(app, item, actions);
}

function bubble({ strings }, row, footer) {
    const { mine, text, erased } = contentOf(row);
    const content = erased ? erasedText(strings) : textOf(text);
    const message = h("div.msg", {}, h("span.hidden", {}, strings.t(mine ? "talk.you" : "talk.them")), content, footer);
    const element = h("li.row", {}, message);
    markBubble(element, message, row);
    return element;
}

function markBubble(element, message, row) {
    const { mine, failed } = contentOf(row);
    setAttribute(element, "data-first", row.first);
    setAttribute(element, "data-mine", mine);
    message.classList.toggle("mine", mine);
    message.classList.toggle("first", row.first);
    message.classList.toggle("last", row.last);
    message.classList.toggle("failed", Boolean(failed));
}

function textOf(text) {
    const parts = findLinks(text).map(({ text: part, href }) => (href
        ? h("a", { href, target: "_blank", rel: "noopener noreferrer nofollow" }, part)
        : part));
    return h("p", { dir: "auto" }, ...parts);
}

/* In place of a text that the server has erased, or is asked about. */
export function erasedText(strings, element = "p.erased") {
    return h(element, {}, strings.t("talk.erased"));
}

function messageFooter({ strings }, { date, mine, read }) {
    const state = read ? "read" : "sent";
    return h("footer", {},
        h("time", { datetime: new Date(date).toISOString() }, strings.dates.time(date)),
        mine ? tick(state) : null,
        mine ? h("span.hidden", {}, strings.t(`talk.${state}`)) : null);
}

function pendingFooter({ strings }, item, { retry, discard }) {
    if (!item.failed) {
        return h("footer", {},
            h("time", { datetime: new Date(item.date).toISOString() }, strings.dates.time(item.date)),
            tick("sending"), h("span.hidden", {}, strings.t("talk.sending")));
    }
    const refusal = refusalOf(item.failed);
    return h("footer", {},
        h("span", { title: refusal === "" ? item.failed : null }, strings.t(REFUSALS[refusal])),
        refusal === "nobody" ? null : h("button", { type: "button", on: { click: () => retry(item) } }, strings.t("talk.retry")),
        h("button", { type: "button", on: { click: () => discard(item) } }, strings.t("talk.discard")));
}

/* What stands in a conversation that has no message yet. */
export function emptyTalk({ strings }, name) {
    return h("div.nothing", {}, drawing("wave", "0 0 24 24", "M4 12c2-4 4-4 6 0s4 4 6 0 3-3 4-1"),
        h("p", {}, strings.t("talk.empty", { name })));
}
