/* Finds the addresses in a text. */

const ADDRESS = /\b(?:https?:\/\/|www\.)[^\s<>"“”«»]+/giu;
const TRAILING = /[.,;:!?'’*_~…)\]}]$/u;
const PARENTHESES = { ")": "(", "]": "[", "}": "{" };

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
    let address = found;
    while (TRAILING.test(address)) {
        const last = address.at(-1);
        const opening = PARENTHESES[last];
        if (opening && count(address, opening) >= count(address, last)) break;
        address = address.slice(0, -1);
    }
    return address;
}

function count(text, character) {
    return text.split(character).length - 1;
}

function hrefOf(address) {
    const href = /^www\./iu.test(address) ? `https://${address}` : address;
    if (!URL.canParse(href)) return "";
    const { protocol, host } = new URL(href);
    return (protocol === "https:" || protocol === "http:") && host.includes(".") ? href : "";
}
