// The promises of messenger-client.js, kept against a fake WebSocket, fake timers and fake chance.
// Run by test_modules.py, in a folder with copies of the modules.
import assert from "node:assert/strict";
import { test } from "node:test";

import { FakeTimers, FakeWebSocket } from "./fakes.mjs";
import { MessengerClient } from "./messenger-client.js";

const ME = { _id: "u1", tag: "@me" };
const NOT_AUTHENTICATED = JSON.stringify({ Error: { name: "NoAuthJWTError", message: "" } });
const EVENTS = ["state", "open", "close", "frame", "begin", "sync", "change", "sent", "current"];

const wires = () => FakeWebSocket.made;
const wire = () => FakeWebSocket.made.at(-1);
const requests = (of = wire()) => of.sent.map((text) => JSON.parse(text));
const last = () => requests().at(-1);
const settled = () => new Promise((resolve) => { setImmediate(resolve); });

function start({ random = () => 1, ...options } = {}) {
    FakeWebSocket.made = [];
    const timers = new FakeTimers();
    let ids = 0;
    const client = new MessengerClient("ws://host/api", {
        WebSocket: FakeWebSocket, setTimeout: timers.set, clearTimeout: timers.clear,
        now: () => timers.now, random, newId: () => `id-${ids += 1}`, ...options,
    });
    const events = [];
    for (const type of EVENTS) client.addEventListener(type, (event) => events.push(event));
    return { client, timers, events, of: (type) => events.filter((event) => event.type === type) };
}

async function answer(result, request = last()) {
    wire().answer({ jsonrpc: "2.0", result, id: request.id });
    await settled();
}

async function fail(code, data, request = last()) {
    wire().answer({ jsonrpc: "2.0", error: { code, message: "bad", data }, id: request.id });
    await settled();
}

/* A client that has said hello, at position 10. */
async function startCurrent(options) {
    const context = start(options);
    context.client.connect();
    wire().open();
    await answer({ epoch: "e", position: 10, user: ME });
    return context;
}

/* Loses the connection and opens the next one, which asks for what was missed. */
async function reconnect({ timers, of }, code = 1006) {
    wire().end(code);
    await settled();
    timers.advance(of("close").at(-1).retryInMs);
    wire().open();
}

const message = (id) => ({ _id: id, senderTag: "@me", receiverTag: "@bob", text: `text of ${id}` });
const page = (position, fields = {}) => ({
    epoch: "e", position, tag: "@me", more: false, reset: false, dialogs: [], online: [], ...fields,
});
const dialog = (...ids) => ({ _id: "d", userInfo: { tag: "@bob" }, messages: ids.map(message) });
const notification = (userSeq, id = `m${userSeq}`, code = 3001) => ({
    type: code === 3001 ? "newMessage" : "messageSent", code, body: { ...message(id), userSeq },
});
const stored = (id) => ({ status: "OK", message: message(id) });
const dispatched = (events) => events
    .filter(({ type }) => ["begin", "sync", "change", "sent", "current"].includes(type))
    .map((event) => {
        if (event.type === "change") return event.body._id ?? event.name;
        if (event.type === "sent") return `sent ${event.message._id}`;
        if (event.type === "sync") return `sync ${event.position}`;
        return event.type;
    });

// Beginning

test("the first connection calls hello, and begins before anything else is dispatched", async () => {
    const { client, events, of } = start();
    client.connect();
    assert.equal(client.current, false);
    wire().open();
    assert.deepEqual(requests().map(({ method }) => method), ["hello"]);
    wire().answer(notification(9));
    wire().answer(notification(11));
    assert.deepEqual(dispatched(events), []);
    await answer({ epoch: "e", position: 10, user: ME });
    assert.deepEqual(dispatched(events), ["begin", "m11", "current"]);
    assert.deepEqual({ ...of("begin")[0] }.user, ME);
    assert.equal(of("begin")[0].reset, false);
    assert.deepEqual([client.epoch, client.position, client.user, client.current], ["e", 11, ME, true]);
    assert.equal(of("current")[0].changes, 0);
});

test("an epoch and a position from last time are gone on from, without a begin", async () => {
    const { client, events, of } = start({ epoch: "e", position: 7, syncLimit: 5 });
    assert.deepEqual([client.epoch, client.position], ["e", 7]);
    client.connect();
    wire().open();
    assert.deepEqual(last().params, ["e", 7, 5]);
    await answer(page(9));
    assert.deepEqual(dispatched(events), ["sync 9", "current"]);
    assert.equal(of("current")[0].changes, 2);
});

