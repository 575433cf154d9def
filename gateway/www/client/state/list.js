/* The list of conversations, as it is shown. */

import { activity } from "./dialog.js";

/* The newest first. `words`: those whose name or tag contains each of them; "" is all. */
export function listDialogs(state, words = "") {
    const wanted = folded(words).split(/\s+/).filter(Boolean);
    const dialogs = [...state.dialogs.values()].filter((dialog) => isShown(state, dialog) && matches(dialog, wanted));
    return dialogs.sort((one, other) => activity(other) - activity(one) || (one.tag < other.tag ? -1 : 1));
}

function isShown(state, { tag, last, pending, draft }) {
    return last !== null || pending.length > 0 || draft !== "" || tag.toLowerCase() === state.open;
}

function matches({ tag, user }, wanted) {
    if (wanted.length === 0) return true;
    const text = folded(`${tag} ${user.firstName} ${user.lastName}`);
    return wanted.every((word) => text.includes(word));
}

/* Without case and accents. */
function folded(text) {
    return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

export function totalUnread(state) {
    let total = 0;
    for (const dialog of state.dialogs.values()) total += dialog.unread;
    return total;
}
