// The promises of client/state: messages, conversations, and the actions on what the web client knows.
// Run by test_modules.py, in a folder with copies of the modules.
import assert from "node:assert/strict";
import { test } from "node:test";

import { isWhole, newestSeq } from "./client/state/dialog.js";
import { listDialogs, totalUnread } from "./client/state/list.js";
import {
    countUnread, findGap, firstUnread, markByCounts, markOlder, markRead, mergeMessages, otherTag, sameTag, toMessage,
} from "./client/state/messages.js";
import { rowsOf } from "./client/state/rows.js";
import { dialogOf, emptyState, reduce } from "./client/state/state.js";
import { Store } from "./client/state/store.js";
import { frozen } from "./web_server.mjs";

const ME = { _id: "u0", tag: "@Me", firstName: "Mary", lastName: "Shelley", img: "default.jpg" };
const ANN = { _id: "u1", tag: "@Ann", firstName: "Ann", lastName: "Lee", img: "a.jpg", isOnline: true };
const DATE = 1_700_000_000_000;

/* "1 2r 3M 4Mr": messages by `seq`, M: one's own, r: read */
function messagesOf(text) {
    return text.split(" ").filter(Boolean).map((word) => ({
        seq: parseInt(word, 10), id: `m${parseInt(word, 10)}`, mine: word.includes("M"),
            text: `text ${parseInt(word, 10)}`,
        date: DATE + parseInt(word, 10) * 1000, read: word.includes("r"), erased: false,
    }));
}

const shortOf = (messages) => messages.map(({ seq, mine,
    read }) => `${seq}${mine ? "M" : ""}${read ? "r" : ""}`).join(" ");

/* The same as the server has them. */
const wire = (text, tag = "@Ann") => messagesOf(text).map(({ seq, id, mine, text: words, date, read }) => ({
    _id: id, seq, senderTag: mine ? "@Me" : tag, receiverTag: mine ? tag : "@Me", text: words, date, isRead: read,
}));

const one = (text, tag, fields = {}) => ({ ...wire(text, tag)[0], ...fields });

function row(text, unreadIncoming = 0, unreadOutgoing = 0, user = ANN) {
    const { _id, isRead, ...last } = one(text, user.tag);
    return { _id: "c1", ...last, unreadIncoming, unreadOutgoing, unreadCount: unreadIncoming + unreadOutgoing,
        userInfo: user };
}

/* The state after these actions; none of them changes what was there. */
function after(state, ...actions) {
    return actions.reduce((now, action) => reduce(frozen(now), frozen(action)), state);
}

const begin = (...rows) => after(emptyState(), { type: "begun", user: ME }, { type: "listed", rows });
const ann = (state) => dialogOf(state, "@ann");
const received = (text, fields) => ({ type: "messageReceived", message: one(text, "@Ann", fields) });
const page = (text) => ({ type: "pageRead", tag: "@Ann", messages: wire(text).toReversed() });
const opened = { type: "opened", tag: "@Ann", user: ANN, at: 5 };
const openedBob = { ...opened, tag: "@Bob", user: { ...ANN, tag: "@Bob" } };
const away = { type: "attended", attentive: false };
const looking = { type: "attended", attentive: true };
const written = (id, text = "hi") => ({ type: "written", tag: "@Ann", id, text, date: DATE });
const stored = (id, text, words = "hi") => ({ type: "stored", tag: "@Ann", id,
    message: one(text, "@Ann", { text: words }) });
const shown = (state) => rowsOf(ann(state)).filter(({ kind }) => kind !== "day")
    .map(({ kind, message, item }) => (kind === "new" ? "new" : message ? `${message.seq}` : item.id)).join(" ");

// Messages

test("a message of the server has a date in milliseconds and a side, whatever its form", () => {
    const common = { _id: "x", seq: 3, receiverTag: "@ann", text: "hi" };
    assert.deepEqual(toMessage("@Me", { ...common, senderTag: "@mE", date: "2020-10-26T13:05:37.971Z", isRead: true }),
        { seq: 3, id: "x", mine: true, text: "hi", date: 1603717537971, read: true, erased: false });
    assert.deepEqual(toMessage("@Me", { ...common, senderTag: "@Ann", date: 7 }),
        { seq: 3, id: "x", mine: false, text: "hi", date: 7, read: false, erased: false });
    assert.equal(otherTag("@me", { senderTag: "@ME", receiverTag: "@Bob" }), "@Bob");
    assert.equal(otherTag("@me", { senderTag: "@Bob", receiverTag: "@me" }), "@Bob");
    assert.ok(sameTag("@ada", "@ADA") && !sameTag("@ada", "@adam") && !sameTag("@a", undefined));
});