test("what is no position counts as none", () => {
    for (const bad of [{ epoch: "e", position: -1 }, { epoch: "e", position: 1.5 }, { epoch: 5, position: 1 }]) {
        const { client } = start(bad);
        assert.deepEqual([client.epoch, client.position], ["", 0]);
    }
});

test("hello is asked again until it is answered, when the server's pause and a random time are over", async () => {
    const { client, timers, of } = start({ backoffBaseMs: 1000 });
    client.connect();
    wire().open();
    await fail(-32001, { retryAfterMs: 300 });
    timers.advance(1299);
    await settled();
    assert.equal(requests().length, 1);
    timers.advance(1);
    await settled();
    assert.equal(requests().length, 2);
    await fail(-32000);
    timers.advance(2000);
    await settled();
    await answer({ epoch: "e", position: 1, user: ME });
    assert.equal(of("begin").length, 1);
});

// Coming back

test("after a loss, all pages of sync precede the notifications, and nothing is repeated", async () => {
    const context = await startCurrent({ syncLimit: 2 });
    wire().answer(notification(11));
    await reconnect(context);
    assert.deepEqual(last().params, ["e", 11, 2]);
    wire().answer(notification(13));
    wire().answer({ type: "contactOnline", code: 3101, body: { loggedInUserTag: "@bob" } });
    wire().answer(notification(15));
    await answer(page(13, { more: true, dialogs: [dialog("m12", "m13")], online: undefined }));
    assert.deepEqual(last().params, ["e", 13, 2]);
    await answer(page(14, { dialogs: [dialog("m14")], online: ["@bob"], self: ME }));
    wire().answer(notification(15));
    wire().answer(notification(16));
    assert.deepEqual(dispatched(context.events).slice(2),
        ["m11", "sync 13", "sync 14", "contactOnline", "m15", "current", "m16"]);
    const [first, second] = context.of("sync");
    assert.deepEqual(first.dialogs[0].messages.map(({ _id }) => _id), ["m12", "m13"]);
    assert.deepEqual([first.self, first.online], [null, null]);
    assert.deepEqual([second.self, second.online], [ME, ["@bob"]]);
    assert.equal(context.of("current")[1].changes, 4);
    assert.equal(context.client.position, 16);
});

test("the position never goes back", async () => {
    const context = await startCurrent();
    await reconnect(context);
    await answer(page(8));
    assert.equal(context.client.position, 10);
    wire().answer(notification(10));
    assert.equal(context.of("change").length, 0);
});

test("when the server cannot list what has changed, it calls hello and begins again", async () => {
    const context = await startCurrent();
    wire().answer(notification(11));
    await reconnect(context, 1012);
    await answer(page(4, { epoch: "other", reset: true }));
    assert.equal(last().method, "hello");
    wire().answer(notification(5, "m11"));
    await answer({ epoch: "other", position: 4, user: ME });
    assert.equal(context.of("begin")[1].reset, true);
    assert.equal(context.of("sync").length, 0);
    assert.deepEqual(dispatched(context.events).slice(3), ["begin", "m11", "current"]);
    assert.deepEqual([context.client.epoch, context.client.position], ["other", 5]);
});

test("when the cookie now belongs to another user, it begins again and rejects what was pending", async () => {
    const context = await startCurrent();
    await reconnect(context);
    const waiting = Promise.allSettled(
        [context.client.send("@bob", "from me"), context.client.call("getDialogsList")]);
    await answer(page(30, { tag: "@other", more: true, dialogs: [dialog("m11")] }));
    assert.equal(last().method, "hello");
    await answer({ epoch: "e", position: 31, user: { _id: "u2", tag: "@other" } });
    for (const { status, reason } of await waiting) {
        assert.deepEqual([status, reason.reason], ["rejected", "other-user"]);
    }
    assert.deepEqual(dispatched(context.events).slice(2), ["begin", "current"]);
    assert.deepEqual([context.of("begin")[1].reset, context.client.user.tag], [true, "@other"]);
    assert.deepEqual(requests().map(({ method }) => method), ["sync", "hello"]);
    assert.deepEqual([context.client.position, context.client.unsent], [31, 0]);
    await reconnect(context);
    await answer(page(32, { tag: "@other" }));
    assert.deepEqual(dispatched(context.events).slice(4), ["sync 32", "current"]);
});

