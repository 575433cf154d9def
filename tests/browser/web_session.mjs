// The promises of client/server/session.js, kept against a server behind a fake WebSocket and fake timers.
// Run by test_modules.py, in a folder with copies of the modules.
import assert from "node:assert/strict";
import { test } from "node:test";

import { rowsOf } from "./client/state/rows.js";
import { Store } from "./client/state/store.js";
import { FakeWebSocket } from "./fakes.mjs";
import { begun, Scene, turn, wire } from "./web_scene.mjs";
import { ChatServer } from "./web_server.mjs";

const NOT_AUTHENTICATED = JSON.stringify({ Error: { name: "NoAuthJWTError", message: "" } });
const EXPIRED = JSON.stringify({ Error: { name: "NoAuthJWTError", message: "Authorization data expired." } });

function many(server, count, tag = "@Ann", by = "peer") {
    for (let i = 0; i < count; i += 1) server.send(tag, `text ${i}`, by);
    server.notified = [];
}

const range = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

// Reading

test("the list is read after the session has begun, all of its pages, and then it is current", async () => {
    const server = new ChatServer(...Array.from({ length: 1001 }, (_, i) => `@u${i}`));
    for (const tag of server.tags) server.send(tag, "hi", "peer");
    const scene = await begun(server);
    assert.deepEqual(scene.called("getDialogsList"), [[0, 1000], [1000, 2000]]);
    assert.deepEqual([scene.store.state.dialogs.size, scene.store.state.listed, scene.session.connection],
        [1001, true, "current"]);
    assert.equal(scene.dialog("@u1000").unread, 1);
    assert.deepEqual(scene.of("message"), [], "what was there before has not just arrived");
    assert.deepEqual(scene.session.place, { epoch: "first", position: server.position, tag: "@Me" });
});

test("the list is read whatever it takes", async () => {
    const server = new ChatServer("@Ann");
    server.send("@Ann", "hi", "peer");
    const scene = new Scene(server);
    scene.fail("getDialogsList", { code: -32001, message: "x", data: { retryAfterMs: 700 } });
    scene.fail("getDialogsList", { code: -32000, message: "Server error" });
    await scene.connect();
    for (const ms of [699, 1, 1000]) {
        assert.equal(scene.store.state.listed, false);
        await scene.wait(ms);
    }
    assert.equal(scene.store.state.listed, true);
});

/* The answer to the held call, as if it had been made before. */
function answerHeld(method, result) {
    const { id } = wire().sent.map((text) => JSON.parse(text)).findLast((request) => request.method === method);
    wire().answer({ jsonrpc: "2.0", id, result });
}

test("a change of presence that arrives before an older answer stays", async () => {
    const server = new ChatServer("@Ann", "@Bob");
    many(server, 1);
    many(server, 1, "@Bob");
    server.presence("@Bob", true);
    const rows = server.list(0, 1000);
    server.notified = [];
    const scene = new Scene(server);
    scene.hold.add("getDialogsList");
    await scene.connect();
    server.presence("@Ann", true);
    server.presence("@Bob", false);
    await scene.run();
    answerHeld("getDialogsList", rows);
    await scene.run();
    assert.deepEqual([...scene.store.state.online], ["@ann"]);

    scene.hold.clear();
    scene.hold.add("sync");
    server.mark("@Ann", 1, "device");
    await scene.run();
    const row = structuredClone(server.list(0, 9).find(({ userInfo }) => userInfo.tag === "@Ann"));
    server.presence("@Ann", false);
    await scene.run();
    answerHeld("sync", { epoch: "first", position: server.position, more: false, dialogs: [{ ...row, messages: [] }] });
    await scene.run();
    assert.deepEqual([...scene.store.state.online], []);
});

test("presence that is read with a new connection replaces what was notified before", async () => {
    const server = new ChatServer("@Ann");
    many(server, 1);
    const scene = await begun(server);
    server.presence("@Ann", true);
    await scene.run();
    scene.lose();
    server.presence("@Ann", false);
    server.notified = [];
    await scene.reconnect();
    assert.deepEqual([...scene.store.state.online], []);
});