test("messages are merged in the order of seq, each once, whatever the order they come in", () => {
    const cases = [
        ["", "2 1 3", "1 2 3"], ["1 2", "4 3", "1 2 3 4"], ["5 6", "3 2", "2 3 5 6"], ["1 3 5", "4 2", "1 2 3 4 5"],
        ["1 2 3", "2 3 4", "1 2 3 4"], ["4 5", "3 4", "3 4 5"], ["", "2 2 1", "1 2"], ["1 9", "5", "1 5 9"],
            ["3", "3r", "3r"],
        ["3r", "3", "3r"], ["2 3", "1 2r", "1 2r 3"], ["", "4 4r", "4r"],
    ];
    for (const [known, added, expected] of cases) {
        const messages = frozen(messagesOf(known));
        assert.equal(shortOf(mergeMessages(messages, frozen(messagesOf(added)))), expected, `${known} and ${added}`);
    }
});

test("merging returns the same array when nothing changes, and keeps the messages it has", () => {
    const messages = frozen(messagesOf("1r 2 3M"));
    for (const added of ["", "2", "3M 1", "1r 2 3M"]) assert.equal(mergeMessages(messages, messagesOf(added)),
        messages);
    const merged = mergeMessages(messages, messagesOf("2 3M 4"));
    assert.deepEqual([0, 1, 2].map((i) => merged[i] === messages[i]), [true, true, true]);
    assert.equal(markRead(messages, () => false), messages);
    assert.equal(markOlder(messages), messages);
    assert.equal(markByCounts(messages, { seq: 3, unreadIncoming: 1, unreadOutgoing: 1 }), messages);
});

test("what is older than a read message of the same side is read", () => {
    assert.equal(shortOf(markOlder(messagesOf("1 2M 3r 4M 5 6Mr 7M 8"))), "1r 2Mr 3r 4Mr 5 6Mr 7M 8");
});

test("counts mark what is read, in both directions", () => {
    const cases = [ // messages, seq, incoming, outgoing, expected
        ["1 2M 3 4M", 4, 0, 0, "1r 2Mr 3r 4Mr"], ["1 2M 3 4M", 4, 1, 0, "1r 2Mr 3 4Mr"],
            ["1 2M 3 4M", 4, 0, 1, "1r 2Mr 3r 4M"],
        ["1 2M 3 4M", 4, 2, 1, "1 2Mr 3 4M"], ["1 2 3 4", 2, 0, 0, "1r 2r 3 4"],
            ["1 2M 3 4M 5", 3, 1, 0, "1r 2Mr 3 4M 5"],
        ["7 8", 8, 5, 5, "7 8"], ["7M 8", 8, 1, 9, "7M 8"], ["1r 2r", 2, 2, 0, "1r 2r"], ["", 9, 1, 1, ""],
        ["1 2 3M 4M 5M", 5, 1, 0, "1r 2 3Mr 4Mr 5Mr"],
    ];
    for (const [text, seq, unreadIncoming, unreadOutgoing, expected] of cases) {
        assert.equal(shortOf(markByCounts(frozen(messagesOf(text)), { seq, unreadIncoming, unreadOutgoing })),
            expected, text);
    }
});

test("unread messages are those of the other user", () => {
    const messages = messagesOf("1r 2M 3 4M 5");
    assert.deepEqual([countUnread(messages), countUnread(messages, 3), countUnread(messages, 5), countUnread([])],
        [2, 1, 0, 0]);
    assert.deepEqual([firstUnread(messages), firstUnread(messagesOf("1r 2M")), firstUnread([])], [3, 0, 0]);
});

test("the newest gap is found at the end, then in the middle", () => {
    assert.deepEqual(findGap(messagesOf("3 4 7 8"), 10), { after: 8, before: 11 });
    assert.deepEqual(findGap(messagesOf("3 4 7 8"), 8), { after: 4, before: 7 });
    assert.deepEqual(findGap(messagesOf("1 3 5"), 5), { after: 3, before: 5 });
    assert.equal(findGap(messagesOf("3 4 5"), 5), null);
    assert.equal(findGap([], 0), null);
    assert.equal(findGap([], 5), null);
});

