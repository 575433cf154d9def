// What the web client keeps and shows of accounts that are deleted, and of texts that the server has erased.
// Run by test_modules.py, in a folder with copies of the modules.
import assert from "node:assert/strict";
import { test } from "node:test";

import { findDoubt, mergedMessage, mergeMessages, toMessage } from "./client/state/messages.js";
import { dialogOf, emptyState, reduce } from "./client/state/state.js";
import { Store } from "./client/state/store.js";
import { refusalOf } from "./client/text/refusals.js";
import { begun, Scene, wire } from "./web_scene.mjs";
import { ChatServer, frozen } from "./web_server.mjs";

const GONE = { tag: "@Ann", firstName: "", lastName: "", img: "default.jpg", isDeleted: true };
const known = { seq: 1, id: "m1", mine: false, text: "hi", date: 1, read: false, erased: false };
const erased = { ...known, text: "", erased: true };
const dropped = { ...known, text: "", erased: "perhaps" };

/* What is said, in order: "-" erased, "?" dropped. */
const marks = { true: "-", perhaps: "?" };
const said = ({ messages }) => messages.map((message) => (marks[message.erased] ?? message.text)).join(" ");

function talk(server, tag = "@Ann") {
    for (const [text, by] of [["one", "peer"], ["two", "device"], ["three", "peer"]]) server.send(tag, text, by);
    server.notified = [];
}

async function openScene(server) {
    const scene = await begun(server);
    scene.open();
    scene.session.loadOpen();
    await scene.run();
    return scene;
}

/* Everything that the state has, as a browser stores it. */
const stored = (state) => JSON.stringify([...state.dialogs.values()]);

// Messages

test("a message that the server has erased has no text, whatever it sends with it", () => {
    const message = toMessage("@Me", { _id: "x", seq: 1, senderTag: "@Ann", text: "left over", date: 1, isDeleted: true });
    assert.deepEqual([message.text, message.erased], ["", true]);
});

test("of two answers the later one has the text, and a text that was dropped here says nothing", () => {
    const cases = [[known, erased, erased], [erased, known, known], [dropped, known, known], [dropped, erased, erased],
        [known, dropped, known], [erased, dropped, erased], [known, { ...known, id: "" }, known]];
    for (const [one, later, expected] of cases) {
        const merged = mergedMessage(frozen(one), frozen(later));
        assert.deepEqual(merged, expected);
        if (expected === one) assert.equal(merged, one, "the same object");
    }
    assert.deepEqual(mergedMessage(known, { ...erased, read: true }), { ...erased, read: true });
    assert.deepEqual(mergedMessage({ ...known, read: true }, erased), { ...erased, read: true });
    assert.deepEqual(mergeMessages([known, { ...known, seq: 2 }], [{ ...erased, seq: 2 }]), [known, { ...erased, seq: 2 }]);
});

test("the newest texts that were dropped are asked for, as many as one page has", () => {
    const at = (...seqs) => [1, 2, 3, 4, 5, 6].map((seq) => ({ ...(seqs.includes(seq) ? dropped : known), seq }));
    assert.deepEqual(findDoubt(at(2, 3, 5), 100), { first: 2, last: 5 });
    assert.deepEqual(findDoubt(at(2, 3, 5), 3), { first: 3, last: 5 });
    assert.deepEqual(findDoubt(at(6), 1), { first: 6, last: 6 });
    assert.equal(findDoubt(at(), 100), null);
    assert.equal(findDoubt([erased], 100), null);
});

// State

