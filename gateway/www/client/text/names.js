/* A user's name, and what stands for a picture. */

const graphemes = typeof Intl.Segmenter === "function" ? new Intl.Segmenter(undefined, { granularity: "grapheme" }) : null;

const CHARACTERS_MAX = 8; // of a letter: some have no end of marks

/* The tag, while the name is not known. */
export function nameOf({ tag, firstName, lastName }) {
    return `${firstName} ${lastName}`.trim() || tag;
}

/* As it is shown; `t` of strings.js. */
export function shownNameOf(user, t) {
    return user.isDeleted ? t("deleted.name") : nameOf(user);
}

/* One or two letters. */
export function initialsOf({ tag, firstName, lastName }) {
    return [firstName, lastName].map(firstLetter).join("") || firstLetter(tag.slice(1));
}

/* A capital, where there are any: of ß, which has none, one S. */
function firstLetter(text) {
    if (!text) return "";
    const capitals = text.toUpperCase();
    const [first] = graphemes ? graphemes.segment(capitals) : [{ segment: [...capitals][0] }];
    return [...first.segment].slice(0, CHARACTERS_MAX).join("");
}

/* A hue of 0 to 359 for a person, always the same: the 32-bit FNV-1a hash of the tag. */
export function hueOf(tag) {
    let hash = 0x811c9dc5;
    for (const character of tag.toLowerCase()) hash = Math.imul(hash ^ character.codePointAt(0), 0x01000193);
    return (hash >>> 0) % 360;
}