// Reading

test("the list gives each conversation its user, last message, unread count and presence", () => {
    const state = begin(row("4", 3), row("2M", 0, 1, { ...ANN, tag: "@Bob", isOnline: false }));
    assert.deepEqual(ann(state).user, { tag: "@Ann", firstName: "Ann", lastName: "Lee", img: "a.jpg", isDeleted: false });
    assert.equal(shortOf([ann(state).last]), "4");
    assert.equal(shortOf([dialogOf(state, "@BOB").last]), "2M");
    assert.deepEqual([ann(state).unread, totalUnread(state), state.listed], [3, 3, true]);
    assert.deepEqual([...state.online], ["@ann"]);
    assert.deepEqual([ann(state).last.id, ann(after(state, page("4"))).last.id], ["", "m4"], "a row has another _id");
    assert.equal(shortOf([ann(begin(row("4M", 0, 0))).last]), "4Mr");
    assert.equal(shortOf([ann(begin(row("4", 0, 2))).last]), "4r");
});

test("a row that is older than what is known takes nothing back", () => {
    const state = after(begin(row("3", 3)), page("1 2 3"), received("4"), { type: "seen", tag: "@Ann", upToSeq: 3 });
    const next = after(state, { type: "rowRead", row: row("3", 3) });
    assert.deepEqual([ann(next).unread, newestSeq(ann(next)), shortOf(ann(next).messages)], [1, 4, "1r 2r 3r 4"]);
    const read = after(begin(row("2M")), page("1Mr 2Mr"), { type: "rowRead", row: row("2M", 0, 2) });
    assert.deepEqual([shortOf([ann(read).last]), shortOf(ann(read).messages)], ["2Mr", "1Mr 2Mr"]);
    const unloaded = after(begin(row("2M")), { type: "rowRead", row: row("2M", 0, 2) });
    assert.equal(shortOf([ann(unloaded).last]), "2Mr");
});

test("of two rows of the same messages the lower counts hold, as what is read stays read", () => {
    const rows = [row("5", 1, 0), row("5", 3, 0)].map((value) => ({ type: "rowRead", row: value }));
    assert.equal(ann(after(begin(row("5", 3)), ...rows)).unread, 1);
    const own = after(begin(row("3M", 0, 3)), page("1M 2M 3M"), page("2Mr"));
    assert.equal(shortOf(ann(own).messages), "1Mr 2Mr 3M", "a page of the history may know more");
});

test("a message that a row has counted is not counted again", () => {
    const state = after(begin(row("3", 0)), { type: "rowRead", row: row("5", 2) });
    assert.equal(ann(state).unread, 2);
    assert.equal(ann(after(state, received("4"))).unread, 2);
    assert.equal(ann(after(state, received("4"), received("5"))).unread, 2);
    assert.equal(ann(after(state, received("4"), received("5"), received("6"))).unread, 3);
});

test("a notification that is overtaken by the answer to a later send is counted", () => {
    const state = after(begin(row("3", 0)), written("a"), stored("a", "5M"), received("4"));
    assert.deepEqual([ann(state).unread, shortOf(ann(state).messages)], [1, "4 5M"]);
});

test("a page of the history that was read before the marks arrived does not make messages unread", () => {
    const state = after(begin(row("9", 9)), page("7 8 9"), { type: "seen", tag: "@Ann", upToSeq: 9 });
    assert.equal(ann(state).unread, 0);
    const next = after(state, page("4 5 6"));
    assert.deepEqual([ann(next).unread, shortOf(ann(next).messages)], [0, "4r 5r 6r 7r 8r 9r"]);
    const elsewhere = after(begin(row("5", 5)), { type: "rowRead", row: row("5", 0) }, page("4 5"));
    assert.deepEqual([ann(elsewhere).unread, shortOf(ann(elsewhere).messages)], [0, "4r 5r"]);
});

