// The promises of client/server/renewal.js, kept against a fake server and fake timers.
// Run by test_modules.py, in a folder with copies of the modules.
import assert from "node:assert/strict";
import { test } from "node:test";

import { AccountError } from "./client/server/accounts.js";
import { Renewal } from "./client/server/renewal.js";
import { FakeTimers } from "./fakes.mjs";
import { turn } from "./web_scene.mjs";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/* A server with one session, whose tokens are valid for `lifeMs`, and the tabs of a browser. */
class World {
    timers = new FakeTimers();
    renewed = []; // when
    asked = 0;
    failures = []; // what the next renewals are rejected with
    isConnected = true;
    #line = Promise.resolve();

    /* `aheadMs`: of the browser's clock. */
    constructor(lifeMs, aheadMs = 0) {
        this.lifeMs = lifeMs;
        this.aheadMs = aheadMs;
        this.expires = lifeMs;
    }

    tab() {
        return new Renewal(() => this.list(), () => this.renew(), {
            setTimeout: this.timers.set, clearTimeout: this.timers.clear, now: () => this.timers.now + this.aheadMs,
            inTurn: (run) => (this.#line = this.#line.then(run)),
        });
    }

    async list() {
        this.asked += 1;
        if (!this.isConnected) throw new Error("not connected");
        return [{ expires: 1, isCurrent: false }, { expires: this.expires, isCurrent: true }];
    }

    async renew() {
        const failure = this.failures.shift();
        if (failure) throw failure;
        this.renewed.push(this.timers.now);
        this.expires = this.timers.now + this.lifeMs;
        return this.timers.now || 1;
    }

    async wait(ms, step = ms) {
        for (let waited = 0; waited < ms; waited += step) {
            this.timers.advance(Math.min(step, ms - waited));
            await turn();
        }
    }
}

async function watching(world, tabs = 1) {
    const all = Array.from({ length: tabs }, () => world.tab());
    for (const tab of all) tab.watch();
    await turn();
    return all;
}

test("a token is renewed after a third of its time, again and again", async () => {
    const world = new World(3 * HOUR_MS);
    await watching(world);
    await world.wait(HOUR_MS - 1);
    assert.deepEqual(world.renewed, []);
    await world.wait(1);
    assert.deepEqual(world.renewed, [HOUR_MS]);
    await world.wait(10 * HOUR_MS, HOUR_MS / 4);
    assert.equal(world.renewed.length, 11);
});

test("a token that is valid for long is renewed once a day", async () => {
    const world = new World(365 * DAY_MS);
    await watching(world);
    await world.wait(10 * DAY_MS, HOUR_MS);
    assert.deepEqual(world.renewed, Array.from({ length: 10 }, (_, i) => (i + 1) * DAY_MS));
});

test("of several tabs one renews; the others find that it is done", async () => {
    const world = new World(3 * HOUR_MS);
    await watching(world, 5);
    await world.wait(4 * HOUR_MS, HOUR_MS / 4);
    assert.equal(world.renewed.length, 4);
    await watching(world, 1); // one more, later
    await world.wait(4 * HOUR_MS, HOUR_MS / 4);
    assert.equal(world.renewed.length, 8);
});

test("what another tab or a new connection has renewed is not renewed again", async () => {
    const world = new World(3 * HOUR_MS);
    await watching(world);
    await world.wait(HOUR_MS / 2);
    world.expires += HOUR_MS / 2;
    await world.wait(HOUR_MS);
    assert.deepEqual(world.renewed, []);
    await world.wait(HOUR_MS, HOUR_MS / 12);
    assert.equal(world.renewed.length, 1);
});

test("watching twice plans once, and nothing is renewed after the end", async () => {
    const world = new World(3 * HOUR_MS);
    const [tab] = await watching(world);
    tab.watch();
    await turn();
    assert.deepEqual([world.asked, world.timers.count], [1, 1]);
    tab.stop();
    assert.equal(world.timers.count, 0);
    await world.wait(9 * HOUR_MS, HOUR_MS);
    assert.deepEqual(world.renewed, []);
    tab.watch(); // the next user
    await turn();
    await world.wait(3 * HOUR_MS, HOUR_MS / 4);
    assert.ok(world.renewed.length > 0);
});

test("what is answered after the end changes nothing", async () => {
    const world = new World(3 * HOUR_MS);
    const tab = world.tab();
    tab.watch();
    tab.stop();
    await turn();
    assert.equal(world.timers.count, 0);
    tab.watch();
    await turn();
    world.timers.advance(HOUR_MS);
    tab.stop();
    await turn();
    assert.deepEqual([world.renewed, world.timers.count], [[], 0]);
});

test("without a connection it waits for the next one", async () => {
    const world = new World(3 * HOUR_MS);
    world.isConnected = false;
    const [tab] = await watching(world);
    world.isConnected = true;
    tab.watch();
    await turn();
    assert.equal(world.timers.count, 1);
    await world.wait(HOUR_MS, HOUR_MS / 60);
    assert.deepEqual(world.renewed, [HOUR_MS]);
    world.isConnected = false;
    await world.wait(HOUR_MS, HOUR_MS / 60);
    world.isConnected = true;
    await world.wait(60_000 + HOUR_MS, 60_000);
    assert.equal(world.renewed.length, 2, "also when nobody reports the connection");
});

test("a renewal that fails is tried again in time, after what the server asks for", async () => {
    const world = new World(3 * HOUR_MS);
    await watching(world);
    world.failures = [new AccountError("Unreachable", ""), new AccountError("RateLimitError", "", 600)];
    await world.wait(3 * HOUR_MS, 10_000);
    assert.ok(world.renewed.length > 0 && world.renewed[0] < 3 * HOUR_MS, String(world.renewed));
    const limited = new World(3 * HOUR_MS);
    await watching(limited);
    limited.failures = [new AccountError("RateLimitError", "", 600)];
    await limited.wait(HOUR_MS);
    assert.equal(limited.failures.length, 0);
    await limited.wait(599_000, 1000);
    assert.equal(limited.asked, 2, "nothing is asked before");
});

test("a session that is over is not renewed any more", async () => {
    const world = new World(3 * HOUR_MS);
    await watching(world);
    world.failures = [new AccountError("NoAuthJWTError", "")];
    await world.wait(HOUR_MS);
    assert.deepEqual([world.failures, world.timers.count], [[], 0]);
});

test("a clock that is wrong costs at most one early renewal, and logs nobody out", async () => {
    for (const aheadMs of [-400 * DAY_MS, -DAY_MS, -HOUR_MS, HOUR_MS, 2.9 * DAY_MS, 400 * DAY_MS]) {
        const world = new World(3 * DAY_MS, aheadMs);
        await watching(world);
        await world.wait(30 * DAY_MS, 60_000);
        const times = [0, ...world.renewed];
        const gaps = times.slice(1).map((at, i) => at - times[i]);
        assert.ok(gaps.every((gap) => gap <= DAY_MS + 60_000), `${aheadMs}: ${gaps}`);
        assert.ok(gaps.slice(1).every((gap) => gap >= DAY_MS), `${aheadMs}: ${gaps}`);
    }
});
