/* The beginning of a text, for a line of a list or a notification. */

/* At most so many characters; none is cut in half. */
export function beginning(text, characters) {
    return [...text.slice(0, 2 * characters)].slice(0, characters).join("");
}
