/*
 * What the web client knows, and how it changes: reduce(state, action) returns the next state and
 * changes nothing. No browser, no server, no clock. What did not change stays the same object, so
 * that a view compares with ===.
 *
 *   self        the user, as in dialog.js; null before it is known
 *   dialogs     Map from the tag in lower case to its dialog (dialog.js)
 *   online      Set of the tags, in lower case, of contacts who are online
 *   open        the key of the conversation that is shown; "": none
 *   attentive   whether the user is looking at it: the window is visible, focused, and at its end
 *   listed      whether the list of conversations has been read
 *
 * An action is {type, ...}; the types are the names of the functions in ACTIONS. `tag` is that of
 * the other user.
 */

import {
    forgotten, newDialog, plainUser, trimmed, withDraft, withFields, withNew, withOpened, withOutcome, withPage,
    withReported, withRow, withSeen, withStored, withWritten, withoutAccount, withoutMessages, withoutPending,
} from "./dialog.js";
import { otherTag, sameTag, toMessage } from "./messages.js";

export function emptyState() {
    return { self: null, dialogs: new Map(), online: new Set(), open: "", attentive: false, listed: false };
}

export function reduce(state, action) {
    return ACTIONS[action.type](state, action);
}

export function keyOf(tag) {
    return tag.toLowerCase();
}

export function dialogOf(state, tag) {
    return state.dialogs.get(keyOf(tag));
}

const ACTIONS = {
    /* What this browser has stored: `dialogs` as in the state, an array; `place`: from where the server
     * continues, or nothing when the list is to be read again. */
    restored(state, { self, dialogs, place }) {
        const map = new Map(dialogs.map((dialog) => [keyOf(dialog.tag), { ...newDialog(dialog.user), ...dialog }]));
        return { ...state, self, dialogs: map, listed: Boolean(place) };
    },

    /* The messages that this browser has stored: [{tag, messages}]. */
    cacheRead(state, { entries }) {
        const dialogs = new Map(state.dialogs);
        for (const { tag, messages } of entries) {
            const dialog = dialogs.get(keyOf(tag));
            if (dialog) dialogs.set(keyOf(tag), withPage(dialog, messages));
        }
        return withDialogs(state, dialogs);
    },

    /*
     * The server cannot continue from what is known: that is to be read again. What the user wrote
     * stays, but nothing of another user.
     */
    begun(state, { user }) {
        if (state.self && !sameTag(state.self.tag, user.tag)) return { ...emptyState(), self: plainUser(user) };
        const dialogs = new Map([...state.dialogs].map(([key, dialog]) => [key, forgotten(dialog)]));
        return { ...state, self: plainUser(user), dialogs, online: new Set(), listed: false };
    },

    /*
     * The whole list of conversations, as the server has it. Others go, unless they contain something of
     * the user, or messages that were received while the list was being read.
     */
    listed(state, { rows }) {
        const dialogs = new Map(state.dialogs);
        const keys = new Set();
        for (const row of rows) {
            const key = keyOf(row.userInfo.tag);
            keys.add(key);
            dialogs.set(key, rowOn(state, dialogs.get(key), row));
        }
        for (const [key, dialog] of state.dialogs) {
            if (keys.has(key) || dialog.messages.length > 0) continue;
            if (isKept(state, key, dialog)) dialogs.set(key, withoutMessages(dialog));
            else dialogs.delete(key);
        }
        const open = dialogs.get(state.open);
        if (open) dialogs.set(state.open, withOpened(open));
        const online = new Set([...state.online].filter((key) => !keys.has(key)));
        for (const { userInfo } of rows) if (userInfo.isOnline) online.add(keyOf(userInfo.tag));
        return { ...state, dialogs, online, listed: true };
    },

    /* A page of what changed while there was no connection. */
    synced(state, { dialogs, self, online }) {
        let next = dialogs.reduce(takeSynced, state);
        if (self) next = withFields(next, { self: withFields(next.self ?? {}, plainUser(self)) });
        return online ? withOnline(next, new Set(online.map(keyOf))) : next;
    },

    /* The present row of one conversation. */
    rowRead(state, { row }) {
        return takeOnline(takeRow(state, row), row.userInfo.tag, row.userInfo.isOnline);
    },

    messageReceived(state, { message }) {
        const tag = otherTag(state.self.tag, message);
        const isMine = !sameTag(tag, message.senderTag);
        const next = takeMessages(state, tag, [message]);
        if (!isMine && !message.isRequest) return next;
        return change(next, tag, (dialog) => withFields(dialog, { isRequest: !isMine })); // one's own is an answer
    },

    /* A page of the history. */
    pageRead(state, { tag, messages }) {
        return change(state, tag, (dialog) => withPage(dialog, toMessages(state, messages)));
    },

    presenceChanged(state, { tag, online }) {
        return takeOnline(state, tag, online);
    },

    /* The account of another user was deleted. */
    accountDeleted(state, { tag }) {
        return takeOnline(change(state, tag, withoutAccount), tag, false);
    },

    /* The user's decision about another one. */
    relationChanged(state, { tag, isBlocked, isAdded }) {
        return change(state, tag, (dialog) => withFields(dialog, {
            isBlocked, isRequest: dialog.isRequest && !isAdded, // it is one again after unblocking
        }));
    },

    /* All whom the user has blocked. */
    blockedRead(state, { tags }) {
        const blocked = new Set(tags.map(keyOf));
        const dialogs = new Map([...state.dialogs].map(([key, dialog]) => [key,
            withFields(dialog, { isBlocked: blocked.has(key) })]));
        return withDialogs(state, dialogs);
    },

    /* Some fields of a user, of oneself or of a contact. */
    profileChanged(state, { tag, ...fields }) {
        const changed = Object.fromEntries(["firstName", "lastName", "img"]
            .filter((name) => fields[name] !== undefined).map((name) => [name, fields[name]]));
        if (state.self && sameTag(tag, state.self.tag)) return { ...state, self: withFields(state.self, changed) };
        return change(state, tag, (dialog) => withFields(dialog, { user: withFields(dialog.user, changed) }));
    },

    /* The user shows a conversation; `user` is needed when it is a new one. */
    opened(state, { tag, user, at }) {
        const known = dialogOf(state, tag);
        const left = state.open && state.open !== keyOf(tag) ? ACTIONS.closed(state, {}) : state;
        const dialog = known ?? { ...newDialog(user), openedAt: at };
        return withFields(put(left, withOpened(dialog)), { open: keyOf(tag) });
    },

    /* An empty conversation that was only looked at goes. */
    closed(state) {
        const dialog = state.dialogs.get(state.open);
        const dialogs = new Map(state.dialogs);
        if (dialog && !isWorthListing(dialog)) dialogs.delete(state.open);
        else if (dialog) dialogs.set(state.open, trimmed(withFields(dialog, { divider: 0 })));
        return withFields(withDialogs(state, dialogs), { open: "" });
    },

    attended(state, { attentive }) {
        return withFields(state, { attentive });
    },

    seen(state, { tag, upToSeq }) {
        return change(state, tag, (dialog) => withSeen(dialog, upToSeq));
    },

    reported(state, { tag, upToSeq }) {
        return change(state, tag, (dialog) => withReported(dialog, upToSeq));
    },

    drafted(state, { tag, text }) {
        return change(state, tag, (dialog) => withDraft(dialog, text));
    },

    /* What the user writes; the `id` is the message's clientMessageId. */
    written(state, { tag, user, id, text, date }) {
        const dialog = dialogOf(state, tag) ?? newDialog(user ?? { tag });
        return put(state, withWritten(dialog, { id, text, date }));
    },

    stored(state, { tag, id, message }) {
        return change(state, tag, (dialog) => withFields(withStored(dialog, id, toMessage(state.self.tag, message)),
            { isRequest: false })); // an answer
    },

    refused(state, { tag, id, reason }) {
        return change(state, tag, (dialog) => withOutcome(dialog, id, reason));
    },

    retried(state, { tag, id }) {
        return change(state, tag, (dialog) => withOutcome(dialog, id, ""));
    },

    discarded(state, { tag, id }) {
        return change(state, tag, (dialog) => withoutPending(dialog, id));
    },
};