test("what is seen stays unread beyond what was seen, and own messages are the other user's to read", () => {
    const state = after(begin(row("5", 3, 1)), page("1r 2M 3 4 5"), { type: "seen", tag: "@Ann", upToSeq: 4 });
    assert.deepEqual([ann(state).unread, shortOf(ann(state).messages)], [1, "1r 2M 3r 4r 5"]);
    assert.equal(after(state, { type: "seen", tag: "@Ann", upToSeq: 4 }), state);
    assert.equal(after(state, { type: "seen", tag: "@nobody", upToSeq: 4 }), state);
    const gap = after(begin(row("3", 1)), page("1r 2r 3"), { type: "rowRead", row: row("6", 4) },
        { type: "seen", tag: "@Ann", upToSeq: 3 });
    assert.ok(ann(gap).unread >= 3, "those that are not loaded are counted");
    assert.equal(ann(after(gap, page("4 5 6"))).unread, 3);
});

test("another device reads: the row says so", () => {
    const state = after(begin(row("4", 3)), page("1r 2 3 4"), { type: "rowRead", row: row("4", 1) });
    assert.deepEqual([ann(state).unread, shortOf(ann(state).messages)], [1, "1r 2r 3r 4"]);
    assert.equal(after(state, { type: "rowRead", row: row("4", 1) }), state);
});

test("a conversation is whole when its first message is loaded", () => {
    assert.equal(isWhole(ann(begin(row("4")))), false);
    assert.equal(isWhole(ann(after(begin(row("4")), page("3 4")))), false);
    assert.equal(isWhole(ann(after(begin(row("4")), page("1 2 3 4")))), true);
    assert.equal(isWhole(ann(after(begin(), opened))), true);
});

// Beginning again

test("what begins again is stale, and then as the server has it, also with fewer messages", () => {
    const known = after(begin(row("9", 2)), page("6r 7r 8 9"), opened);
    const begun = after(known, { type: "begun", user: ME });
    assert.deepEqual([ann(begun).stale, ann(begun).messages, ann(begun).unread, newestSeq(ann(begun)), begun.listed],
        [true, [], 2, 9, false]);
    const listed = after(begun, { type: "listed", rows: [row("3", 1)] });
    assert.deepEqual([ann(listed).stale, newestSeq(ann(listed)), ann(listed).unread, listed.listed],
        [false, 3, 1, true]);
    const read = after(listed, page("1r 2r 3"), received("4"));
    assert.deepEqual([shortOf(ann(read).messages), ann(read).unread, newestSeq(ann(read))], ["1r 2r 3 4", 2, 4]);
});

test("a message received before the list is not lost, whether the list has it or not", () => {
    const begun = after(begin(row("9", 2)), { type: "begun", user: ME }, received("4"));
    assert.equal(newestSeq(ann(begun)), 4);
    for (const rows of [[row("3", 1)], [row("4", 2)]]) {
        const listed = after(begun, { type: "listed", rows });
        assert.deepEqual([shortOf(ann(listed).messages), newestSeq(ann(listed)), ann(listed).unread], ["4", 4, 2]);
    }
    const between = after(begun, { type: "listed", rows: [] });
    assert.equal(shortOf(ann(between).messages), "4");
});

test("conversations that the server does not have go, unless something of the user is in them", () => {
    const tags = ["@Pending", "@Draft", "@Open", "@Gone"];
    const rows = tags.map((tag) => row("4", 1, 0, { ...ANN, tag }));
    const state = after(begin(...rows), { ...written("p"), tag: "@Pending" },
        { type: "drafted", tag: "@Draft", text: "d" },
        { ...opened, tag: "@Open", user: { tag: "@Open" } }, { type: "begun", user: ME }, { type: "listed", rows: [] });
    assert.deepEqual([...state.dialogs.keys()], ["@pending", "@draft", "@open"]);
    for (const { last, unread, stale } of state.dialogs.values()) assert.deepEqual([last, unread, stale],
        [null, 0, false]);
    assert.equal(dialogOf(state, "@pending").pending.length, 1);
    assert.equal(dialogOf(state, "@draft").draft, "d");
    assert.deepEqual([totalUnread(state), state.online.size], [0, 0]);
});

test("another user begins with nothing of the one before", () => {
    const state = after(begin(row("4", 1)), written("a"), opened, { type: "begun", user: { ...ME, tag: "@Other" } });
    assert.deepEqual([state.dialogs.size, state.self.tag, state.open, state.listed], [0, "@Other", "", false]);
});

