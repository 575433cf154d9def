/* Finds the addresses in a text. */

/* What ends an address: spaces, quotes, Chinese and Japanese punctuation, marks of the direction of writing. */
const QUOTES = "<>\"“”„«»‹›";
const WIDE = "。、，！？；：（）「」『』【】《》〈〉";
const DIRECTIONS = "\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069";
const ADDRESS = new RegExp(`\\b(?:https?://|www\\.)[^\\s${QUOTES}${WIDE}${DIRECTIONS}]+`, "giu");
const TRAILING = new Set(".,;:!?'’‘*_~…،؛؟۔।");
const PARENTHESES = { ")": "(", "]": "[", "}": "{" };
const HOST_MAX = 255;

/* The text in parts, in order: {text} or {text, href}. Only http and https. */
export function findLinks(text) {
    const parts = [];
    let end = 0;
    for (const { 0: found, index } of text.matchAll(ADDRESS)) {
        const address = trimmed(found);
        const href = hrefOf(address);
        if (!href) continue;
        if (index > end) parts.push({ text: text.slice(end, index) });
        parts.push({ text: address, href });
        end = index + address.length;
    }
    if (end < text.length) parts.push({ text: text.slice(end) });
    return parts;
}

/* Without the punctuation of the sentence, but with a parenthesis that the address opens itself. */
function trimmed(found) {
    const counts = countParentheses(found);
    let end = found.length;
    for (; end > 0; end -= 1) {
        const last = found[end - 1];
        const opening = PARENTHESES[last];
        if (opening ? counts[opening] >= counts[last] : !TRAILING.has(last)) break;
        if (opening) counts[last] -= 1;
    }
    return found.slice(0, end);
}

function countParentheses(text) {
    const counts = { "(": 0, ")": 0, "[": 0, "]": 0, "{": 0, "}": 0 };
    for (const character of text) if (character in counts) counts[character] += 1;
    return counts;
}

/* "" unless the host has a dot, as it is written and as it is understood. */
function hrefOf(address) {
    const href = /^www\./iu.test(address) ? `https://${address}` : address;
    const [, host] = /^https?:\/\/([^/?#\\]*)/iu.exec(href) ?? [];
    if (!host || host.length > HOST_MAX || !isDotted(host) || !URL.canParse(href)) return "";
    const { protocol, hostname } = new URL(href);
    return (protocol === "https:" || protocol === "http:") && isDotted(hostname) ? href : "";
}

function isDotted(host) {
    return /[^.@]\.[^.]/u.test(host.replace(/^.*@/u, ""));
}
