// The promises of messenger-socket.js, kept against a fake WebSocket, fake timers and fake chance.
// Run by test_modules.py, in a folder with a copy of the module.
import assert from "node:assert/strict";
import { test } from "node:test";

import { FakeTimers, FakeWebSocket } from "./fakes.mjs";
import { ConnectionError, MessengerSocket, RpcError } from "./messenger-socket.js";

const NOT_AUTHENTICATED = JSON.stringify({
    Error: { name: "NoAuthJWTError", message: "Authorization data missing." },
});
const EXPIRED = JSON.stringify({
    Error: { name: "NoAuthJWTError", message: "Authorization data expired." },
});
const NOTIFICATION = { type: "newMessage", code: 3001, body: {} };

function start({ random = () => 1, ...options } = {}) {
    FakeWebSocket.made = [];
    const timers = new FakeTimers();
    const socket = new MessengerSocket("ws://host/api", {
        WebSocket: FakeWebSocket,
        setTimeout: timers.set,
        clearTimeout: timers.clear,
        now: () => timers.now,
        random,
        ...options,
    });
    const events = [];
    for (const type of ["state", "open", "close", "notification", "frame"]) {
        socket.addEventListener(type, (event) => events.push(event));
    }
    return { socket, timers, events, of: (type) => events.filter((event) => event.type === type) };
}

function startOpen(options) {
    const context = start(options);
    context.socket.connect();
    const wire = FakeWebSocket.made[0];
    wire.open();
    return { ...context, wire };
}

const wires = () => FakeWebSocket.made;
const sentBy = (wire) => wire.sent.map((text) => JSON.parse(text));

test("connecting goes through connecting to open", () => {
    const { socket, events } = start();
    assert.equal(socket.state, "closed");
    socket.connect();
    assert.equal(socket.state, "connecting");
    assert.equal(wires()[0].url, "ws://host/api");
    wires()[0].open();
    assert.equal(socket.state, "open");
    assert.deepEqual(events.map((event) => event.state ?? event.type), ["connecting", "open", "open"]);
});

test("connecting twice opens one socket", () => {
    const { socket } = startOpen();
    socket.connect();
    assert.equal(wires().length, 1);
});

test("an address that the WebSocket class refuses is thrown, and the state stays closed", () => {
    const socket = new MessengerSocket("bad", { WebSocket: FakeWebSocket });
    assert.throws(() => socket.connect(), SyntaxError);
    assert.equal(socket.state, "closed");
});

test("a call is a JSON-RPC request and gives its result, whatever the order of answers", async () => {
    const { socket, wire } = startOpen();
    const first = socket.call("getSelfInfo");
    const second = socket.call("findUsersByTag", ["@s"]);
    const [one, two] = sentBy(wire);
    assert.deepEqual(one, { jsonrpc: "2.0", method: "getSelfInfo", id: one.id });
    assert.deepEqual(two, { jsonrpc: "2.0", method: "findUsersByTag", params: ["@s"], id: two.id });
    assert.notEqual(one.id, two.id);
    wire.answer({ jsonrpc: "2.0", result: [], id: two.id });
    wire.answer({ jsonrpc: 2, result: { tag: "@me" }, id: one.id });
    assert.deepEqual(await second, []);
    assert.deepEqual(await first, { tag: "@me" });
});

test("an error answer rejects with its code, message and data", async () => {
    const { socket, wire } = startOpen();
    const call = socket.call("findUsersByTag", []);
    wire.answer({
        jsonrpc: "2.0",
        error: { code: -32602, message: "Invalid params", data: { reason: "tag" } },
        id: sentBy(wire)[0].id,
    });
    await assert.rejects(call, (error) => {
        assert.ok(error instanceof RpcError);
        assert.equal(error.code, -32602);
        assert.equal(error.message, "Invalid params");
        assert.deepEqual(error.data, { reason: "tag" });
        assert.equal(error.method, "findUsersByTag");
        return true;
    });
});

test("a batch of answers settles every call in it", async () => {
    const { socket, wire } = startOpen();
    const calls = [socket.call("a"), socket.call("b")];
    wire.answer(sentBy(wire).map(({ id, method }) => ({ jsonrpc: "2.0", result: method, id })));
    assert.deepEqual(await Promise.all(calls), ["a", "b"]);
});

