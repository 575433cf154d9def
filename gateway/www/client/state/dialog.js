/*
 * One conversation. A dialog is never changed; each function returns a new one, or the same when
 * there is nothing to change.
 *
 *   tag, user      the other user: {tag, firstName, lastName, img, isDeleted}; `isDeleted`: the account
 *                  was deleted, which is for good
 *   last           the newest message, as a message of messages.js; null before the first
 *   unread         how many messages the user has not read, whether they are loaded or not
 *   counts         {seq, unreadIncoming, unreadOutgoing}: of the messages up to `seq`, not more than
 *                  these are unread, the last ones of each user. Of the server's rows, and lowered
 *                  when all that are unread are loaded
 *   messages       those that are loaded: normally without a gap up to the newest (findGap)
 *   pending        messages that the user wrote and the server has not stored, oldest first:
 *                  {id, text, date, failed, guess}; `failed`: why the server refused it, or "";
 *                  `guess`: the `seq` of a message that seems to be this one, or 0
 *   divider        the `seq` before which "new messages" stands; 0: nowhere; -1: to be determined
 *   draft          the text in the field
 *   toReport       up to which `seq` the user has seen what the server does not know to be read; 0: nothing
 *   isRequest      the other user is a stranger, whom the user has not answered, added or blocked
 *   isBlocked      the user has blocked the other one
 *   stale          the server is to be asked again: what is shown may not be true any more
 *   openedAt       when the user began it, in milliseconds: it is listed although it has no message
 */

import {
    countUnread, firstUnread, markByCounts, markOlder, markRead, mergedMessage, mergeMessages, withoutText,
} from "./messages.js";

const LOADED_MAX = 1000; // of a conversation that is not open
const NO_COUNTS = { seq: 0, unreadIncoming: 0, unreadOutgoing: 0 };

export function newDialog(user) {
    return {
        tag: user.tag, user: plainUser(user), last: null, unread: 0, counts: NO_COUNTS, messages: [], pending: [],
        divider: 0, draft: "", toReport: 0, isRequest: false, isBlocked: false, stale: false, openedAt: 0,
    };
}

export function plainUser({ tag, firstName = "", lastName = "", img = "default.jpg", isDeleted = false }) {
    return { tag, firstName, lastName, img, isDeleted };
}

/* With these fields, unless it has them. */
export function withFields(object, fields) {
    return Object.entries(fields).every(([name, value]) => object[name] === value) ? object : { ...object, ...fields };
}

/* A row of the server's list, `last` made of it. It may be older than what is known. */
export function withRow(dialog, row, last) {
    if (dialog.user.isDeleted && !row.userInfo.isDeleted) return withRowBefore(dialog, row, last);
    const known = row.userInfo.isDeleted ? withoutAccount(dialog) : dialog;
    return settled(withFields(known, {
        user: withFields(known.user, plainUser(row.userInfo)),
        counts: newerCounts(known.counts, countsOf(row)),
        last: known.stale ? last : newer(known.last, last),
        messages: withLast(known.messages, last),
        isRequest: Boolean(row.isRequest) && !row.userInfo.isDeleted,
        isBlocked: Boolean(row.isBlocked),
        stale: false,
    }));
}

/* A row that was made before the account was deleted: its profile and the other user's texts are gone. */
function withRowBefore(dialog, row, last) {
    const userInfo = { tag: dialog.tag, isDeleted: true };
    return withRow(dialog, { ...row, userInfo }, withoutText(last));
}

/* The row shows whether the text of its message was erased. */
function withLast(messages, last) {
    const i = messages.findLastIndex(({ seq }) => seq === last.seq);
    const merged = i < 0 ? undefined : mergedMessage(messages[i], last);
    return i < 0 || merged === messages[i] ? messages : messages.with(i, merged);
}

/* The other user has deleted the account: the profile goes, and so do the texts that were fetched, until the server
 * is asked whether it still has them. The user's own messages stay, but there is nobody to send a draft to. */
export function withoutAccount(dialog) {
    if (dialog.user.isDeleted) return dialog;
    return {
        ...dialog,
        user: plainUser({ tag: dialog.tag, isDeleted: true }),
        messages: dialog.messages.map(withoutText),
        last: dialog.last && withoutText(dialog.last),
        draft: "",
        isRequest: false,
    };
}

export function withDraft(dialog, draft) {
    return dialog.user.isDeleted ? dialog : withFields(dialog, { draft });
}

function countsOf({ seq, unreadIncoming, unreadOutgoing }) {
    return { seq, unreadIncoming, unreadOutgoing };
}

/* What is read stays read, so that of two counts of the same messages the lower ones hold. */
function newerCounts(one, other) {
    if (one.seq !== other.seq) return one.seq > other.seq ? one : other;
    return withFields(one, {
        unreadIncoming: Math.min(one.unreadIncoming, other.unreadIncoming),
        unreadOutgoing: Math.min(one.unreadOutgoing, other.unreadOutgoing),
    });
}

function newer(one, other) {
    if (one === null || one.seq !== other.seq) return one !== null && one.seq > other.seq ? one : other;
    return mergedMessage(one, other);
}

/* After a change of `messages` or `counts`: what follows from them. */
function settled(dialog) {
    const messages = markOlder(markByCounts(dialog.messages, dialog.counts));
    const last = lastOf(dialog, messages.at(-1));
    const isCounted = reachesRead(messages, last?.seq ?? 0);
    const later = countUnread(messages, dialog.counts.seq);
    const unreadIncoming = isCounted ? countUnread(messages) - later : dialog.counts.unreadIncoming;
    const counts = withFields(dialog.counts, { unreadIncoming });
    return settleDivider(withFields(dialog, { messages, last, counts, unread: unreadIncoming + later }));
}