test("whom another device has blocked is known with the next connection, and what is notified is newer", async () => {
    const server = new ChatServer("@Ann", "@Bob");
    many(server, 1);
    many(server, 1, "@Bob");
    const scene = await begun(server);
    scene.lose();
    server.blocked = ["@Ann"];
    await scene.reconnect();
    assert.deepEqual([scene.dialog().isBlocked, scene.dialog("@Bob").isBlocked], [true, false]);

    scene.lose();
    scene.hold.add("listBlocked");
    await scene.reconnect();
    wire().answer({ type: "", code: 3202, body: { tag: "@Bob", isAdded: false, isBlocked: true } });
    scene.hold.clear();
    answerHeld("listBlocked", [{ tag: "@Ann" }]);
    server.blocked = ["@Ann", "@Bob"];
    await scene.run();
    assert.deepEqual([scene.dialog().isBlocked, scene.dialog("@Bob").isBlocked], [true, true]);
});

test("what was missed while there was no connection arrives with the next, without reading the list", async () => {
    const server = new ChatServer("@Ann", "@Bob");
    many(server, 3);
    const scene = await begun(server);
    scene.lose();
    assert.equal(scene.session.connection, "waiting");
    server.send("@Ann", "missed", "peer");
    server.send("@Bob", "new", "device");
    await scene.reconnect();
    assert.deepEqual([scene.dialog().unread, scene.dialog().last.text, scene.dialog("@Bob").last.text],
        [4, "missed", "new"]);
    assert.equal(scene.called("getDialogsList").length, 1);
    assert.equal(scene.of("connection").length, 4, "current, waiting, connecting, current");
});

test("a list that was being read when the connection ended is read again", async () => {
    const server = new ChatServer("@Ann");
    many(server, 1);
    const scene = new Scene(server);
    scene.hold.add("getDialogsList");
    await scene.connect();
    scene.lose();
    scene.hold.clear();
    await scene.reconnect();
    assert.deepEqual([scene.store.state.listed, scene.dialog().unread], [true, 1]);
});

test("a list that began before a reset is dropped", async () => {
    const server = new ChatServer("@Ann", "@Bob");
    many(server, 9);
    const empty = new ChatServer("@Ann", "@Bob").copy();
    const scene = new Scene(server);
    scene.hold.add("getDialogsList");
    await scene.connect();
    scene.lose();
    server.turnBack(empty, "second");
    server.send("@Bob", "hi", "peer");
    scene.hold.clear();
    await scene.reconnect();
    assert.deepEqual([...scene.store.state.dialogs.keys()], ["@bob"]);
    assert.deepEqual([scene.dialog("@Bob").stale, scene.dialog("@Bob").unread], [false, 1]);
});

test("pages of the list from before and after a reset are not mixed", async () => {
    const server = new ChatServer(...Array.from({ length: 1000 }, (_, i) => `@u${i}`));
    for (const tag of server.tags) server.send(tag, "hi", "peer");
    const copy = server.copy();
    for (const tag of server.tags) server.send(tag, "lost", "peer");
    const scene = new Scene(server);
    scene.holdAfter("getDialogsList", 1);
    await scene.connect();
    scene.lose();
    server.turnBack(copy, "second");
    scene.hold.clear();
    await scene.reconnect();
    assert.ok([...scene.store.state.dialogs.values()].every(({ last }) => last.text === "hi"));
});

test("a conversation that the list has missed, as it moved between two pages, is read by itself", async () => {
    const server = new ChatServer("@Ann");
    many(server, 5);
    const scene = await begun(server);
    scene.lose();
    server.turnBack(server.copy(), "second");
    server.list = () => [];
    scene.hold.add("getDialogsList");
    await scene.reconnect();
    server.send("@Ann", "new", "peer");
    scene.hold.clear();
    await scene.run();
    assert.deepEqual([scene.dialog().stale, scene.dialog().unread, scene.dialog().last.text], [false, 6, "new"]);
    scene.lose();
    await scene.reconnect();
    assert.deepEqual([scene.store.state.listed, scene.dialog().unread, scene.seqs()], [true, 6, [6]]);
});

test("messages arrive; an unknown user gets a name, and only others' messages are reported", async () => {
    const server = new ChatServer("@Ann");
    const scene = await begun(server);
    server.send("@Ann", "hello", "peer");
    await scene.run();
    server.send("@Ann", "from my phone", "device");
    await scene.run();
    assert.deepEqual([scene.dialog().user.firstName, scene.dialog().unread, scene.seqs()], ["Ann", 1, [1, 2]]);
    assert.deepEqual(scene.of("message").map(({ tag, message }) => [tag, message.text]), [["@Ann", "hello"]]);
    assert.equal(scene.called("sync").length, 1);
});