test("a position from last time is not gone on from when it was another user's", async () => {
    for (const [tag, method] of [["@other", "hello"], ["@me", "sync"], ["", "sync"]]) {
        const { client } = start({ epoch: "e", position: 7, tag });
        client.connect();
        wire().open();
        await answer(page(9));
        assert.equal(last().method, method);
    }
});

test("a connection that ends while it catches up changes nothing; the next goes on", async () => {
    const context = await startCurrent();
    await reconnect(context);
    wire().answer(notification(12));
    await reconnect(context);
    assert.deepEqual(dispatched(context.events), ["begin", "current"]);
    assert.deepEqual(last().params, ["e", 10, 100]);
    await answer(page(12, { dialogs: [dialog("m11", "m12")] }));
    assert.deepEqual(dispatched(context.events).slice(2), ["sync 12", "current"]);
});

test("notifications are held up to the limit; with one more, it syncs again", async () => {
    for (const [count, asks] of [[3, 1], [4, 2]]) {
        const context = await startCurrent({ heldMax: 3 });
        await reconnect(context);
        for (let i = 0; i < count; i += 1) wire().answer(notification(11 + i));
        await answer(page(10));
        if (asks === 2) await answer(page(14, { dialogs: [dialog("m11", "m12", "m13", "m14")] }));
        assert.equal(requests().length, asks);
        assert.equal(context.client.current, true);
        assert.equal(context.client.position, 10 + count);
    }
});

test("too many notifications during hello are fetched after it", async () => {
    const { client, events } = start({ heldMax: 1 });
    client.connect();
    wire().open();
    wire().answer(notification(11));
    wire().answer(notification(12));
    await answer({ epoch: "e", position: 10, user: ME });
    assert.deepEqual(last().params, ["e", 10, 100]);
    await answer(page(12));
    assert.deepEqual(dispatched(events), ["begin", "sync 12", "current"]);
});

test("no timer is left when a connection ends while it waits to ask again", async () => {
    const context = await startCurrent();
    await reconnect(context);
    await fail(-32001, { retryAfterMs: 1000 });
    const asked = requests().length;
    const before = wire();
    context.client.close();
    await settled();
    assert.equal(context.timers.count, 0);
    context.timers.advance(1e6);
    assert.equal(before.sent.length, asked);
});

test("a handler that closes the client ends it there", async () => {
    for (const type of ["open", "begin", "change", "current"]) {
        const { client, timers } = start();
        client.addEventListener(type, () => client.close());
        client.connect();
        wire().open();
        if (wire().sent.length > 0) {
            wire().answer(notification(11));
            wire().answer(notification(12));
            await answer({ epoch: "e", position: 10, user: ME });
        }
        await settled();
        assert.deepEqual([client.state, client.current, timers.count], ["closed", false, 0], type);
    }
});

// Sending

test("a send waits for the connection, and gives the stored message", async () => {
    const { client, of } = start();
    client.connect();
    const sending = client.send("@bob", "hi");
    wire().open();
    await answer({ epoch: "e", position: 10, user: ME });
    assert.deepEqual(last(), {
        jsonrpc: "2.0", method: "sendMessageToUser", params: ["@bob", "hi", "id-1"], id: last().id,
    });
    assert.equal(client.unsent, 1);
    await answer(stored("a"));
    assert.deepEqual(await sending, message("a"));
    assert.equal(client.unsent, 0);
    assert.deepEqual(of("sent").map((event) => [event.message._id, event.clientMessageId]), [["a", "id-1"]]);
});

test("what was not answered is sent again with the same id, after catching up, and in order", async () => {
    const context = await startCurrent();
    const sends = ["one", "two"].map((text) => context.client.send("@bob", text));
    assert.deepEqual(requests().slice(1).map(({ params }) => params), [["@bob", "one", "id-1"]]);
    wire().end(1006);
    sends.push(context.client.send("@bob", "three"));
    await settled();
    context.timers.advance(1000);
    wire().open();
    await settled();
    assert.deepEqual(requests().map(({ method }) => method), ["sync"]);
    await answer(page(10));
    for (const id of ["a", "b", "c"]) await answer(stored(id));
    assert.deepEqual(requests().slice(1).map(({ params }) => params),
        [["@bob", "one", "id-1"], ["@bob", "two", "id-2"], ["@bob", "three", "id-3"]]);
    assert.deepEqual((await Promise.all(sends)).map(({ _id }) => _id), ["a", "b", "c"]);
});

