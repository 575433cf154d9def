/*
 * One conversation. A dialog is never changed; each function returns a new one, or the same when
 * there is nothing to change.
 *
 *   tag, user      the other user: {tag, firstName, lastName, img}
 *   last           the newest message, as a message of messages.js; null before the first
 *   unread         how many messages one has not read, whether they are loaded or not
 *   messages       those that are loaded: normally without a gap up to the newest (findGap)
 *   pending        what one has written and the server has not stored yet, oldest first:
 *                  {id, text, date, failed, guess}; `failed`: why the server refused it, or "";
 *                  `guess`: the `seq` of a message that seems to be this one, or 0
 *   divider        the `seq` before which "new messages" stands; 0: nowhere; -1: to be determined
 *   draft          the text in the field
 *   stale          the server is to be asked again: what is shown may not be true any more
 *   openedAt       when one began it, in milliseconds; it is listed although it has no message
 */

import { countUnread, findGap, firstUnread, markByCounts, markRead, mergeMessages } from "./messages.js";

export function newDialog(user) {
    return {
        tag: user.tag, user: plainUser(user), last: null, unread: 0, messages: [], pending: [], divider: 0, draft: "",
        stale: false, openedAt: 0,
    };
}

export function plainUser({ tag, firstName = "", lastName = "", img = "default.jpg" }) {
    return { tag, firstName, lastName, img };
}

/* With these fields, unless it has them. */
export function withFields(object, fields) {
    return Object.entries(fields).every(([name, value]) => object[name] === value) ? object : { ...object, ...fields };
}

/* A row of the server's list, `last` made of it. It may be older than what is known. */
export function withRow(dialog, row, last) {
    const messages = markByCounts(dialog.messages, row);
    const known = !dialog.stale && dialog.last !== null && dialog.last.seq > row.seq;
    const user = withFields(dialog.user, plainUser(row.userInfo));
    return withFields(dialog, {
        user,
        messages,
        last: known ? dialog.last : withFields(dialog.last ?? {}, last),
        unread: unreadAfter(messages, row),
        stale: false,
    });
}

/* What is loaded decides, when it reaches back far enough. */
function unreadAfter(messages, { seq, unreadIncoming }) {
    const loaded = messages.filter((message) => !message.mine && message.seq <= seq).length;
    if (loaded >= unreadIncoming && findGap(messages, seq) === null) return countUnread(messages);
    return unreadIncoming + countUnread(messages, seq);
}

/* One new message, or several. `attentive`: the user is looking at the conversation. */
export function withNew(dialog, added, attentive) {
    const messages = mergeMessages(dialog.messages, added);
    if (messages === dialog.messages) return dialog;
    const known = new Set(dialog.messages.map((message) => message.seq));
    const news = added.filter((message) => !known.has(message.seq));
    const last = messages.at(-1);
    const unread = dialog.unread + countUnread(news);
    const startsUnread = dialog.unread === 0 && unread > 0 && !attentive;
    return {
        ...guessed(dialog, news),
        messages,
        last: newer(dialog.last, last),
        unread,
        divider: startsUnread ? firstUnread(news) : dialog.divider,
    };
}

/* An own message that was received before the answer to its call is shown once, not twice. */
function guessed(dialog, news) {
    let { pending } = dialog;
    for (const { mine, text, seq } of news) {
        const twin = mine ? pending.find((item) => item.guess === 0 && item.text === text) : undefined;
        if (twin) pending = pending.map((item) => (item === twin ? { ...item, guess: seq } : item));
    }
    return { ...dialog, pending };
}

/* Messages that were there before: a page of the history. */
export function withPage(dialog, page) {
    const messages = mergeMessages(dialog.messages, page);
    if (messages === dialog.messages) return dialog;
    return settleDivider({ ...dialog, messages, last: newer(dialog.last, messages.at(-1)) });
}

function newer(one, other) {
    return one !== null && one.seq > other.seq ? one : other;
}

/* The divider stands before the first unread message, once that is loaded. */
function settleDivider(dialog) {
    if (dialog.divider !== -1 || countUnread(dialog.messages) < dialog.unread) return dialog;
    return { ...dialog, divider: firstUnread(dialog.messages) };
}

export function withOpened(dialog) {
    return settleDivider(withFields(dialog, { divider: dialog.unread > 0 ? -1 : 0 }));
}

/* The user has seen what the other user wrote, up to this message. */
export function withSeen(dialog, upToSeq) {
    const messages = markRead(dialog.messages, (message) => !message.mine && message.seq <= upToSeq);
    return messages === dialog.messages ? dialog : { ...dialog, messages, unread: countUnread(messages) };
}

/* What the user writes */

export function withWritten(dialog, { id, text, date }) {
    if (dialog.pending.some((item) => item.id === id)) return dialog;
    return { ...dialog, divider: 0, pending: [...dialog.pending, { id, text, date, failed: "", guess: 0 }] };
}

/* The server has stored it. */
export function withStored(dialog, id, message) {
    return { ...withNew(withoutPending(dialog, id), [message], true), divider: dialog.divider };
}

export function withoutPending(dialog, id) {
    const pending = dialog.pending.filter((item) => item.id !== id);
    return pending.length === dialog.pending.length ? dialog : { ...dialog, pending };
}

/* `failed`: why it was refused; "": it is being sent again. */
export function withOutcome(dialog, id, failed) {
    return {
        ...dialog, pending: dialog.pending.map((item) => (item.id === id ? { ...item, failed, guess: 0 } : item)),
    };
}

/* Without what was loaded, which may not be true any more. */
export function forgotten(dialog) {
    const pending = dialog.pending.map((item) => ({ ...item, guess: 0 }));
    return { ...dialog, messages: [], divider: 0, pending, stale: true };
}

/* When something happened here last, in milliseconds. */
export function activity(dialog) {
    return Math.max(dialog.last?.date ?? 0, dialog.pending.at(-1)?.date ?? 0, dialog.openedAt);
}

export function newestSeq(dialog) {
    return dialog.last?.seq ?? 0;
}

/* Whether the history begins with what is loaded. */
export function isWhole(dialog) {
    return dialog.messages.length > 0 ? dialog.messages[0].seq === 1 : dialog.last === null;
}
