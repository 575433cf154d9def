// Whatever the order in which the web client learns of something, it ends with what the server has. The
// histories are random; a failure names its seed: SEED=17 node web_histories.mjs runs that one.
import assert from "node:assert/strict";
import { test } from "node:test";

import { isWhole, newestSeq } from "./client/state/dialog.js";
import { rowsOf } from "./client/state/rows.js";
import { dialogOf, emptyState, reduce } from "./client/state/state.js";
import { findDoubt, findGap, otherTag } from "./client/state/messages.js";
import { ChatServer, frozen } from "./web_server.mjs";

const SEEDS = process.env.SEED ? [Number(process.env.SEED)] : Array.from({ length: 400 }, (_, i) => i + 1);
const STEPS = 60;
const TAGS = ["@Ann", "@bob", "@Cy"];
const TEXTS = ["ok", "hello", "hm"];

/* Numbers from 0 to 1 (mulberry32). */
function randomOf(seed) {
    let a = seed;
    return () => {
        a = (a + 0x6d2b79f5) | 0;
        let t = Math.imul(a ^ (a >>> 15), 1 | a);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
    };
}

/* A client of the reducer, which asks as server/session.js does. Answers and notifications are delivered
 * each in order, but may overtake each other. */
class Client {
    state = emptyState();
    #random;
    #server;
    #answers = []; // {take, reading}: the server has carried them out
    #repeated = []; // readings without an answer when the connection was lost
    #position = 0;
    #epoch = "";
    #ids = new Set();
    #marks = new Map();
    #isConnected = false;
    #writes = 0;

    constructor(server, random) {
        this.#server = server;
        this.#random = random;
    }