test("with an account its profile, its texts, the draft and the request go, and one's own messages stay", async () => {
    const server = new ChatServer("@Ann");
    talk(server);
    const { store } = await openScene(server);
    for (const action of [{ type: "drafted", tag: "@Ann", text: "dear Ann" },
        { type: "written", tag: "@Ann", id: "w", text: "mine, too", date: 1 },
        { type: "rowRead", row: { ...server.row("@Ann"), isRequest: true } }]) store.dispatch(action);
    store.dispatch({ type: "presenceChanged", tag: "@Ann", online: true });
    assert.deepEqual([store.state.dialogs.get("@ann").isRequest, store.state.online.size], [true, 1]);
    const before = frozen(store.state);
    const after = reduce(before, { type: "accountDeleted", tag: "@aNN" });
    const dialog = dialogOf(after, "@Ann");
    assert.deepEqual([dialog.user, dialog.draft, dialog.isRequest, said(dialog), dialog.last.text], [GONE, "", false, "? two ?", ""]);
    assert.deepEqual(dialog.pending.map(({ text }) => text), ["mine, too"]);
    assert.equal(after.online.has("@ann"), false);
    assert.equal(reduce(after, { type: "accountDeleted", tag: "@Ann" }), after, "once");
    assert.equal(reduce(after, { type: "drafted", tag: "@Ann", text: "dear Ann" }), after, "there is nobody to write to");
    assert.equal(reduce(before, { type: "accountDeleted", tag: "@Nobody" }), before);
});

test("a row that was made before an account was deleted takes nothing back", async () => {
    const server = new ChatServer("@Ann");
    talk(server);
    const { store } = await openScene(server);
    const old = server.row("@Ann");
    const state = reduce(store.state, { type: "accountDeleted", tag: "@Ann" });
    for (const type of ["rowRead", "listed", "synced"]) {
        const after = reduce(state, { type, row: old, rows: [old], dialogs: [{ ...old, messages: [] }], self: null, online: null });
        assert.deepEqual([dialogOf(after, "@Ann").user, said(dialogOf(after, "@Ann")), dialogOf(after, "@Ann").last.text],
            [GONE, "? two ?", ""], type);
    }
});

test("a row shows that the last text was erased, and the message that is kept loses it, too", async () => {
    const server = new ChatServer("@Ann");
    talk(server);
    const { store } = await openScene(server);
    server.erase("@Ann", ({ seq }) => seq === 3);
    const after = dialogOf(reduce(frozen(store.state), { type: "rowRead", row: server.row("@Ann") }), "@Ann");
    assert.deepEqual([said(after), after.last.text, after.last.erased, after.user.isDeleted], ["one two -", "", true, false]);
});

test("the row of a conversation that is not loaded shows it, too, and one that was made before does not", async () => {
    const server = new ChatServer("@Ann");
    talk(server);
    const { store } = await begun(server);
    const old = server.row("@Ann");
    server.erase("@Ann", () => true);
    store.dispatch({ type: "rowRead", row: server.row("@Ann") });
    assert.deepEqual([dialogOf(store.state, "@Ann").last.text, dialogOf(store.state, "@Ann").last.erased], ["", true]);
    server.deleteUser("@Ann");
    for (const row of [server.row("@Ann"), old]) {
        store.dispatch({ type: "rowRead", row: { ...row, isRequest: true } });
        const { last, user, isRequest } = dialogOf(store.state, "@Ann");
        assert.deepEqual([last.erased, user, isRequest], [true, GONE, false]);
    }
});

test("after the store was turned back, an account is not deleted until the server has it so", async () => {
    const server = new ChatServer("@Ann");
    talk(server);
    const { store } = await openScene(server);
    const state = reduce(store.state, { type: "accountDeleted", tag: "@Ann" });
    const again = reduce(state, { type: "begun", user: server.self });
    const after = dialogOf(reduce(again, { type: "listed", rows: server.list() }), "@Ann");
    assert.deepEqual([after.user.firstName, after.user.isDeleted, after.last.text], ["Ann", false, "three"]);
});

// The connection

test("a notification drops texts at once, and the history that is shown is fetched again", async () => {
    const server = new ChatServer("@Ann", "@Bob");
    talk(server);
    talk(server, "@Bob");
    const scene = await openScene(server);
    server.presence("@Ann", true);
    await scene.run();
    server.deleteUser("@Ann");
    scene.hold.add("getMessagesWithUser").add("sync");
    await scene.run();
    assert.deepEqual([said(scene.dialog()), scene.dialog().user, scene.store.state.online.size], ["? two ?", GONE, 0]);
    assert.ok(!stored(scene.store.state).includes("one"), "before anything is fetched");
    assert.deepEqual(scene.of("deleted").map(({ tag }) => tag), ["@Ann"]);
    scene.hold.clear();
    scene.lose();
    await scene.reconnect();
    assert.deepEqual([said(scene.dialog()), scene.dialog().last.erased], ["- two -", true]);
    assert.equal(scene.dialog("@Bob").last.text, "three");
});