test("a busy server is waited for as long as it asks and a random time, and none overtakes", async () => {
    for (const code of [-32001, -32002]) {
        const { client, timers } = await startCurrent({ random: () => 0.5, backoffBaseMs: 1000 });
        const sends = [client.send("@bob", "one"), client.send("@bob", "two")];
        await fail(code, { retryAfterMs: 250 });
        timers.advance(749);
        assert.equal(requests().length, 2);
        timers.advance(1);
        await settled();
        await fail(code);
        timers.advance(999);
        await settled();
        assert.equal(requests().length, 3);
        timers.advance(1);
        await settled();
        await answer(stored("a"));
        await answer(stored("b"));
        assert.deepEqual(requests().slice(1).map(({ params }) => params[1]), ["one", "one", "one", "two"]);
        assert.deepEqual(requests().slice(1).map(({ params }) => params[2]), ["id-1", "id-1", "id-1", "id-2"]);
        await Promise.all(sends);
    }
});

test("any other error rejects that send alone", async () => {
    const { client } = await startCurrent();
    const wrong = client.send("@nobody", "one");
    const conflict = client.send("@bob", "two", { clientMessageId: "mine" });
    const right = client.send("@bob", "three");
    const outcomes = Promise.allSettled([wrong, conflict, right]);
    await fail(-32602, { reason: "receiverTag" });
    assert.equal(last().params[2], "mine");
    await fail(-32003);
    await answer(stored("c"));
    const [first, second, third] = await outcomes;
    assert.deepEqual([first.reason.code, second.reason.code, third.value._id], [-32602, -32003, "c"]);
});

test("a message of this client is dispatched once: by sync, by a notification or by its answer", async () => {
    const context = await startCurrent();
    const known = context.client.send("@bob", "answered, then in sync too");
    await answer(stored("a"));
    const lost = context.client.send("@bob", "stored, but the answer is lost");
    await reconnect(context);
    await answer(page(12, { dialogs: [dialog("a", "b", "theirs")] }));
    await answer(stored("b"));
    const later = context.client.send("@bob", "notified by a gateway that was disconnected");
    await answer(stored("c"));
    wire().answer(notification(13, "c", 3002));
    assert.deepEqual(context.of("sent").map((event) => event.message._id), ["a", "c"]);
    assert.deepEqual(context.of("sync")[0].dialogs[0].messages.map(({ _id }) => _id), ["b", "theirs"]);
    assert.equal(context.of("change").length, 0);
    assert.equal(context.client.position, 13);
    assert.deepEqual((await Promise.all([known, lost, later])).map(({ _id }) => _id), ["a", "b", "c"]);
});

test("so many ids of messages are remembered, and no more", async () => {
    for (const [others, times] of [[1, 0], [2, 1]]) {
        const { client, of } = await startCurrent({ idsMax: 2 });
        client.send("@bob", "hi");
        await answer(stored("a"));
        for (let i = 0; i < others; i += 1) wire().answer(notification(11 + i));
        wire().answer(notification(20, "a", 3002));
        assert.equal(of("change").filter((event) => event.body._id === "a").length, times);
    }
});

test("as many sends wait as may, and one more is refused", async () => {
    const { client } = await startCurrent({ sendsMax: 2 });
    const sends = [client.send("@bob", "one"), client.send("@bob", "two")];
    await assert.rejects(client.send("@bob", "three"), { name: "ConnectionError", reason: "full" });
    await answer(stored("a"));
    sends.push(client.send("@bob", "four"));
    await answer(stored("b"));
    await answer(stored("c"));
    await Promise.all(sends);
});

test("a handler that sends more does not make anything go twice", async () => {
    const { client } = start();
    for (const type of ["current", "sent"]) {
        client.addEventListener(type, () => client.send("@bob", `after ${type}`), { once: true });
    }
    client.connect();
    client.send("@bob", "first");
    wire().open();
    await answer({ epoch: "e", position: 10, user: ME });
    for (const id of ["a", "b", "c"]) await answer(stored(id));
    assert.deepEqual(requests().slice(1).map(({ params }) => params[1]), ["first", "after current", "after sent"]);
});

test("sends wait while the token is not accepted", async () => {
    const { client } = await startCurrent();
    const sending = client.send("@bob", "hi");
    wire().end(1000, NOT_AUTHENTICATED);
    await settled();
    assert.equal(client.state, "unauthenticated");
    client.connect();
    wire().open();
    await answer(page(10));
    await answer(stored("a"));
    assert.equal((await sending)._id, "a");
});

