/*
 * The messages of one conversation: an array in the order of `seq`, each once. Arrays are never
 * changed; a function returns the same array when there is nothing to change.
 *
 * A message is {seq, id, mine, text, date, read}: `date` in milliseconds since 1970; `read`: its
 * receiver has read it, which stays so.
 */

/* From a message of the server, whose date may be a number or a text. */
export function toMessage(selfTag, { _id, seq, senderTag, text, date, isRead }) {
    return {
        seq,
        id: _id,
        mine: sameTag(senderTag, selfTag),
        text,
        date: new Date(date).getTime(),
        read: isRead === true,
    };
}

/* The tag of the other user of a message or of a row of the list. */
export function otherTag(selfTag, { senderTag, receiverTag }) {
    return sameTag(senderTag, selfTag) ? receiverTag : senderTag;
}

/* Tags are unique ignoring case, and consist of ASCII characters. */
export function sameTag(one, other) {
    return one === other || one?.toLowerCase() === other?.toLowerCase();
}

/* `added` in any order. */
export function mergeMessages(messages, added) {
    if (added.length === 0) return messages;
    const sorted = withoutTwins(added.toSorted((one, other) => one.seq - other.seq));
    if (messages.length === 0 || sorted[0].seq > messages.at(-1).seq) return [...messages, ...sorted];
    if (sorted.at(-1).seq < messages[0].seq) return [...sorted, ...messages];
    return unlessSame(messages, withoutTwins([...messages, ...sorted].sort((one, other) => one.seq - other.seq)));
}

function withoutTwins(sorted) {
    const result = [];
    for (const message of sorted) {
        const last = result.at(-1);
        if (last?.seq !== message.seq) result.push(message);
        else if (message.read && !last.read) result[result.length - 1] = { ...last, read: true };
    }
    return result;
}

function unlessSame(messages, merged) {
    const same = merged.length === messages.length && merged.every((message, i) => message === messages[i]);
    return same ? messages : merged;
}

/* Those for which `isRead(message)` become read. */
export function markRead(messages, isRead) {
    const isChanged = (message) => !message.read && isRead(message);
    if (!messages.some(isChanged)) return messages;
    return messages.map((message) => (isChanged(message) ? { ...message, read: true } : message));
}

/* A user reads up to a message: what is older than one that is read is read, too. */
export function markOlder(messages) {
    const newestRead = { true: 0, false: 0 };
    for (const { mine, read, seq } of messages) if (read) newestRead[mine] = seq;
    return markRead(messages, ({ mine, seq }) => seq < newestRead[mine]);
}

/*
 * What the server's counts mean: of the messages up to `seq`, the last `unreadIncoming` of the other
 * user and the last `unreadOutgoing` of one's own are unread, and those before them are read.
 */
export function markByCounts(messages, { seq, unreadIncoming, unreadOutgoing }) {
    const left = { true: unreadOutgoing, false: unreadIncoming };
    const unread = new Set();
    for (let i = messages.length - 1; i >= 0; i -= 1) {
        const message = messages[i];
        if (message.seq > seq) unread.add(message);
        else if (left[message.mine] > 0) {
            left[message.mine] -= 1;
            unread.add(message);
        } else if (left.true <= 0 && left.false <= 0) break;
    }
    return markRead(messages, (message) => !unread.has(message));
}

export function countUnread(messages, afterSeq = 0) {
    let count = 0;
    for (let i = messages.length - 1; i >= 0 && messages[i].seq > afterSeq; i -= 1) {
        count += !messages[i].mine && !messages[i].read;
    }
    return count;
}

/* The `seq` of the first message that is not read by oneself; 0 without one. */
export function firstUnread(messages) {
    return messages.find((message) => !message.mine && !message.read)?.seq ?? 0;
}

/*
 * The newest messages that are missing after the first that is loaded: {after, before}, both exclusive,
 * or null. `newest` is the greatest `seq` that is known to exist.
 */
export function findGap(messages, newest) {
    let before = newest + 1;
    for (let i = messages.length - 1; i >= 0; i -= 1) {
        if (messages[i].seq < before - 1) return { after: messages[i].seq, before };
        before = messages[i].seq;
    }
    return null;
}