test("texts that the server keeps are shown again, in a conversation that is open and in one that is opened", async () => {
    const server = new ChatServer("@Ann", "@Bob");
    for (const tag of server.tags) talk(server, tag);
    const scene = await openScene(server);
    scene.open("@Bob");
    scene.session.loadOpen();
    await scene.run();
    for (const tag of server.tags) server.deleteUser(tag, { keeps: true });
    await scene.run();
    assert.deepEqual([said(scene.dialog("@Bob")), said(scene.dialog("@Ann"))], ["one two three", "? two three"]);
    assert.deepEqual([scene.dialog("@Ann").last.text, scene.dialog("@Ann").user], ["three", GONE]);
    scene.open("@Ann");
    scene.session.loadOpen();
    await scene.run();
    assert.equal(said(scene.dialog("@Ann")), "one two three");
    server.notified.push({ type: "", code: 3204, body: { tag: "@Ann" } });
    await scene.run();
    assert.equal(said(scene.dialog("@Ann")), "one two three", "a second notification changes nothing");
});

test("every text of a long history that is shown is fetched again", async () => {
    const server = new ChatServer("@Ann");
    for (let i = 1; i <= 2500; i += 1) server.send("@Ann", `text ${i}`, i % 3 ? "peer" : "device");
    server.notified = [];
    const scene = await openScene(server);
    while (await Promise.all([scene.session.loadOlder("@Ann"), scene.run()]).then(([isMore]) => isMore));
    assert.equal(scene.dialog().messages.length, 2500);
    server.deleteUser("@Ann", { keeps: true });
    const before = scene.called("getMessagesWithUser").length;
    await scene.run();
    assert.deepEqual(scene.dialog().messages.filter((message) => message.erased), []);
    assert.equal(scene.called("getMessagesWithUser").length - before, 3);
});

test("an answer that was made before the account was deleted is not taken", async () => {
    const server = new ChatServer("@Ann");
    talk(server);
    const scene = await begun(server);
    scene.open();
    scene.hold.add("getMessagesWithUser");
    scene.session.loadOpen();
    await scene.run();
    const { id } = JSON.parse(wire().sent.at(-1));
    const result = server.history("@Ann");
    server.deleteUser("@Ann");
    await scene.run();
    scene.hold.clear();
    wire().answer({ jsonrpc: "2.0", id, result });
    await scene.run();
    assert.equal(said(scene.dialog()), "- two -");
    assert.ok(!stored(scene.store.state).includes("three"));
});

test("a server that does not return a text that was dropped is not asked for ever", async () => {
    const server = new ChatServer("@Ann");
    talk(server);
    const scene = await openScene(server);
    server.deleteUser("@Ann");
    server.history = () => [{ ...server.row("@Ann"), _id: "x", isRead: true }];
    await scene.run();
    await scene.wait(10_000);
    assert.ok(scene.called("getMessagesWithUser").length < 12, String(scene.called("getMessagesWithUser").length));
});

test("what happened while there was no connection is known with the next one", async () => {
    const server = new ChatServer("@Ann", "@Bob");
    for (const tag of server.tags) talk(server, tag);
    const scene = await openScene(server);
    scene.open("@Bob");
    scene.session.loadOpen();
    await scene.run();
    scene.lose();
    server.deleteUser("@Ann");
    server.deleteUser("@Bob");
    await scene.reconnect();
    assert.deepEqual([said(scene.dialog("@Bob")), said(scene.dialog("@Ann"))], ["- two -", "? two -"]);
    assert.ok(!/one|three/.test(stored(scene.store.state)));
});

