/*
 * The messages of one conversation: an array in the order of `seq`, each once. Arrays are never
 * changed; a function returns the same array when there is nothing to change.
 *
 * A message is {seq, id, mine, text, date, read, erased}: `date` in milliseconds since 1970; `read`: its
 * receiver has read it, which stays so; `erased`: false, true when the server has erased the text, which is
 * "" then, or "perhaps" when the text was dropped here and the server is to be asked.
 */

const PERHAPS = "perhaps";

/* From a message of the server, whose date may be a number or a text. */
export function toMessage(selfTag, { _id, seq, senderTag, text, date, isRead, isDeleted }) {
    return {
        seq,
        id: _id,
        mine: sameTag(senderTag, selfTag),
        text: isDeleted ? "" : text,
        date: new Date(date).getTime(),
        read: isRead === true,
        erased: isDeleted === true,
    };
}

/* Two messages of the same `seq` as one: `later` is what the server returned last. */
export function mergedMessage(message, later) {
    const { text, erased } = later.erased === PERHAPS || (!message.erased && !later.erased) ? message : later;
    const read = message.read || later.read;
    const isSame = text === message.text && erased === message.erased && read === message.read;
    return isSame ? message : { ...message, text, erased, read };
}

/* A message of somebody whose account is deleted, without its text, which the server may have erased. */
export function withoutText(message) {
    return message.mine || message.erased ? message : { ...message, text: "", erased: PERHAPS };
}

/* The newest messages of which the server is to be asked whether it has their texts: {first, last}, both
 * inclusive, at most `most` apart; or null. */
export function findDoubt(messages, most) {
    const last = messages.findLast(({ erased }) => erased === PERHAPS)?.seq;
    if (last === undefined) return null;
    const { seq: first } = messages.find(({ seq, erased }) => erased === PERHAPS && seq > last - most);
    return { first, last };
}

/* The tag of the other user of a message or of a row of the list. */
export function otherTag(selfTag, { senderTag, receiverTag }) {
    return sameTag(senderTag, selfTag) ? receiverTag : senderTag;
}

/* Tags are unique ignoring case, and consist of ASCII characters. */
export function sameTag(one, other) {
    return one === other || one?.toLowerCase() === other?.toLowerCase();
}

/* `added` in any order, and newer than what is known. */
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
        else result[result.length - 1] = mergedMessage(last, message);
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