test("read marks of others and of other devices refresh the row", async () => {
    const server = new ChatServer("@Ann");
    many(server, 2);
    many(server, 2, "@Ann", "device");
    const scene = await begun(server);
    scene.open();
    scene.session.loadOpen();
    await scene.run();
    server.mark("@Ann", 3, "peer");
    await scene.run();
    assert.deepEqual(scene.dialog().messages.map(({ read }) => read), [false, false, true, false]);
    server.mark("@Ann", 1, "device");
    await scene.run();
    assert.deepEqual([scene.dialog().unread, scene.dialog().messages[0].read], [1, true]);
    assert.deepEqual(scene.called("sync").map(([, since]) => since), [4, 5]);
});

test("marks that come while a row is being read are read afterwards, in one call", async () => {
    const server = new ChatServer("@Ann");
    many(server, 5, "@Ann", "device");
    const scene = await begun(server);
    scene.hold.add("sync");
    for (const seq of [1, 2, 3]) {
        server.mark("@Ann", seq, "peer");
        await scene.run();
    }
    assert.equal(scene.called("sync").length, 1);
    assert.equal(scene.session.place.position, 5, "the state does not hold the marks yet");
    scene.lose();
    scene.hold.clear();
    await scene.reconnect();
    assert.equal(scene.session.place.position, 8);
    scene.open();
    scene.session.loadOpen();
    await scene.run();
    assert.deepEqual(scene.dialog().messages.map(({ read }) => read), [true, true, true, false, false]);
});

test("a mark that is made right after a row was read is read, too", async () => {
    const server = new ChatServer("@Ann");
    many(server, 2);
    const scene = await begun(server);
    const answer = server.answer.bind(server);
    server.answer = (request) => {
        const result = answer(request);
        if (request.method === "sync") server.mark("@Ann", 2, "device");
        return result;
    };
    server.mark("@Ann", 1, "device");
    await scene.run();
    assert.deepEqual([scene.dialog().unread, scene.called("sync").length], [0, 2]);
});

test("presence and profiles change", async () => {
    const server = new ChatServer("@Ann");
    many(server, 1);
    const scene = await begun(server);
    server.presence("@Ann", true);
    server.notified.push({ type: "", code: 3200, body: { tag: "@Ann", lastName: "King", userSeq: 2 } });
    server.notified.push({ type: "", code: 3201, body: { tag: "@Me", img: "m.jpg", userSeq: 3 } });
    server.notified.push({ type: "", code: 9999, body: {} });
    await scene.run();
    assert.deepEqual([scene.store.state.online.has("@ann"), scene.dialog().user.lastName, scene.store.state.self.img],
        [true, "King", "m.jpg"]);
    server.presence("@Ann", false);
    await Promise.all([scene.session.setProfile({ firstName: "Ada" }), scene.run()]);
    assert.deepEqual([scene.store.state.online.has("@ann"), scene.store.state.self.firstName], [false, "Ada"]);
});

test("another user's cookie is reported, and nothing of the former user stays", async () => {
    const server = new ChatServer("@Ann");
    many(server, 2);
    const scene = await begun(server);
    scene.open();
    scene.session.loadOpen();
    await scene.run();
    scene.session.markSeen("@Ann", 2);
    scene.lose();
    scene.write("w");
    server.self = { ...server.self, tag: "@Other" };
    await scene.reconnect();
    await scene.wait(1000);
    assert.deepEqual(scene.of("user").map(({ user }) => user.tag), ["@Other"]);
    assert.deepEqual([scene.store.state.self.tag, scene.dialog().pending], ["@Other", []]);
    assert.deepEqual([scene.called("sendMessageToUser"), scene.called("markMessagesWithUserAsRead")], [[], []]);
});

test("a token that is not accepted is reported", async () => {
    const scene = new Scene(new ChatServer());
    await scene.session.connect();
    wire().open();
    wire().end(1000, NOT_AUTHENTICATED);
    await scene.run();
    assert.deepEqual([scene.session.connection, scene.of("unauthenticated").length], ["closed", 1]);
    assert.equal(scene.of("unauthenticated")[0].isEnded, false);
});

