/* What is open stands in the address of the page, so that the browser's "back" works as expected. */

export function addressOf(tag) {
    return `#${tag}`;
}

/* The tag in the page's address, or "". */
export function openTag() {
    const [, tag] = /^#(@[A-Za-z]\w{0,31})$/.exec(location.hash) ?? [];
    return tag ?? "";
}