/* With this map, unless it has the same dialogs. */
function withDialogs(state, dialogs) {
    const isSame = dialogs.size === state.dialogs.size
        && [...dialogs].every(([key, dialog]) => state.dialogs.get(key) === dialog);
    return isSame ? state : { ...state, dialogs };
}

function put(state, dialog) {
    const key = keyOf(dialog.tag);
    if (state.dialogs.get(key) === dialog) return state;
    return { ...state, dialogs: new Map(state.dialogs).set(key, dialog) };
}

/* Nothing happens when there is no such conversation. */
function change(state, tag, how) {
    const dialog = dialogOf(state, tag);
    return dialog ? put(state, how(dialog)) : state;
}

function toMessages(state, messages) {
    return messages.map((message) => toMessage(state.self.tag, message));
}

function takeRow(state, row) {
    return put(state, rowOn(state, dialogOf(state, row.userInfo.tag), row));
}

/* The `_id` of a row is not that of its message. */
function rowOn(state, dialog, row) {
    const last = toMessage(state.self.tag, { ...row, _id: "", isRead: isLastRead(state, row) });
    return withRow(dialog ?? newDialog(row.userInfo), row, last);
}

function isLastRead(state, { senderTag, unreadIncoming, unreadOutgoing }) {
    return (sameTag(senderTag, state.self.tag) ? unreadOutgoing : unreadIncoming) === 0;
}

function takeSynced(state, row) {
    const { tag, isOnline } = row.userInfo;
    const next = takeMessages(state, tag, row.messages, row.userInfo);
    return takeOnline(takeRow(next, row), tag, isOnline);
}

function takeMessages(state, tag, messages, user = { tag }) {
    const dialog = dialogOf(state, tag) ?? newDialog(user);
    const attentive = state.attentive && state.open === keyOf(tag);
    return put(state, withNew(dialog, toMessages(state, messages), attentive));
}

function takeOnline(state, tag, isOnline) {
    const key = keyOf(tag);
    if (state.online.has(key) === Boolean(isOnline)) return state;
    const online = new Set(state.online);
    if (isOnline) online.add(key);
    else online.delete(key);
    return { ...state, online };
}

function withOnline(state, online) {
    const isSame = online.size === state.online.size && [...online].every((key) => state.online.has(key));
    return isSame ? state : { ...state, online };
}

function isKept(state, key, dialog) {
    return key === state.open || dialog.pending.length > 0 || dialog.draft !== "";
}

function isWorthListing({ last, pending, draft }) {
    return last !== null || pending.length > 0 || draft !== "";
}