test("a session that is ended while it is connected is told from one that is not accepted", async () => {
    const scene = await begun(new ChatServer("@Ann"));
    wire().end(1000, NOT_AUTHENTICATED);
    assert.deepEqual(scene.of("unauthenticated").map(({ isEnded }) => isEnded), [true]);
});

test("a token that expires is replaced by the cookie's: nothing is read again, and nobody is logged out", async () => {
    const server = new ChatServer("@Ann");
    const scene = await begun(server);
    wire().end(1000, EXPIRED);
    server.send("@Ann", "meanwhile", "peer");
    server.notified = [];
    scene.timers.advance(0);
    wire().open();
    await scene.run();
    assert.deepEqual([scene.session.connection, scene.dialog().last.text], ["current", "meanwhile"]);
    assert.deepEqual([scene.of("unauthenticated"), scene.called("getDialogsList").length], [[], 1]);
    wire().end(1000, EXPIRED);
    scene.timers.advance(0);
    wire().open();
    wire().end(1000, NOT_AUTHENTICATED);
    assert.deepEqual(scene.of("unauthenticated").map(({ isEnded }) => isEnded), [false], "the cookie has expired, too");
});

test("a session that is over already counts as ended; other errors are those of the server", async () => {
    const scene = await begun(new ChatServer());
    scene.fail("revokeSession", { code: -32602, message: "Invalid params", data: { reason: "id: no such session" } });
    await Promise.all([scene.session.endSession("s1"), scene.run()]);
    scene.fail("revokeSession", { code: -32000, message: "Server error" });
    const failed = assert.rejects(scene.session.endSession("s1"), { code: -32_000 });
    await Promise.all([failed, scene.run()]);
    assert.deepEqual(scene.called("revokeSession"), [["s1"], ["s1"]]);
});

// The history

test("opening a conversation reads back to the first unread message", async () => {
    const server = new ChatServer("@Ann");
    many(server, 300);
    const scene = await begun(server);
    scene.open();
    assert.equal(scene.dialog().divider, -1);
    scene.session.loadOpen();
    await scene.run();
    assert.equal(scene.dialog().divider, 1);
    assert.deepEqual(scene.called("getMessagesWithUser"), [["@Ann", 0, 360]]);
    scene.store.dispatch({ type: "closed" });
    scene.open();
    scene.session.loadOpen();
    await scene.run();
    assert.equal(scene.called("getMessagesWithUser").length, 1, "all of it is there");
});

test("when only some of the unread messages are kept here, the others are read", async () => {
    const server = new ChatServer("@Ann");
    many(server, 300);
    const scene = await begun(server);
    scene.store.dispatch({ type: "pageRead", tag: "@Ann", messages: server.history("@Ann", 0, 100) });
    scene.open();
    scene.session.loadOpen();
    await scene.run();
    assert.deepEqual([scene.called("getMessagesWithUser"), scene.dialog().divider], [[["@Ann", 100, 500]], 1]);
});

test("older pages follow without a gap or a second request, also while new messages arrive", async () => {
    const server = new ChatServer("@Ann");
    many(server, 400, "@Ann", "device");
    const scene = await begun(server);
    scene.open();
    scene.session.loadOpen();
    scene.session.loadOpen();
    await scene.run();
    assert.deepEqual(scene.called("getMessagesWithUser"), [["@Ann", 0, 60]]);
    server.send("@Ann", "new", "peer");
    await scene.run();
    const [first, second] = [scene.session.loadOlder("@Ann"), scene.session.loadOlder("@ann")];
    server.send("@Ann", "newer", "peer"); // before the server reads the page
    await scene.run();
    assert.deepEqual([await first, await second], [true, false]);
    assert.deepEqual(scene.called("getMessagesWithUser").slice(1), [["@Ann", 61, 161]]);
    while (scene.seqs()[0] > 1) {
        const page = scene.session.loadOlder("@Ann");
        await scene.run();
        assert.equal(await page, true);
    }
    assert.deepEqual(scene.seqs(), range(1, 402));
    assert.equal(await scene.session.loadOlder("@Ann"), false);
    assert.equal(await scene.session.loadOlder("@Nobody"), false);
});