test("without an id of its own, a message gets a random one", async () => {
    const client = new MessengerClient("ws://host/api", { WebSocket: FakeWebSocket });
    client.connect();
    wire().open();
    await answer({ epoch: "e", position: 0, user: ME });
    const sends = [client.send("@bob", "one"), client.send("@bob", "two")];
    await answer(stored("a"));
    await answer(stored("b"));
    const ids = requests().slice(1).map(({ params }) => params[2]);
    assert.match(ids[0], /^[0-9a-f]{32}$/);
    assert.match(ids[1], /^[0-9a-f]{32}$/);
    assert.notEqual(ids[0], ids[1]);
    await Promise.all(sends);
    client.close();
});

// Failures that no repetition mends

const FRAME_MAX = 65_536, TEXT_MAX = 16_384;
const refusal = (code = -32700) => ({ jsonrpc: "2.0", error: { code, message: "Parse error" }, id: null });
const wireAnswers = async (value) => {
    wire().answer(value);
    await settled();
};

test("an answer without an id rejects the send that was the only call, and the next follows", async () => {
    for (const code of [-32700, -32600]) {
        const { client } = await startCurrent();
        const wrong = assert.rejects(client.send("@bob", "a\u0000b"), { name: "RpcError", code });
        const right = client.send("@bob", "ordinary");
        await wireAnswers(refusal(code));
        await wrong;
        assert.equal(last().params[1], "ordinary");
        await answer(stored("b"));
        assert.equal((await right)._id, "b");
        assert.equal(client.unsent, 0);
    }
});

test("a busy answer without an id makes that send wait, and it keeps its id", async () => {
    const { client, timers } = await startCurrent();
    const sending = client.send("@bob", "hi");
    await wireAnswers({ ...refusal(-32002), error: { code: -32002, message: "", data: { retryAfterMs: 100 } } });
    timers.advance(1100);
    await settled();
    assert.deepEqual(requests().slice(1).map(({ params }) => params[2]), ["id-1", "id-1"]);
    await answer(stored("a"));
    assert.equal((await sending)._id, "a");
});

test("an answer without an id belongs to the call that is left when the others are answered", async () => {
    const { client } = await startCurrent();
    const read = client.call("getSelfInfo");
    const wrong = client.send("@bob", "a\u0000b");
    const other = client.call("getDialogsList");
    const rejected = assert.rejects(wrong, { code: -32700 });
    const [first, , third] = requests().slice(1);
    await wireAnswers(refusal());
    const afterwards = client.call("findUsersByTag", ["late"]);
    const fourth = last();
    await answer(ME, first);
    assert.equal(client.unsent, 1);
    await answer([], third);
    await rejected;
    await answer([], fourth);
    assert.deepEqual(await Promise.all([read, other, afterwards]), [ME, [], []]);
});

test("as many answers without an id as calls reject them all", async () => {
    const { client } = await startCurrent();
    const outcomes = Promise.allSettled([client.send("@bob", "\ud800"), client.call("getSelfInfo", ["\u0000"])]);
    await wireAnswers(refusal());
    await wireAnswers(refusal());
    for (const { reason } of await outcomes) assert.equal(reason.code, -32700);
});

test("an answer without an id to a raw frame rejects no send", async () => {
    const { client } = await startCurrent();
    client.sendRaw("[]");
    const sending = client.send("@bob", "hi");
    const rejected = assert.rejects(client.send("@bob", "a\u0000b"), { code: -32700 });
    await wireAnswers(refusal());
    assert.equal(client.unsent, 2);
    await answer(stored("a"));
    assert.equal((await sending)._id, "a");
    await wireAnswers(refusal());
    await rejected;
});

test("a raw frame that is never answered delays the rejection of a send, but does not prevent it", async () => {
    const { client, timers, of } = await startCurrent({ callTimeoutMs: 1000 });
    client.sendRaw("{}");
    const rejected = assert.rejects(client.send("@bob", "a\u0000b"), { code: -32700 });
    await wireAnswers(refusal());
    timers.advance(1000);
    await settled();
    timers.advance(of("close")[0].retryInMs);
    wire().open();
    await answer(page(10));
    await wireAnswers(refusal());
    await rejected;
});