test("what was stored here is shown at once, and is a list when it has a place", () => {
    const { messages, ...kept } = ann(after(begin(row("3", 1)), page("2r 3")));
    const restored = (place) => after(emptyState(), { type: "restored", self: ME, dialogs: [{ ...kept, messages: [] }],
        place });
    const state = after(restored({ epoch: "e", position: 3 }),
        { type: "cacheRead", entries: [{ tag: "@Ann", messages }, { tag: "@X", messages }] });
    assert.deepEqual([shortOf(ann(state).messages), ann(state).unread, state.listed, state.dialogs.size],
        ["2r 3", 1, true, 1]);
    assert.equal(restored(undefined).listed, false);
    assert.equal(after(emptyState(), { type: "restored", self: ME, dialogs: [],
        place: { epoch: "e", position: 0 } }).listed, true);
    const { counts, ...older } = kept;
    const old = after(emptyState(), { type: "restored", self: ME, dialogs: [{ ...older, messages: [] }] },
        received("4"));
    assert.equal(shortOf(ann(old).messages), "4");
});

test("what was missed: messages, rows, oneself, who is online", () => {
    const missed = { ...row("6", 2, 1), messages: wire("4M 5 6") };
    const state = after(begin(row("3")), page("1r 2r 3r"),
        { type: "synced", dialogs: [missed], self: { ...ME, firstName: "M" }, online: ["@Zoe", "@ANN"] });
    assert.deepEqual([shortOf(ann(state).messages), ann(state).unread, state.self.firstName],
        ["1r 2r 3r 4M 5 6", 2, "M"]);
    assert.deepEqual([...state.online].sort(), ["@ann", "@zoe"]);
    const partial = after(state, { type: "synced", dialogs: [], self: null, online: null });
    assert.equal(partial, state);
});

test("pages of what was missed show the count of now from the first page on", () => {
    const first = { ...row("6", 3), messages: wire("4") };
    const state = after(begin(row("3")), page("1r 2r 3r"), { type: "synced", dialogs: [first], self: null,
        online: null });
    assert.deepEqual([ann(state).unread, newestSeq(ann(state))], [3, 6]);
    const rest = after(state, { type: "synced", dialogs: [{ ...first, messages: wire("5 6") }], self: null,
        online: [] });
    assert.deepEqual([ann(rest).unread, shortOf(ann(rest).messages)], [3, "1r 2r 3r 4 5 6"]);
});

// Messages that arrive

test("a message of an unknown user begins a conversation", () => {
    const state = after(begin(), { type: "messageReceived", message: one("1", "@New") });
    const dialog = dialogOf(state, "@new");
    assert.deepEqual([dialog.user, dialog.unread, newestSeq(dialog)],
        [{ tag: "@New", firstName: "", lastName: "", img: "default.jpg", isDeleted: false }, 1, 1]);
    assert.equal(listDialogs(state).length, 1);
    const known = after(state, { type: "rowRead", row: row("1", 1, 0, { ...ANN, tag: "@New" }) });
    assert.deepEqual([dialogOf(known, "@new").user.firstName, dialogOf(known, "@new").unread,
        known.online.has("@new")], ["Ann", 1, true]);
});

test("the same message twice changes nothing", () => {
    const state = after(begin(row("1", 1)), received("2"));
    assert.equal(after(state, received("2")), state);
});

test("an own message that arrives before the answer is shown once, and stays so after it", () => {
    const state = after(begin(row("1r")), page("1r"), written("a"), received("2M", { text: "hi" }));
    assert.equal(shown(state), "1 2");
    assert.equal(shown(after(state, stored("a", "2M"))), "1 2");
    assert.deepEqual(ann(after(state, stored("a", "2M"))).pending, []);
});

test("the same text from another device is another message in the end", () => {
    const state = after(begin(row("1r")), page("1r"), written("a"), received("2M", { text: "hi" }));
    assert.equal(shown(after(state, stored("a", "3M"))), "1 2 3");
});