test("messages that are missing at the end or between are read soon", async () => {
    const server = new ChatServer("@Ann");
    many(server, 20, "@Ann", "device");
    const scene = await begun(server);
    scene.open();
    scene.session.loadOpen();
    await scene.run();
    many(server, 1500); // nothing is notified of: their row arrives first
    scene.store.dispatch({ type: "rowRead", row: server.row("@Ann") });
    scene.session.loadOpen();
    for (let i = 0; i < 3; i += 1) await scene.wait(1500);
    assert.deepEqual(scene.seqs(), range(1, 1520));
    assert.equal(scene.dialog().unread, 1500);
    assert.deepEqual(scene.called("getMessagesWithUser").slice(1), [["@Ann", 0, 1500], ["@Ann", 1000, 1500]]);
    const calls = scene.calls.length;
    await scene.wait(10_000);
    assert.equal(scene.called("getMessagesWithUser").length, 3);
    assert.ok(scene.calls.length <= calls + 1);
});

test("a page that was asked for before a reset is not mixed with what is read after it", async () => {
    const server = new ChatServer("@Ann");
    many(server, 90, "@Ann", "device");
    const copy = server.copy();
    many(server, 100, "@Ann", "device");
    const scene = await begun(server);
    scene.open();
    scene.session.loadOpen();
    await scene.run();
    scene.hold.add("getMessagesWithUser");
    scene.session.loadOlder("@Ann");
    await scene.run();
    scene.lose();
    server.turnBack(copy, "second");
    scene.hold.clear();
    await scene.reconnect();
    assert.deepEqual(scene.seqs(), range(31, 90));
    assert.equal(scene.dialog().last.seq, 90);
});

// Writing

test("what is written is sent once, over any number of connections", async () => {
    const server = new ChatServer("@Ann");
    const scene = await begun(server);
    scene.hold.add("sendMessageToUser");
    scene.write("w1", "one");
    scene.write("w2", "two");
    scene.session.send("@Ann", { id: "w1", text: "one" });
    await scene.run();
    scene.lose();
    await scene.reconnect();
    server.send("@Ann", "one", "client", "w1"); // the server has stored it, its answer is lost
    scene.lose();
    scene.hold.clear();
    await scene.reconnect();
    assert.deepEqual(server.history("@Ann").map(({ text }) => text), ["two", "one"]);
    assert.deepEqual([scene.dialog().pending, scene.seqs()], [[], [1, 2]]);
    assert.deepEqual(scene.of("outcome").map(({ id, reason, message }) => [id, reason, message.seq]),
        [["w1", "", 1], ["w2", "", 2]]);
    assert.deepEqual(rowsOf(scene.dialog()).filter(({ kind }) => kind === "message").length, 2);
});

test("what is refused says why; the next is sent all the same, and it can be sent again", async () => {
    const server = new ChatServer("@Ann");
    const scene = await begun(server);
    scene.fail("sendMessageToUser", { code: -32602, message: "Invalid params", data: { reason: "text: too long" } });
    const [first, second] = [scene.write("w1"), scene.write("w2", "x".repeat(16_385)), scene.write("w3", "ok")];
    await scene.run();
    await Promise.all([first, second]);
    assert.deepEqual(scene.dialog().pending.map(({ id, failed }) => [id, failed]),
        [["w1", "text: too long"], ["w2", "too-large"]]);
    assert.deepEqual(scene.of("outcome").map(({ id, reason }) => [id, reason]),
        [["w2", "too-large"], ["w1", "text: too long"], ["w3", ""]]);
    scene.session.sendPending();
    await scene.run();
    assert.equal(scene.called("sendMessageToUser").length, 2, "what was refused waits for the user");
    scene.store.dispatch({ type: "retried", tag: "@Ann", id: "w1" });
    scene.session.send("@Ann", scene.dialog().pending[0]);
    await scene.run();
    assert.deepEqual(scene.dialog().pending.map(({ id }) => id), ["w2"]);
});

test("what an earlier session has left is sent when this one is current", async () => {
    const server = new ChatServer("@Ann");
    const store = new Store();
    const former = new Scene(server, { store });
    await former.connect();
    former.hold.add("sendMessageToUser");
    former.write("w1", "before");
    await former.run();
    const { place } = former.session;
    former.session.close();
    await turn();
    assert.deepEqual(store.state.dialogs.get("@ann").pending.map(({ failed }) => failed), [""],
        "a close refuses nothing");
    const scene = await begun(server, { store, place });
    assert.deepEqual([scene.called("sendMessageToUser"), scene.dialog().pending], [[["@Ann", "before", "w1"]], []]);
    assert.equal(scene.called("hello").length, 0);
    assert.deepEqual(server.history("@Ann").map(({ text }) => text), ["before"]);
});