test("a call that is never answered delays the rejection of others for twice its time at most", async () => {
    const { client, timers } = await startCurrent({ callTimeoutMs: 1000, backoffBaseMs: 100 });
    const lost = assert.rejects(client.call("getSelfInfo"), { reason: "timeout" });
    const rejected = assert.rejects(client.send("@bob", "a\u0000b"), { code: -32700 });
    let refused = 0;
    const sends = () => requests().filter(({ method }) => method === "sendMessageToUser").length;
    for (let time = 0; client.unsent > 0 && time < 3000; time += 100) {
        for (; refused < sends(); refused += 1) await wireAnswers(refusal());
        wire().answer(notification(11));
        timers.advance(100);
        await settled();
    }
    await Promise.all([lost, rejected]);
});

test("a text over the limit is rejected before anything is sent; one at the limit is sent", async () => {
    const exact = ["x".repeat(TEXT_MAX), "\u00e4".repeat(TEXT_MAX / 2), "\u{1f600}".repeat(TEXT_MAX / 4)];
    for (const text of exact) {
        const { client } = await startCurrent();
        await assert.rejects(client.send("@bob", `${text}x`), { name: "ConnectionError", reason: "too-large" });
        assert.equal(requests().length, 1);
        const sending = client.send("@bob", text);
        await answer(stored("a"));
        await sending;
        assert.equal(client.unsent, 0);
    }
});

test("a request over the limit is rejected, although its text is not", async () => {
    const { client } = await startCurrent();
    await assert.rejects(client.send("@bob", "\u0001".repeat(TEXT_MAX)), { reason: "too-large" });
    await assert.rejects(client.send("@bob", "x", { clientMessageId: "i".repeat(FRAME_MAX) }), { reason: "too-large" });
    await assert.rejects(client.call("findUsersByTag", ["x".repeat(FRAME_MAX)]), { reason: "too-large" });
    assert.equal(requests().length, 1);
    const sending = client.send("@bob", "next");
    await answer(stored("a"));
    assert.equal((await sending)._id, "a");
});

test("a send for which the server closes the connection is rejected, and the next follows", async () => {
    for (const code of [1002, 1003, 1007, 1009]) {
        const context = await startCurrent();
        const wrong = assert.rejects(context.client.send("@bob", "bad"), { name: "ConnectionError", reason: "refused" });
        const right = context.client.send("@bob", "good");
        await reconnect(context, code);
        await wrong;
        await answer(page(10));
        assert.deepEqual(last().params, ["@bob", "good", "id-2"]);
        await answer(stored("b"));
        assert.equal((await right)._id, "b");
    }
});

test("a connection that is lost rejects no send, whatever the code", async () => {
    for (const code of [1000, 1001, 1005, 1006, 1008, 1011, 1012, 1013, 4000]) {
        const context = await startCurrent();
        const sending = context.client.send("@bob", "hi");
        await reconnect(context, code);
        await answer(page(10));
        assert.deepEqual(last().params, ["@bob", "hi", "id-1"]);
        await answer(stored("a"));
        assert.equal((await sending)._id, "a");
    }
});

test("when several calls may be the cause of a close, they are repeated alone until it is found", async () => {
    const context = await startCurrent();
    const { client } = context;
    const read = client.call("getSelfInfo");
    const wrong = assert.rejects(client.call("findUsersByTag", ["bad"]), { reason: "refused" });
    const sending = client.send("@bob", "hi");
    await reconnect(context, 1007);
    await answer(page(10));
    assert.equal(requests().length, 2);
    assert.equal(last().method, "sendMessageToUser");
    await answer(stored("a"));
    assert.equal(last().method, "getSelfInfo");
    await answer(ME);
    assert.deepEqual(last().params, ["bad"]);
    const waiting = client.call("getDialogsList");
    assert.deepEqual(last().params, ["bad"]);
    await reconnect(context, 1007);
    await wrong;
    await answer(page(10));
    assert.deepEqual(requests().map(({ method }) => method), ["sync", "getDialogsList"]);
    const parallel = client.call("getSelfInfo");
    assert.equal(requests().length, 3);
    await answer([], requests()[1]);
    await answer(ME);
    assert.deepEqual(await Promise.all([read, waiting, parallel]), [ME, [], ME]);
    assert.equal((await sending)._id, "a");
});

test("close settles what is repeated alone, too", async () => {
    const context = await startCurrent();
    const outcomes = Promise.allSettled([context.client.call("getSelfInfo"), context.client.call("hello")]);
    await reconnect(context, 1002);
    await answer(page(10));
    context.client.close();
    for (const { reason } of await outcomes) assert.equal(reason.reason, "closed");
    assert.equal(context.timers.count, 0);
});