test("a call while not open is refused and sends nothing", async () => {
    const { socket } = start();
    const reasonIs = (reason) => (error) => error instanceof ConnectionError && error.reason === reason;
    await assert.rejects(socket.call("getSelfInfo"), reasonIs("not-open"));
    socket.connect();
    await assert.rejects(socket.call("getSelfInfo"), reasonIs("not-open"));
    assert.throws(() => socket.notify("getSelfInfo"), reasonIs("not-open"));
    assert.throws(() => socket.sendRaw("[]"), reasonIs("not-open"));
    assert.deepEqual(wires()[0].sent, []);
});

test("a call without an answer times out, and a late answer does no harm", async () => {
    const { socket, wire, timers } = startOpen({ callTimeoutMs: 5000 });
    const call = socket.call("getSelfInfo");
    const quick = socket.call("getSelfInfo", undefined, { timeoutMs: 10 });
    timers.advance(10);
    await assert.rejects(quick, { reason: "timeout" });
    timers.advance(4990);
    await assert.rejects(call, { name: "ConnectionError", reason: "timeout" });
    wire.answer({ jsonrpc: "2.0", result: {}, id: sentBy(wire)[0].id });
    assert.equal(socket.state, "open");
});

test("an answered call leaves no timer behind", async () => {
    const { socket, wire, timers } = startOpen();
    const before = timers.count;
    const call = socket.call("getSelfInfo");
    assert.equal(timers.count, before + 1);
    wire.answer({ jsonrpc: "2.0", result: 1, id: sentBy(wire)[0].id });
    await call;
    assert.equal(timers.count, before);
});

test("a notification sent carries no id; raw text goes out as it is", () => {
    const { socket, wire } = startOpen();
    socket.notify("markMessagesWithUserAsRead", { senderTag: "@a" });
    socket.sendRaw("{ not json");
    assert.deepEqual(JSON.parse(wire.sent[0]), {
        jsonrpc: "2.0", method: "markMessagesWithUserAsRead", params: { senderTag: "@a" },
    });
    assert.equal(wire.sent[1], "{ not json");
});

test("notifications have a name, a code and a body", () => {
    const { wire, of } = startOpen();
    wire.answer({ type: "newMessage", code: 3001, body: { text: "hi" } });
    const [event] = of("notification");
    assert.equal(event.name, "newMessage");
    assert.equal(event.code, 3001);
    assert.deepEqual(event.body, { text: "hi" });
});

test("every frame is shown in both directions, before it is acted upon", async () => {
    const { socket, wire, of, timers } = startOpen();
    timers.advance(42);
    const call = socket.call("getSelfInfo");
    wire.answer({ jsonrpc: "2.0", result: 7, id: sentBy(wire)[0].id });
    wire.answer("not json");
    assert.equal(await call, 7);
    const frames = of("frame");
    assert.deepEqual(frames.map((frame) => frame.direction), ["out", "in", "in"]);
    assert.deepEqual(frames.map((frame) => frame.at), [42, 42, 42]);
    assert.equal(frames[0].text, wire.sent[0]);
    assert.equal(frames[1].data.result, 7);
    assert.equal(frames[2].data, undefined);
});

test("frames of any shape do no harm", () => {
    const { socket, wire } = startOpen();
    for (const text of ["", "null", "1", "[]", "[null,1,[]]", "{}", '{"id":99}', '{"type":1}']) {
        wire.answer(text);
    }
    wire.onmessage({ data: new ArrayBuffer(4) });
    assert.equal(socket.state, "open");
});

test("calls without an answer are rejected when the connection ends, before the close event", async () => {
    const { socket, wire } = startOpen();
    const order = [];
    const call = socket.call("getSelfInfo").catch((error) => order.push(error.reason));
    socket.addEventListener("close", () => queueMicrotask(() => order.push("close")));
    wire.end(1006);
    await call;
    await null;
    assert.deepEqual(order, ["closed", "close"]);
});

test("a lost connection is retried after a random share of a doubling bound, up to the cap", () => {
    const { socket, timers, of } = start({ backoffBaseMs: 100, backoffCapMs: 1000 });
    socket.connect();
    for (const expected of [100, 200, 400, 800, 1000, 1000]) {
        wires().at(-1).end(1006);
        assert.equal(socket.state, "waiting");
        assert.equal(of("close").at(-1).retryInMs, expected);
        const made = wires().length;
        timers.advance(expected - 1);
        assert.equal(wires().length, made);
        timers.advance(1);
        assert.equal(wires().length, made + 1);
        assert.equal(socket.state, "connecting");
    }
});