test("the list shows it, too: texts that were kept here go, and those of an earlier session are asked for", async () => {
    const server = new ChatServer("@Ann");
    talk(server);
    const first = await openScene(server);
    const kept = [...first.store.state.dialogs.values()].map((dialog) => structuredClone(dialog));
    server.deleteUser("@Ann");
    server.epoch = "second";
    const store = new Store();
    store.dispatch({ type: "restored", self: server.self, dialogs: kept, place: first.session.place });
    const scene = new Scene(server, { store, place: first.session.place });
    await scene.connect();
    assert.deepEqual([scene.dialog().user, scene.dialog().last.erased], [GONE, true]);
    assert.ok(!/one|three/.test(stored(store.state)));

    const again = new Store();
    const droppedHere = structuredClone(reduce(first.store.state, { type: "accountDeleted", tag: "@Ann" }).dialogs.get("@ann"));
    again.dispatch({ type: "restored", self: server.self, dialogs: [{ ...droppedHere, messages: [] }], place: scene.session.place });
    again.dispatch({ type: "cacheRead", entries: [{ tag: "@Ann", messages: droppedHere.messages }] });
    const later = new Scene(server, { store: again, place: scene.session.place });
    assert.equal(said(later.dialog()), "? two ?");
    later.open();
    await later.connect();
    assert.equal(said(later.dialog()), "- two -");
});

test("a text that is fetched as erased replaces the one that is kept, the own ones included", async () => {
    const server = new ChatServer("@Ann");
    talk(server);
    const first = await openScene(server);
    const kept = structuredClone([...first.store.state.dialogs.values()]);
    server.erase("@Ann", ({ seq }) => seq <= 2);
    const store = new Store();
    store.dispatch({ type: "restored", self: server.self, dialogs: kept, place: null });
    const scene = new Scene(server, { store });
    scene.open();
    await scene.connect();
    assert.deepEqual([said(scene.dialog()), scene.dialog().user.isDeleted], ["- - three", false]);
});

// Sending

test("what is refused for good says why, in words of its own", async () => {
    const reasons = { "text: you have stored as many messages as this server allows": "full", "receiverTag: no such user": "nobody",
        "receiverTag: you have blocked this user": "blocked", "text: must have 1 to 16384 bytes": "", "closed": "", "": "" };
    for (const [reason, kind] of Object.entries(reasons)) assert.equal(refusalOf(reason), kind, reason);
    const scene = await begun(new ChatServer("@Ann"));
    scene.fail("sendMessageToUser", {
        code: -32004, message: "Forbidden", data: { reason: "text: you have stored as many messages as this server allows" },
    });
    scene.write("w1");
    await scene.run();
    assert.equal(refusalOf(scene.dialog().pending[0].failed), "full");
});

test("a full disk and too many bytes a minute are waited for, as long as the server asks, in the order that was written", async () => {
    for (const code of [-32001, -32002]) {
        const server = new ChatServer("@Ann");
        const scene = await begun(server);
        scene.fail("sendMessageToUser", { code, message: "x", data: { retryAfterMs: 30_000 } });
        scene.write("w1", "first");
        scene.write("w2", "second");
        await scene.run();
        await scene.wait(29_999);
        assert.deepEqual(scene.dialog().pending.map(({ id, failed }) => [id, failed]), [["w1", ""], ["w2", ""]], String(code));
        assert.equal(scene.called("sendMessageToUser").length, 1);
        await scene.wait(5000);
        assert.deepEqual([said(scene.dialog()), scene.dialog().pending.length], ["first second", 0]);
    }
});

test("deleting one's own account is one call, and is not repeated by itself", async () => {
    const server = new ChatServer();
    const scene = await begun(server);
    scene.hold.add("deleteAccount");
    const outcome = scene.session.deleteAccount("secret").catch((error) => error.reason);
    await scene.run();
    assert.deepEqual(scene.called("deleteAccount"), [["secret"]]);
    scene.lose();
    await scene.reconnect();
    assert.equal(await outcome, "closed");
    assert.equal(scene.called("deleteAccount").length, 1);
});