// The sign of life

test("an idle connection is asked for a sign of life after each silent interval", async () => {
    const { client, timers } = await startCurrent({ pingIntervalMs: 30_000 });
    timers.advance(20_000);
    wire().answer(notification(11));
    timers.advance(10_000);
    assert.equal(requests().length, 1);
    timers.advance(20_000);
    assert.deepEqual(requests().slice(1).map(({ method }) => method), ["getSelfInfo"]);
    await answer(ME);
    timers.advance(30_000);
    assert.equal(requests().length, 3);
    await fail(-32001, { retryAfterMs: 1 });
    timers.advance(29_999);
    await settled();
    assert.deepEqual([client.state, requests().length], ["open", 3]);
});

test("a connection that swallows everything is replaced within two intervals, by default too", async () => {
    for (const options of [{}, { pingIntervalMs: 5000 }, { callTimeoutMs: 1e6, pingIntervalMs: 5000 }]) {
        const interval = options.pingIntervalMs ?? 30_000;
        const { client, timers, of } = await startCurrent(options);
        for (let passed = 0; passed < 2 * interval && client.state === "open"; passed += 100) {
            timers.advance(100);
            await settled();
        }
        assert.equal(client.state, "waiting");
        assert.equal(client.current, false);
        timers.advance(of("close")[0].retryInMs);
        assert.equal(wires().length, 2);
    }
});

test("the sign of life is never taken for the cause of a close", async () => {
    const context = await startCurrent({ pingIntervalMs: 1000 });
    context.timers.advance(1000);
    const wrong = assert.rejects(context.client.send("@bob", "bad"), { reason: "refused" });
    wire().end(1009);
    await wrong;
});

test("a connection that does not open in time is replaced", async () => {
    const { client, timers, of } = start({ connectTimeoutMs: 700 });
    client.connect();
    timers.advance(699);
    assert.equal(client.state, "connecting");
    timers.advance(1);
    assert.deepEqual([client.state, of("close")[0].cause], ["waiting", "lost"]);
    timers.advance(of("close")[0].retryInMs);
    wire().open();
    timers.advance(700);
    assert.equal(client.state, "open");
});

// Calling

test("calls wait for the connection and for catching up; those that harm nothing are repeated", async () => {
    const context = await startCurrent();
    const read = context.client.call("getDialogsList", [0, 5]);
    const mark = context.client.call("markMessagesWithUserAsRead", ["@bob"]);
    const other = context.client.call("launchRocket");
    const insisted = context.client.call("launchRocket", [2], { repeat: true });
    const rejected = assert.rejects(other, { name: "ConnectionError", reason: "closed" });
    await reconnect(context);
    await rejected;
    const late = context.client.call("launchRocket", [3]);
    assert.deepEqual(requests().map(({ method }) => method), ["sync"]);
    await answer(page(10));
    assert.deepEqual(requests().slice(1).map(({ method, params }) => [method, params]), [
        ["getDialogsList", [0, 5]], ["markMessagesWithUserAsRead", ["@bob"]],
        ["launchRocket", [2]], ["launchRocket", [3]],
    ]);
    for (const request of requests().slice(1)) await answer(request.method, request);
    assert.deepEqual(await Promise.all([read, mark, insisted, late]),
        ["getDialogsList", "markMessagesWithUserAsRead", "launchRocket", "launchRocket"]);
});

test("an error of the server is the caller's, also of a call that may be repeated", async () => {
    const { client } = await startCurrent();
    const call = client.call("getDialogsList");
    const rejected = assert.rejects(call, { name: "RpcError", code: -32001 });
    await fail(-32001, { retryAfterMs: 1 });
    await rejected;
});

test("a call made by a handler is made once", async () => {
    const { client } = start();
    const calls = [];
    for (const type of ["begin", "current"]) {
        client.addEventListener(type, () => calls.push(client.call("getDialogsList", [type])));
    }
    let onceMore = true;
    client.addEventListener("frame", ({ data }) => {
        if (data.method !== "getDialogsList" || !onceMore) return;
        onceMore = false;
        calls.push(client.call("getDialogsList", ["frame"]));
    });
    client.connect();
    wire().open();
    await answer({ epoch: "e", position: 10, user: ME });
    assert.deepEqual(requests().slice(1).map(({ params }) => params[0]).sort(), ["begin", "current", "frame"]);
    for (const request of requests().slice(1)) await answer([], request);
    await Promise.all(calls);
});

