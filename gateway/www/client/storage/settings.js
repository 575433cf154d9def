/* Choices of the person at this browser, in localStorage. Where that is refused, they last as long as the page. */

const unstored = new Map();

/* A text; null when it was never chosen. */
export function readSetting(name) {
    try {
        return localStorage.getItem(keyOf(name)) ?? unstored.get(name) ?? null;
    } catch {
        return unstored.get(name) ?? null;
    }
}

/* null forgets it. */
export function writeSetting(name, text) {
    unstored.set(name, text);
    try {
        if (text === null) localStorage.removeItem(keyOf(name));
        else localStorage.setItem(keyOf(name), text);
    } catch {
        // it lasts as long as the page
    }
}

function keyOf(name) {
    return `messenger ${name}`;
}