test("the same text written twice is shown twice all along", () => {
    const state = after(begin(row("1r")), page("1r"), written("a"), written("b"));
    assert.equal(shown(state), "1 a b");
    const first = after(state, stored("a", "2M"));
    assert.equal(shown(first), "1 2 b");
    assert.equal(shown(after(first, stored("b", "3M"))), "1 2 3");
    const both = after(state, received("2M", { text: "hi" }), received("3M", { text: "hi" }));
    assert.equal(shown(both), "1 2 3");
    assert.equal(shown(after(both, stored("b", "2M"))), "1 2 3");
    const swapped = after(state, received("2M", { text: "hi" }), stored("a", "3M"));
    assert.equal(shown(swapped), "1 2 3", "the twin that was not a's may be b's");
    assert.equal(shown(after(swapped, stored("b", "4M"))), "1 2 3 4");
});

test("a refused message is shown as such; it is not taken for a twin, and can be sent again or discarded", () => {
    const refused = after(begin(), opened, written("a"), { type: "refused", tag: "@Ann", id: "a", reason: "too long" });
    assert.equal(ann(refused).pending[0].failed, "too long");
    const other = after(refused, written("b"), received("1M", { text: "hi" }));
    assert.equal(shown(other), "1 a");
    const retried = after(other, { type: "retried", tag: "@Ann", id: "a" });
    assert.deepEqual([ann(retried).pending[0].failed, shown(retried)], ["", "1 a"]);
    assert.equal(shown(after(other, { type: "discarded", tag: "@Ann", id: "a" })), "1");
    const hidden = after(begin(), written("a"), received("1M", { text: "hi" }),
        { type: "refused", tag: "@Ann", id: "a", reason: "x" });
    assert.equal(shown(hidden), "1 a");
    for (const type of ["refused", "retried", "discarded"]) {
        assert.equal(after(other, { type, tag: "@Ann", id: "unknown", reason: "x" }), other, type);
        assert.equal(after(other, { type, tag: "@Nobody", id: "a", reason: "x" }), other, type);
    }
});

test("an answer that another tab has passed on already changes nothing", () => {
    const state = after(begin(), written("a"), stored("a", "1M"));
    assert.equal(after(state, stored("a", "1M")), state);
    const twice = after(begin(), written("a"));
    assert.equal(after(twice, written("a")), twice);
});

// The divider

const divider = (state) => ann(state).divider;

test("the divider stands before the first unread message when a conversation is opened", () => {
    assert.equal(divider(after(begin(row("4", 2)), page("1r 2r 3 4"), opened)), 3);
    assert.equal(divider(after(begin(row("4")), page("1r 2r 3r 4r"), opened)), 0);
    const seen = after(begin(row("4", 2)), page("1r 2r 3 4"), opened, { type: "seen", tag: "@Ann", upToSeq: 4 });
    assert.equal(divider(seen), 3, "it stays while one reads");
    assert.equal(divider(after(seen, { type: "closed" })), 0);
    assert.equal(divider(after(seen, openedBob)), 0);
    assert.equal(divider(after(seen, written("a"))), 0, "whoever writes has read");
});

test("the divider waits for the unread messages to be loaded", () => {
    const state = after(begin(row("9", 4)), opened);
    assert.equal(divider(state), -1);
    assert.equal(divider(after(state, page("8 9"))), -1);
    assert.equal(divider(after(state, page("8 9"), page("4r 5r 6 7"))), 6);
    assert.equal(divider(after(state, page("8 9"), { type: "seen", tag: "@Ann", upToSeq: 8 })), 0);
});

test("a conversation that is open when the list arrives gets its divider", () => {
    const state = after(emptyState(), { type: "begun", user: ME }, opened, { type: "listed", rows: [row("3", 1)] });
    assert.equal(divider(after(state, page("1r 2r 3"))), 3);
});

test("a message that arrives while one looks elsewhere gets the divider, but not while one is attentive", () => {
    const read = after(begin(row("2")), page("1r 2r"), opened);
    assert.equal(divider(after(read, away, received("3"), received("4"))), 3);
    assert.equal(divider(after(read, looking, received("3"))), 0);
    assert.equal(divider(after(read, away, received("3M"))), 0);
    const again = after(read, away, received("3"), { type: "seen", tag: "@Ann", upToSeq: 3 }, received("4"));
    assert.equal(divider(again), 4);
    assert.equal(divider(after(read, away, { type: "rowRead", row: row("3", 1) }, received("3"))), 3);
    const elsewhere = after(read, openedBob, looking, received("3"), opened);
    assert.equal(divider(elsewhere), 3);
});

// What the user and others change