test("as many calls wait as may, and one more is refused", async () => {
    const { client } = await startCurrent({ callsMax: 1 });
    const call = client.call("getSelfInfo");
    await assert.rejects(client.call("getSelfInfo"), { reason: "full" });
    await answer(ME);
    assert.equal((await call).tag, "@me");
    const next = client.call("getSelfInfo");
    await answer(ME);
    await next;
});

test("calls are rejected when the token is not accepted any more", async () => {
    const { client } = await startCurrent();
    const rejected = assert.rejects(client.call("getSelfInfo"), { reason: "not-open" });
    wire().end(1000, NOT_AUTHENTICATED);
    await rejected;
    await assert.rejects(client.call("getSelfInfo"), { reason: "not-open" });
});

// A connection that is dead without saying so

test("a silent connection is given up, and what was asked on it is asked on the next", async () => {
    const { client, timers, of } = await startCurrent({ callTimeoutMs: 5000 });
    const read = client.call("getSelfInfo");
    const sending = client.send("@bob", "hi");
    timers.advance(5000);
    await settled();
    assert.equal(client.state, "waiting");
    timers.advance(of("close")[0].retryInMs);
    wire().open();
    await answer(page(10));
    const [send, call] = requests().slice(1);
    assert.deepEqual([send.params[2], call.method], ["id-1", "getSelfInfo"]);
    await answer(stored("a"), send);
    await answer(ME, call);
    assert.deepEqual([(await sending)._id, (await read).tag], ["a", "@me"]);
});

test("a slow call on a connection that lives is the caller's; a slow send goes again", async () => {
    const { client, timers } = await startCurrent({ callTimeoutMs: 5000 });
    const rejected = assert.rejects(client.call("getSelfInfo"), { reason: "timeout" });
    const impatient = assert.rejects(client.call("getSelfInfo", [], { timeoutMs: 10 }), { reason: "timeout" });
    timers.advance(10);
    await impatient;
    const sending = client.send("@bob", "hi");
    timers.advance(1000);
    wire().answer(notification(11));
    timers.advance(4000);
    await rejected;
    assert.equal(client.state, "open");
    timers.advance(1000);
    await settled();
    assert.deepEqual(last().params, ["@bob", "hi", "id-1"]);
    await answer(stored("a"));
    assert.equal((await sending)._id, "a");
});

// The end

test("close settles everything, at once and for good", async () => {
    const context = await startCurrent();
    const { client, timers } = context;
    const outcomes = Promise.allSettled([
        client.send("@bob", "on its way"), client.send("@bob", "waiting"),
        client.call("getSelfInfo"), client.call("launchRocket"),
    ]);
    client.close();
    assert.equal(client.unsent, 0);
    for (const { reason } of await outcomes) {
        assert.deepEqual([reason.name, reason.reason], ["ConnectionError", "closed"]);
    }
    assert.deepEqual([client.state, client.current, timers.count], ["closed", false, 0]);
    await assert.rejects(client.send("@bob", "later"), { reason: "not-open" });
    await assert.rejects(client.call("getSelfInfo"), { reason: "not-open" });
    client.connect();
    wire().open();
    await answer(page(10));
    assert.deepEqual(requests().map(({ method }) => method), ["sync"]);
});

test("close while waiting to reconnect settles everything too", async () => {
    const { client, timers } = await startCurrent();
    const outcomes = Promise.allSettled([client.send("@bob", "hi"), client.call("getSelfInfo")]);
    wire().end(1006);
    client.close();
    for (const { reason } of await outcomes) assert.equal(reason.reason, "closed");
    timers.advance(1e9);
    assert.equal(wires().length, 1);
});

test("the events of the connection are passed on", async () => {
    const context = await startCurrent();
    context.timers.advance(7);
    wire().answer(notification(11));
    wire().end(1001, "going down");
    assert.deepEqual(context.of("state").map((event) => event.state), ["connecting", "open", "waiting"]);
    assert.equal(context.of("open").length, 1);
    const frame = context.of("frame").at(-1);
    assert.deepEqual([frame.direction, frame.at, frame.data.code], ["in", 7, 3001]);
    const close = context.of("close")[0];
    assert.deepEqual([close.code, close.reason, close.cause, close.error, close.retryInMs],
        [1001, "going down", "lost", null, 1000]);
    context.client.close();
    context.client.connect();
    wire().open();
    context.client.sendRaw("{ raw");
    assert.equal(wire().sent.at(-1), "{ raw");
});