    #dispatch(action) {
        const before = frozen(this.state);
        this.state = reduce(before, frozen(JSON.parse(JSON.stringify(action))));
        check(before, this.state, action);
    }

    #one(items) {
        return items[Math.floor(this.#random() * items.length)];
    }

    /* One call: the server carries it out now, the answer comes later. */
    #ask(carryOut, take, reading = null, page = "") {
        const answer = carryOut();
        this.#answers.push({ answer, take: () => take(answer), reading, page });
    }

    /* One that is repeated on the next connection, unless the server does not continue from here. */
    #read(carryOut, take, page = "") {
        this.#ask(carryOut, take, { carryOut, take, page, epoch: this.#epoch }, page);
    }

    #isNews({ _id }) {
        return !this.#ids.has(_id) && Boolean(this.#ids.add(_id));
    }

    lose() {
        this.#isConnected = false;
        this.#repeated.push(...this.#answers.map(({ reading }) => reading).filter(Boolean));
        this.#answers = [];
        this.#server.notified = [];
    }

    connect() {
        this.lose();
        this.#isConnected = true;
        let page = { reset: true };
        do {
            if (this.#epoch) page = this.#server.sync(this.#epoch, this.#position, 1 + Math.floor(this.#random() * 5));
            if (page.reset) this.#begin();
            else this.#takePage(page);
            if (this.#random() < 0.3) this.happen();
        } while (page.more);
        const repeated = this.#repeated.splice(0).filter(({ epoch }) => epoch === this.#epoch);
        for (const { carryOut, take, page: tag } of repeated) this.#read(carryOut, take, tag);
        for (const { tag, pending } of this.state.dialogs.values()) {
            for (const item of pending) if (!item.failed) this.#send(tag, item);
        }
        for (const [tag, upToSeq] of this.#marks) this.#mark(tag, upToSeq);
    }

    #begin() {
        const { epoch, position, user } = this.#server.hello();
        this.#epoch = epoch;
        this.#position = position;
        this.#ids.clear();
        this.#marks.clear();
        this.#dispatch({ type: "begun", user });
        this.#server.notified = this.#server.notified.filter(({ body }) => !(body.userSeq <= position));
        this.#read(() => this.#server.list(0, 1000), (rows) => this.#dispatch({ type: "listed", rows }));
    }

    #takePage({ dialogs, self, online, position }) {
        this.#position = position;
        const newsOf = (row) => row.messages.filter((message) => this.#isNews(message));
        const news = dialogs.map((row) => ({ ...row, messages: newsOf(row) }));
        this.#dispatch({ type: "synced", dialogs: news, self, online });
    }

    deliverAnswer() {
        this.#answers.shift()?.take();
    }

    deliverNotification() {
        const { code, body } = this.#server.notified.shift() ?? {};
        if (!code || !this.#isConnected || body.userSeq <= this.#position) return;
        this.#position = body.userSeq ?? this.#position;
        if (code === 3300 || code === 3301) this.#refresh(body.receiverTag ?? body.senderTag, body.userSeq);
        if (code === 3100 || code === 3101) {
            const tag = body.loggedInUserTag ?? body.loggedOutUserTag;
            this.#dispatch({ type: "presenceChanged", tag, online: code === 3101 });
        }
        if (code === 3204) this.#forget(body.tag);
        if (code > 3002 || !this.#isNews(body)) return;
        const tag = otherTag(this.state.self.tag, body);
        const dialog = dialogOf(this.state, tag);
        this.#dispatch({ type: "messageReceived", message: body });
        if (!dialog?.user.firstName || dialog.stale) this.#refresh(tag, body.userSeq);
    }

    /* Pages that were asked for before may have the texts. */
    #forget(tag) {
        this.#dispatch({ type: "accountDeleted", tag });
        const [old, others] = [true, false].map((isOld) => this.#answers.filter((one) => (one.page === tag) === isOld));
        this.#answers = others;
        for (const { reading } of old) this.#read(reading.carryOut, reading.take, tag);
        this.#refresh(tag);
    }

    #refresh(tag) {
        this.#read(() => this.#server.row(tag), (row) => this.#dispatch({ type: "rowRead", row }));
    }

    #send(tag, { id, text }) {
        this.#ask(() => this.#server.sent(tag, text, id), (message) => {
            this.#ids.add(message._id);
            this.#dispatch({ type: "stored", tag, id, message });
        });
    }

    #mark(tag, upToSeq) {
        this.#ask(() => this.#server.mark(tag, upToSeq, "client"), () => {
            if (this.#marks.get(tag) === upToSeq) this.#marks.delete(tag);
        });
    }

    loadOlder(tag, count = 1 + Math.floor(this.#random() * 8)) {
        const dialog = dialogOf(this.state, tag);
        if (!this.#isConnected || !dialog || isWhole(dialog) || dialog.stale) return false;
        const from = dialog.messages.length === 0 ? 0 : newestSeq(dialog) - dialog.messages[0].seq + 1;
        this.#read(() => this.#server.history(tag, from, from + count),
            (messages) => this.#dispatch({ type: "pageRead", tag, messages }), tag);
        return true;
    }

    /* The texts of a deleted account that were dropped. */
    checkDropped(tag) {
        const dialog = dialogOf(this.state, tag);
        const doubt = findDoubt(dialog.messages, 4);
        if (!doubt) return false;
        const newest = newestSeq(dialog);
        const messages = this.#server.history(tag, newest - doubt.last, newest - doubt.first + 1);
        this.#dispatch({ type: "pageRead", tag, messages });
        return true;
    }

    /* As when a message that was written before a reset turns out to be stored long since. */
    fillGap(tag) {
        const dialog = dialogOf(this.state, tag);
        const newest = newestSeq(dialog);
        const gap = findGap(dialog.messages, newest);
        if (!gap) return false;
        const messages = this.#server.history(tag, newest - gap.before + 1, newest - gap.after);
        this.#dispatch({ type: "pageRead", tag, messages });
        return true;
    }

    /* What others do. */
    happen() {
        const tag = this.#one(TAGS);
        if (this.#server.isDeleted(tag)) {
            this.#server.send(tag, this.#one(TEXTS), "device"); // it was on its way
            return;
        }
        if (this.#server.row(tag) && this.#random() < 0.02) { // who has no dialog with it is not notified
            this.#server.deleteUser(tag, { keeps: this.#random() < 0.3 });
            return;
        }
        const any = () => 1 + Math.floor(this.#random() * 12);
        this.#one([
            () => this.#server.send(tag, this.#one(TEXTS), "peer"),
            () => this.#server.send(tag, this.#one(TEXTS), "peer"),
            () => this.#server.send(tag, this.#one(TEXTS), "device"),
            () => this.#server.mark(tag, any(), "peer"),
            () => this.#server.mark(tag, any(), "device"),
            () => this.#presence(tag, this.#random() < 0.5),
        ])();
    }

    /* A row does not contradict a newer notification of presence. */
    #presence(tag, isOnline) {
        this.#server.presence(tag, isOnline);
        for (const { answer } of this.#answers) {
            for (const row of [answer].flat()) if (row?.userInfo?.tag === tag) row.userInfo.isOnline = isOnline;
        }
    }

    /* What the user does. */
    act() {
        const tag = this.#one([...this.state.dialogs.values()])?.tag ?? this.#one(TAGS);
        const known = dialogOf(this.state, tag);
        this.#one([
            () => this.#dispatch({ type: "opened", tag, user: { tag }, at: 0 }),
            () => this.#dispatch({ type: "closed" }),
            () => this.#dispatch({ type: "attended", attentive: this.#random() < 0.5 }),
            () => this.#dispatch({ type: "drafted", tag, text: this.#one(["", "d"]) }),
            () => this.#write(tag),
            () => this.#see(tag, this.#one(known?.messages ?? [])),
            () => this.loadOlder(tag),
        ])();
    }

    #write(tag) {
        const item = { id: `w${this.#writes += 1}`, text: this.#one(TEXTS), date: 0 };
        this.#dispatch({ type: "written", tag, user: { tag }, ...item });
        if (this.#isConnected) this.#send(tag, item);
    }

    #see(tag, message) {
        if (!message || message.mine || message.read) return;
        this.#dispatch({ type: "seen", tag, upToSeq: message.seq });
        this.#marks.set(tag, message.seq);
        if (this.#isConnected) this.#mark(tag, message.seq);
    }

    step(copies) {
        const dice = this.#random();
        if (dice < 0.3) this.happen();
        else if (dice < 0.5) this.deliverNotification();
        else if (dice < 0.7) this.deliverAnswer();
        else if (dice < 0.93) { if (this.state.self) this.act(); }
        else if (dice < 0.96) this.lose();
        else if (dice < 0.985) this.connect();
        else if (dice < 0.99) copies.push(this.#server.copy());
        else if (copies.length > 0) this.#turnBack(copies);
    }

    #turnBack(copies) {
        this.#server.turnBack(this.#one(copies), `epoch ${this.#random()}`);
        this.lose();
    }

    /* Everything arrives. */
    settle() {
        this.connect();
        while (this.#answers.length > 0 || this.#server.notified.length > 0) {
            if (this.#random() < 0.5) this.deliverAnswer();
            else this.deliverNotification();
        }
    }
}

/* What holds at any time. */
function check(before, after, action) {
    for (const [key, dialog] of after.dialogs) {
        const { messages, last, unread, pending } = dialog;
        const old = before.dialogs.get(key);
        assert.ok(messages.every(({ seq }, i) => i === 0 || messages[i - 1].seq < seq), "in order, each once");
        assert.ok(messages.length === 0 || messages.at(-1).seq <= last.seq, "`last` is the newest");
        assert.ok(unread >= 0 && unread >= messages.filter(({ mine, read }) => !mine && !read).length,
            "all unread are counted");
        const keys = rowsOf(dialog).map((row) => row.key);
        assert.equal(new Set(keys).size, keys.length, "keys of rows are unique");
        if (!old || action.type === "begun") continue;
        const read = new Set(old.messages.filter((message) => message.read).map(({ seq }) => seq));
        assert.ok(messages.every((message) => message.read || !read.has(message.seq)), "what is read stays read");
        if (!["written", "stored"].includes(action.type)) assert.equal(pending.length, old.pending.length);
    }
}

const plain = ({ seq, mine, text, read }) => ({ seq, mine, text, read });

function compare(client, server) {
    const rows = server.list(0, 1000);
    for (const row of rows) {
        const { tag } = row.userInfo;
        const dialog = dialogOf(client.state, tag);
        assert.deepEqual([dialog.unread, dialog.last.seq, dialog.stale], [row.unreadIncoming, row.seq, false],
            `the row of ${tag}`);
        assert.equal(dialog.user.isDeleted, Boolean(row.userInfo.isDeleted), `the account of ${tag}`);
        const last = server.history(tag, 0, 1)[0];
        assert.deepEqual(plain(dialog.last), plain({ ...last, mine: dialog.last.mine, read: last.isRead }),
            `the last message of ${tag}`);
        for (let i = 0; client.fillGap(tag) || client.checkDropped(tag) || client.loadOlder(tag, 5); i += 1) {
            assert.ok(i < 200, "the history has a beginning");
            client.deliverAnswer();
        }
        const now = dialogOf(client.state, tag);
        const fresh = server.history(tag, 0, 1000).toReversed();
        assert.deepEqual(now.messages.map(plain), fresh.map(({ isRead, senderTag, seq, text }) => ({
            seq, mine: senderTag === server.self.tag, text, read: isRead,
        })), `the messages with ${tag}`);
        assert.equal(now.unread, row.unreadIncoming, `the unread ones of ${tag}`);
        assert.deepEqual(now.pending, [], `what was written to ${tag} is stored`);
        assert.equal(client.state.online.has(tag.toLowerCase()), row.userInfo.isOnline, `the presence of ${tag}`);
    }
    for (const { tag, last } of client.state.dialogs.values()) {
        assert.ok(last === null || rows.some(({ userInfo }) => userInfo.tag === tag), `${tag} is a conversation`);
    }
}

test("random histories end in what a fresh reading shows", () => {
    for (const seed of SEEDS) {
        const random = randomOf(seed);
        const server = new ChatServer(...TAGS);
        const client = new Client(server, random);
        const copies = [];
        try {
            for (let i = Math.floor(random() * 25); i > 0; i -= 1) client.happen();
            client.connect();
            for (let i = 0; i < STEPS; i += 1) client.step(copies);
            client.settle();
            compare(client, server);
        } catch (error) {
            error.message = `seed ${seed}: ${error.message}`;
            throw error;
        }
    }
});