test("conversations are opened and closed; an empty one that was only looked at goes", () => {
    const state = after(begin(row("1r")), opened);
    assert.equal(state.open, "@ann");
    assert.equal(after(state, { type: "closed" }).open, "");
    const empty = after(state, openedBob);
    assert.deepEqual([empty.open, [...empty.dialogs.keys()]], ["@bob", ["@ann", "@bob"]]);
    assert.deepEqual([...after(empty, opened).dialogs.keys()], ["@ann"]);
    assert.deepEqual([...after(empty, { type: "drafted", tag: "@Bob", text: "d" }, { type: "closed" }).dialogs.keys()],
        ["@ann", "@bob"]);
    const closed = after(state, { type: "closed" });
    assert.equal(after(closed, { type: "closed" }), closed);
    assert.equal(ann(closed), ann(state), "what did not change stays the same object");
});

test("profiles change by some fields, of contacts and of oneself, ignoring case", () => {
    const state = begin(row("1"));
    const contact = after(state, { type: "profileChanged", tag: "@ANN", lastName: "King", userSeq: 9 });
    assert.deepEqual(ann(contact).user, { tag: "@Ann", firstName: "Ann", lastName: "King", img: "a.jpg", isDeleted: false });
    const self = after(state, { type: "profileChanged", tag: "@mE", img: "b.jpg" });
    assert.deepEqual(self.self, { tag: "@Me", firstName: "Mary", lastName: "Shelley", img: "b.jpg", isDeleted: false });
    assert.equal(self.dialogs, state.dialogs);
    for (const same of [{ tag: "@Ann", lastName: "Lee" }, { tag: "@Me", firstName: "Mary" },
        { tag: "@Nobody", img: "x" }]) {
        const next = after(state, { type: "profileChanged", ...same });
        assert.deepEqual([next.dialogs === state.dialogs, next.self === state.self], [true, true]);
    }
});

test("presence changes, ignoring case", () => {
    const state = begin(row("1"));
    const off = after(state, { type: "presenceChanged", tag: "@ANN", online: false });
    assert.equal(off.online.has("@ann"), false);
    assert.equal(off.dialogs, state.dialogs);
    assert.equal(after(off, { type: "presenceChanged", tag: "@Ann", online: false }), off);
    assert.equal(after(off, { type: "presenceChanged", tag: "@Ann", online: true }).online.has("@ann"), true);
});

test("what an action does not change stays the same object", () => {
    const state = after(begin(row("2", 1), row("2", 1, 0, { ...ANN, tag: "@Bob" })), page("1r 2"), opened);
    const bob = dialogOf(state, "@Bob");
    for (const action of [received("3"), written("a"), { type: "drafted", tag: "@Ann", text: "x" }, page("1r 2"),
        looking,
        { type: "seen", tag: "@Ann", upToSeq: 2 }, { type: "rowRead", row: row("2", 0) }]) {
        const next = after(state, action);
        assert.equal(dialogOf(next, "@Bob"), bob, action.type);
        assert.equal(next.online, state.online, action.type);
        assert.equal(ann(next).user, ann(state).user, action.type);
    }
    const same = [page("1r 2"), { type: "drafted", tag: "@Ann", text: "" }, { type: "rowRead", row: row("2", 1) },
        opened, away,
        { type: "presenceChanged", tag: "@Ann", online: true },
            { type: "cacheRead", entries: [{ tag: "@Ann", messages: ann(state).messages }] }];
    for (const action of same) assert.equal(after(state, action), state, action.type);
});

test("views are called once for all actions of a moment, and not when nothing has changed", () => {
    const due = [];
    const seen = [];
    const store = new Store((run) => due.push(run));
    const end = store.subscribe((state) => seen.push(state));
    store.dispatch({ type: "begun", user: ME });
    store.dispatch({ type: "listed", rows: [row("1")] });
    assert.deepEqual([seen.length, due.length, ann(store.state).tag], [0, 1, "@Ann"]);
    due.shift()();
    assert.deepEqual([seen.length, seen[0] === store.state], [1, true]);
    store.dispatch({ type: "drafted", tag: "@Ann", text: "" });
    assert.equal(due.length, 0);
    end();
    store.dispatch(received("2"));
    due.shift()();
    assert.equal(seen.length, 1);
    store.clear();
    assert.deepEqual(store.state, emptyState());
});
