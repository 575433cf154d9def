/* The log of the demo page: entries, filter, copy. example-frames.js makes the entries of frames. */

import { announce, byId, clockTime, element, fillJson } from "./example-dom.js";

const ENTRIES_MAX = 500;
const COPIED_TEXT_MS = 1500;

const log = {
    entries: [], // {item, group, background, text, line}, the oldest first
    expandAll: false,
};

/*
 * `kind` selects the colours, `group` the choice of the filter, `body` is the full text, if any, and
 * `open` shows it at once. `background`: of a call that the page makes by itself; hidden by default.
 */
export function addToLog({
    kind, group = kind, arrow, badge = kind, name, gist = "", aside = "", body = "",
    at = Date.now(), open = false, background = false,
}) {
    const item = element("li", "entry");
    const head = element(body ? "summary" : "div", body ? "" : "line");
    const what = element("span", "what");
    item.dataset.kind = kind;
    item.dataset.name = name;
    what.append(element("bdi", "name", name), gist ? "  " : "", element("bdi", "gist", gist));
    head.append(element("time", "", clockTime(at)), element("span", "arrow", arrow),
        element("span", "badge", badge), what, element("span", "aside", aside));
    item.append(body ? foldable(head, body, open || log.expandAll) : head);

    const line = [clockTime(at), arrow, badge, name, body || gist].join(" ");
    const entry = { item, group, background, line, text: line.toLowerCase() };
    log.entries.push(entry);
    byId("log").prepend(item);
    while (log.entries.length > ENTRIES_MAX) removeOldest();
    applyFilterTo(entry);
    showCount();
}

/* Background entries first: they must not push out what the visitor did. */
function removeOldest() {
    const background = log.entries.findIndex((entry) => entry.background);
    const [oldest] = log.entries.splice(Math.max(0, background), 1);
    oldest.item.remove();
}

function foldable(summary, body, open) {
    const details = element("details");
    const json = element("pre", "json");
    const fill = () => json.hasChildNodes() || fillJson(json, body);
    json.tabIndex = 0;
    json.setAttribute("role", "group");
    json.setAttribute("aria-label", "Full text");
    details.append(summary, json);
    details.open = open;
    if (open) fill();
    details.addEventListener("toggle", fill);
    return details;
}

/* Filter */

function applyFilterTo(entry) {
    const words = byId("filter").value.trim().toLowerCase();
    const kind = byId("kind").value;
    entry.item.hidden = !isCounted(entry) || Boolean(kind && entry.group !== kind) || !entry.text.includes(words);
}

function isCounted(entry) {
    return !entry.background || byId("background").checked;
}

function applyFilter() {
    log.entries.forEach(applyFilterTo);
    showCount();
}

function showCount() {
    const shown = log.entries.filter((entry) => !entry.item.hidden).length;
    const all = log.entries.filter(isCounted).length;
    byId("log-count").textContent = all === 0 ? "" : shown === all ? String(all) : `${shown} of ${all}`;
    byId("log-view-count").textContent = String(all);
    byId("log-empty").hidden = shown > 0;
    byId("log-empty").textContent = all === 0
        ? "Every frame, HTTP request and connection event appears here, newest first."
        : "Nothing in the log matches the filter.";
}

/* Buttons */

function clear() {
    log.entries = [];
    byId("log").replaceChildren();
    showCount();
}

async function copy() {
    const lines = log.entries.filter((entry) => !entry.item.hidden).map((entry) => entry.line);
    const copied = await copyText(lines.join("\n"));
    announce(copied ? `${lines.length} log entries copied` : "The browser did not allow copying");
    byId("copy").textContent = copied ? "Copied" : "Not allowed";
    setTimeout(() => { byId("copy").textContent = "Copy"; }, COPIED_TEXT_MS);
}

/* The clipboard interface exists on secure origins only, and this page is often served over http. */
async function copyText(text) {
    try {
        await navigator.clipboard.writeText(text);
        return true;
    } catch {
        const area = element("textarea", "visually-hidden", text);
        document.body.append(area);
        area.select();
        const copied = document.execCommand("copy");
        area.remove();
        return copied;
    }
}

function toggleExpandAll() {
    log.expandAll = !log.expandAll;
    byId("expand").setAttribute("aria-pressed", String(log.expandAll));
    byId("expand").textContent = log.expandAll ? "Collapse all" : "Expand all";
    for (const details of byId("log").querySelectorAll("details")) details.open = log.expandAll;
}

export function startLog() {
    byId("filter").addEventListener("input", applyFilter);
    byId("kind").addEventListener("change", applyFilter);
    byId("background").addEventListener("change", applyFilter);
    byId("clear").addEventListener("click", clear);
    byId("copy").addEventListener("click", copy);
    byId("expand").addEventListener("click", toggleExpandAll);
    showCount();
}