/* What is loaded is true, although a stale dialog knew of newer messages. */
function lastOf({ last, stale }, loaded) {
    return loaded && (stale || last === null || loaded.seq >= last.seq) ? loaded : last;
}

/* Whether all unread messages are loaded: without a gap from the newest to one that is read, or to the first. */
function reachesRead(messages, newest) {
    for (let i = messages.length - 1, seq = newest; i >= 0; i -= 1, seq -= 1) {
        if (messages[i].seq !== seq) return false;
        if (messages[i].read && !messages[i].mine) return true;
    }
    return messages[0]?.seq === 1;
}

/* One new message, or several. `attentive`: the user is looking at the conversation. */
export function withNew(dialog, added, attentive) {
    const own = dialog.pending.length === 0 ? [] : added.filter(({ mine }) => mine);
    const news = own.filter(({ seq }) => !dialog.messages.some((message) => message.seq === seq));
    return withAdded(withFields(dialog, { pending: guessed(dialog.pending, news) }), added, attentive);
}

function withAdded(dialog, added, attentive) {
    const messages = mergeMessages(dialog.messages, added);
    if (messages === dialog.messages) return dialog;
    const next = settled({ ...dialog, messages });
    const startsUnread = dialog.divider !== -1 && !attentive && countUnread(dialog.messages) === 0;
    return startsUnread && next.unread > 0 ? settleDivider(withFields(next, { divider: -1 })) : next;
}

/* An own message that was received before the answer to its call is shown once, not twice. */
function guessed(pending, own) {
    return own.reduce((items, { text, seq }) => {
        const twin = items.find((item) => item.guess === 0 && !item.failed && item.text === text);
        return twin ? items.map((item) => (item === twin ? { ...item, guess: seq } : item)) : items;
    }, pending);
}

/* Messages that were there before: a page of the history. */
export function withPage(dialog, page) {
    const messages = mergeMessages(dialog.messages, page);
    return messages === dialog.messages ? dialog : settled({ ...dialog, messages });
}

/* The divider stands before the first unread message, once that is loaded. */
function settleDivider(dialog) {
    if (dialog.divider !== -1 || countUnread(dialog.messages) < dialog.unread) return dialog;
    return { ...dialog, divider: firstUnread(dialog.messages) };
}

export function withOpened(dialog) {
    const { divider } = settleDivider({ ...dialog, divider: dialog.unread > 0 ? -1 : 0 });
    return withFields(dialog, { divider });
}

/* The user has seen what the other user wrote, up to this message. */
export function withSeen(dialog, upToSeq) {
    const messages = markRead(dialog.messages, (message) => !message.mine && message.seq <= upToSeq);
    if (messages === dialog.messages) return dialog;
    const divider = Math.max(0, dialog.divider); // its place was passed before it was determined
    return settled({ ...dialog, messages, divider, toReport: Math.max(dialog.toReport, upToSeq) });
}

/* The server knows that. */
export function withReported(dialog, upToSeq) {
    return dialog.toReport <= upToSeq ? withFields(dialog, { toReport: 0 }) : dialog;
}

/* With the newest messages only, so that a day of reading does not fill the memory. */
export function trimmed(dialog) {
    return dialog.messages.length > LOADED_MAX ? { ...dialog, messages: dialog.messages.slice(-LOADED_MAX) } : dialog;
}

/* What the user writes */

export function withWritten(dialog, { id, text, date }) {
    if (dialog.pending.some((item) => item.id === id)) return dialog;
    return { ...dialog, divider: 0, pending: [...dialog.pending, { id, text, date, failed: "", guess: 0 }] };
}

/* The server has stored it. What was taken for its twin may be that of another one. */
export function withStored(dialog, id, message) {
    const item = dialog.pending.find((other) => other.id === id);
    const others = withoutPending(dialog, id);
    const free = changedItems(others.pending, ({ guess }) => guess === message.seq, { guess: 0 });
    const isOther = item !== undefined && item.guess !== 0 && item.guess !== message.seq;
    const pending = isOther ? guessed(free, [{ text: item.text, seq: item.guess }]) : free;
    return withAdded(withFields(others, { pending }), [message], true);
}

export function withoutPending(dialog, id) {
    const pending = dialog.pending.filter((item) => item.id !== id);
    return pending.length === dialog.pending.length ? dialog : { ...dialog, pending };
}

/* `failed`: why it was refused; "": it is being sent again. */
export function withOutcome(dialog, id, failed) {
    const pending = changedItems(dialog.pending, (item) => item.id === id, { failed, guess: 0 });
    return withFields(dialog, { pending });
}

/* The same array when nothing changes. */
function changedItems(pending, which, fields) {
    const changed = pending.map((item) => (which(item) ? withFields(item, fields) : item));
    return changed.every((item, i) => item === pending[i]) ? pending : changed;
}

/* Without what was loaded, which may not be true any more. */
export function forgotten(dialog) {
    return withFields(dialog, {
        user: withFields(dialog.user, { isDeleted: false }), // of a store that was turned back, it may not be
        messages: dialog.messages.length === 0 ? dialog.messages : [],
        counts: { ...NO_COUNTS, unreadIncoming: dialog.unread },
        pending: changedItems(dialog.pending, () => true, { guess: 0 }),
        divider: 0,
        stale: true,
    });
}

/* The server has no message of it. */
export function withoutMessages(dialog) {
    return withFields(dialog, { last: null, unread: 0, counts: NO_COUNTS, stale: false });
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
