/* What is open stands in the address of the page, so that the browser's "back" works as expected. */

export function addressOf(tag) {
    return `#${tag}`;
}

/* The secret in a link that ends with #invite=…, #reset=… or #prove=…; "": none. */
export function secretOf(name) {
    const [, found, secret] = /^#(\w+)=([0-9a-f]{32})$/.exec(location.hash) ?? [];
    return found === name ? secret : "";
}

/* The tag in the page's address, or "". */
export function openTag() {
    const [, tag] = /^#(@[A-Za-z]\w{0,31})$/.exec(location.hash) ?? [];
    return tag ?? "";
}