test("what was seen before the page was loaded again is reported, once", async () => {
    const server = new ChatServer("@Ann");
    many(server, 3);
    const scene = await begun(server);
    scene.open("@Ann");
    scene.session.loadOpen();
    await scene.run();
    scene.store.dispatch({ type: "seen", tag: "@Ann", upToSeq: 2 }); // as it was stored
    assert.equal(scene.dialog().toReport, 2);
    scene.lose();
    await scene.reconnect();
    assert.deepEqual(scene.called("markMessagesWithUserAsRead"), [["@Ann", 2]]);
    assert.equal(server.row("@Ann").unreadIncoming, 1);
    assert.equal(scene.dialog().toReport, 0);
    scene.lose();
    await scene.reconnect();
    assert.equal(scene.called("markMessagesWithUserAsRead").length, 1);
});

test("several messages that are seen make one call, and what is seen is read at once", async () => {
    const server = new ChatServer("@Ann", "@Bob");
    many(server, 5);
    many(server, 2, "@Bob");
    const scene = await begun(server);
    for (const tag of ["@Ann", "@Bob"]) {
        scene.open(tag);
        scene.session.loadOpen();
        await scene.run();
    }
    for (const seq of [1, 2, 4, 3, 4]) scene.session.markSeen("@Ann", seq);
    scene.session.markSeen("@Bob", 2);
    assert.deepEqual([scene.dialog().unread, scene.dialog("@Bob").unread], [1, 0]);
    assert.deepEqual(scene.called("markMessagesWithUserAsRead"), []);
    await scene.wait(250);
    assert.deepEqual(scene.called("markMessagesWithUserAsRead"), [["@Ann", 4], ["@Bob", 2]]);
    assert.equal(server.row("@Ann").unreadIncoming, 1);
    scene.lose();
    scene.session.markSeen("@Ann", 5);
    await scene.wait(250);
    await scene.reconnect();
    assert.equal(server.row("@Ann").unreadIncoming, 0);
    server.send("@Ann", "one more", "peer");
    await scene.run();
    scene.session.markSeen("@Ann", 6);
    scene.session.reportSeen();
    await scene.run();
    await scene.wait(250);
    assert.deepEqual(scene.called("markMessagesWithUserAsRead").slice(2), [["@Ann", 5], ["@Ann", 6]]);
});

// The connection

test("a session that ends reports what was seen, and leaves nothing behind", async () => {
    const server = new ChatServer("@Ann");
    many(server, 5);
    const scene = await begun(server);
    scene.open();
    scene.session.loadOpen();
    await scene.run();
    many(server, 5);
    scene.store.dispatch({ type: "rowRead", row: server.row("@Ann") });
    scene.session.loadOpen(); // there is a gap, and it is being read when the session ends
    scene.hold.add("getMessagesWithUser");
    await scene.wait(1500);
    scene.session.markSeen("@Ann", 5);
    const last = wire();
    scene.session.close();
    assert.deepEqual(JSON.parse(last.sent.at(-1)).params, ["@Ann", 5]);
    await turn();
    await scene.wait(60_000);
    assert.deepEqual([scene.session.connection, scene.timers.count, FakeWebSocket.made.length], ["closed", 0, 1]);
});

test("waking connects at once when it waits", async () => {
    const scene = await begun(new ChatServer("@Ann"));
    scene.lose();
    assert.equal(FakeWebSocket.made.length, 1);
    scene.session.wake();
    assert.equal(FakeWebSocket.made.length, 2);
    wire().open();
    await scene.run();
    assert.equal(scene.session.connection, "current");
});

test("waking finds out whether the connection still is one", async () => {
    const scene = await begun(new ChatServer("@Ann"));
    scene.session.wake();
    await scene.run();
    await scene.wait(5000);
    assert.deepEqual([FakeWebSocket.made.length, scene.session.connection], [1, "current"], "it answers");
    scene.hold.add("getSelfInfo");
    scene.session.wake();
    await scene.run();
    await scene.wait(5000);
    assert.equal(scene.session.connection, "waiting");
    scene.hold.clear();
    await scene.reconnect();
    assert.equal(scene.session.connection, "current");
});