test("the jitter is full: from nothing up to the bound", () => {
    const waits = [0, 0.25, 0.999].map((share) => {
        const { socket, of } = start({ random: () => share, backoffBaseMs: 1000 });
        socket.connect();
        wires()[0].end(1006);
        return of("close")[0].retryInMs;
    });
    assert.deepEqual(waits, [0, 250, 999]);
});

test("the backoff starts over only after a connection has lasted", () => {
    const { socket, timers, of } = start({ backoffBaseMs: 100, stableAfterMs: 5000 });
    const loseAfter = (ms) => {
        wires().at(-1).open();
        timers.advance(ms);
        wires().at(-1).end(1006);
        timers.advance(of("close").at(-1).retryInMs);
        return of("close").at(-1).retryInMs;
    };
    socket.connect();
    assert.equal(loseAfter(0), 100);
    assert.equal(loseAfter(4999), 200);
    assert.equal(loseAfter(5000), 100);
});

/* The bounds of the pauses after losses by these codes, each right after the connection opened. */
function boundsAfter(...codes) {
    const { socket, timers, of } = start();
    socket.connect();
    for (const code of codes) {
        wires().at(-1).open();
        wires().at(-1).end(code);
        timers.advance(of("close").at(-1).retryInMs);
    }
    return of("close").map((event) => event.retryInMs);
}

test("the first bound is a second, and no bound is over thirty", () => {
    assert.deepEqual(boundsAfter(...Array(7).fill(1006)), [1000, 2000, 4000, 8000, 16000, 30000, 30000]);
});

test("a server that goes down is left for another within a second, but not over and over", () => {
    for (const code of [1001, 1012]) {
        assert.deepEqual(boundsAfter(1006, 1006, 1006, code, 1006, code, 1006),
            [1000, 2000, 4000, 1000, 2000, 4000, 8000]);
    }
});

test("after a second of grace used up, a connection that lasts earns another", () => {
    const { socket, timers, of } = start({ stableAfterMs: 5000 });
    socket.connect();
    for (const [code, lasts, expected] of [[1001, 0, 1000], [1006, 0, 2000], [1001, 5000, 1000],
        [1006, 0, 2000], [1006, 0, 4000]]) {
        wires().at(-1).open();
        timers.advance(lasts);
        wires().at(-1).end(code);
        assert.equal(of("close").at(-1).retryInMs, expected);
        timers.advance(expected);
    }
});

test("a client that was too slow comes back later", () => {
    assert.deepEqual(boundsAfter(1013, 1013, 1006), [4000, 8000, 16000]);
    assert.deepEqual(boundsAfter(1006, 1006, 1006, 1013), [1000, 2000, 4000, 8000]);
});

test("a dropped connection is lost: its calls are rejected, and it is replaced", async () => {
    const { socket, wire, of, timers } = startOpen();
    const call = socket.call("getSelfInfo");
    socket.drop();
    await assert.rejects(call, { reason: "closed" });
    assert.equal(wire.closedWith, 4000);
    assert.equal(of("close")[0].cause, "lost");
    socket.drop();
    wire.end(1006);
    assert.equal(of("close").length, 1);
    timers.advance(1000);
    assert.equal(wires().length, 2);
});

test("a rejected token is not retried, and has a cause and an error", () => {
    const { socket, wire, of, timers } = startOpen();
    wire.end(1000, NOT_AUTHENTICATED);
    assert.equal(socket.state, "unauthenticated");
    const [event] = of("close");
    assert.equal(event.code, 1000);
    assert.equal(event.reason, NOT_AUTHENTICATED);
    assert.equal(event.cause, "unauthenticated");
    assert.equal(event.error.message, "Authorization data missing.");
    assert.equal(event.retryInMs, null);
    timers.advance(1e9);
    assert.equal(wires().length, 1);
    assert.equal(timers.count, 0);
    socket.connect();
    assert.equal(wires().length, 2);
});

test("a token that expires is tried again at once, with the cookie that there is now", () => {
    const { socket, wire, of, timers } = startOpen();
    wire.end(1000, EXPIRED);
    const [event] = of("close");
    assert.deepEqual([socket.state, event.cause, event.retryInMs, event.error.message],
        ["waiting", "lost", 0, "Authorization data expired."]);
    timers.advance(0);
    assert.equal(wires().length, 2);
    wires()[1].open();
    wires()[1].answer(NOTIFICATION);
    assert.equal(socket.state, "open");
    wires()[1].end(1000, EXPIRED);
    timers.advance(0);
    assert.equal(wires().length, 3, "again, as it was accepted");
});

test("a token that is not accepted after it has expired is not tried again", () => {
    for (const reason of [EXPIRED, NOT_AUTHENTICATED]) {
        for (const lost of [0, 2]) {
            const { socket, wire, of, timers } = startOpen();
            wire.end(1000, EXPIRED);
            for (let i = 0; i < lost; i += 1) {
                timers.advance(60_000);
                wires().at(-1).end(1006);
            }
            timers.advance(60_000);
            wires().at(-1).open();
            wires().at(-1).end(1000, reason);
            assert.deepEqual([socket.state, of("close").at(-1).cause, of("close").at(-1).retryInMs],
                ["unauthenticated", "unauthenticated", null]);
            timers.advance(1e9);
            assert.equal(wires().length, 2 + lost);
        }
    }
});

test("after a token has expired, the next log-in starts over", () => {
    const { socket, wire, timers } = startOpen();
    wire.end(1000, EXPIRED);
    socket.close();
    socket.connect();
    wires()[1].open();
    wires()[1].end(1000, EXPIRED);
    timers.advance(0);
    assert.equal(wires().length, 3);
});

test("it is known whether the server had accepted the token before it closed", () => {
    const refused = startOpen();
    refused.wire.end(1000, NOT_AUTHENTICATED);
    assert.equal(refused.of("close")[0].wasAccepted, false);
    const ended = startOpen();
    ended.wire.answer(NOTIFICATION);
    ended.wire.end(1000, NOT_AUTHENTICATED);
    assert.deepEqual([ended.of("close")[0].wasAccepted, ended.socket.state], [true, "unauthenticated"]);
    ended.socket.connect();
    wires()[1].open();
    wires()[1].end(1000, NOT_AUTHENTICATED);
    assert.equal(ended.of("close")[1].wasAccepted, false, "of this connection, not of the one before");
});

test("any other close of the server is a loss, also with code 1000 or an odd reason", () => {
    for (const [code, reason] of [[1000, ""], [1001, "{"], [1013, '{"Error":1}'], [1006, "null"],
        [1000, '{"Error":{"name":"OtherError"}}']]) {
        const { wire, of } = startOpen();
        wire.end(code, reason);
        assert.equal(of("close")[0].cause, "lost");
        assert.notEqual(of("close")[0].retryInMs, null);
    }
});

test("a deliberate close is at once, for good, and rejects what is pending", async () => {
    const { socket, wire, of, timers } = startOpen();
    const call = socket.call("getSelfInfo");
    socket.close();
    assert.equal(socket.state, "closed");
    assert.equal(wire.closedWith, 1000);
    assert.equal(of("close")[0].cause, "deliberate");
    await assert.rejects(call, { reason: "closed" });
    wire.end(1000);
    timers.advance(1e9);
    assert.equal(of("close").length, 1);
    assert.equal(wires().length, 1);
    socket.close();
    assert.equal(of("close").length, 1);
});

test("closing while waiting to reconnect cancels it", () => {
    const { socket, wire, timers } = startOpen();
    wire.end(1006);
    socket.close();
    timers.advance(1e9);
    assert.equal(socket.state, "closed");
    assert.equal(wires().length, 1);
});

test("closing after a refused token leaves it closed, without another close event", () => {
    const { socket, wire, of } = startOpen();
    wire.end(1000, NOT_AUTHENTICATED);
    socket.close();
    assert.equal(socket.state, "closed");
    assert.equal(of("close").length, 1);
});

test("connecting while waiting tries at once, and only once", () => {
    const { socket, wire, timers } = startOpen();
    wire.end(1006);
    socket.connect();
    assert.equal(wires().length, 2);
    timers.advance(1e6);
    assert.equal(wires().length, 2);
});

test("closing a socket that is still opening lets it open first", () => {
    const { socket, of } = start();
    socket.connect();
    socket.close();
    assert.equal(wires()[0].closedWith, null);
    wires()[0].open();
    assert.equal(wires()[0].closedWith, 1000);
    assert.equal(socket.state, "closed");
    assert.equal(of("open").length, 0);
});

test("a socket that was given up is not listened to", () => {
    const { socket, wire, of } = startOpen();
    socket.close();
    socket.connect();
    wires()[1].open();
    wire.answer({ type: "newMessage", code: 3001, body: {} });
    wire.end(1006);
    assert.equal(socket.state, "open");
    assert.equal(of("notification").length, 0);
});
