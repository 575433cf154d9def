// The promises of client/state/rows.js and list.js. Run by test_modules.py, in a folder with copies of the modules.
import assert from "node:assert/strict";
import { test } from "node:test";

import { newDialog, withNew, withPage, withWritten } from "./client/state/dialog.js";
import { listDialogs, totalUnread } from "./client/state/list.js";
import { rowsOf } from "./client/state/rows.js";
import { emptyState } from "./client/state/state.js";
import { frozen } from "./web_server.mjs";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/* One message each of these dates. */
const messagesAt = (dates, { from = 1, mine = () => false } = {}) => dates.map((date, i) => ({
    seq: from + i, id: `m${from + i}`, mine: mine(i), text: "hi", date: new Date(date).getTime(), read: true,
}));

const dialogWith = (messages, fields = {}) => frozen({ ...newDialog({ tag: "@Ann" }), messages, ...fields });
const keysOf = (dialog) => rowsOf(dialog).map(({ key }) => key);

function inZone(zone, run) {
    const before = process.env.TZ;
    process.env.TZ = zone;
    try {
        run();
    } finally {
        if (before === undefined) delete process.env.TZ;
        else process.env.TZ = before;
    }
}

/* "26, 27": the days of the month of the headings. */
const days = (dates) => rowsOf(dialogWith(messagesAt(dates))).filter(({ kind }) => kind === "day")
    .map(({ date }) => new Date(date).getDate()).join(", ");

const every = (from, to, ms) => {
    const dates = [];
    for (let at = new Date(from).getTime(); at < new Date(to).getTime(); at += ms) dates.push(at);
    return dates;
};

// Days

test("a day begins at midnight of the local time, whatever happens to the clock", () => {
    const cases = [ // zone, from and to in UTC, the days of a message every 10 minutes
        ["UTC", "2024-03-30T00:00Z", "2024-04-01T00:00Z", "30, 31"],
        ["Europe/Berlin", "2024-03-30T23:00Z", "2024-03-31T22:00Z", "31"], // 23 hours
        ["Europe/Berlin", "2024-03-30T22:50Z", "2024-03-31T22:10Z", "30, 31, 1"],
        ["Europe/Berlin", "2024-10-26T22:00Z", "2024-10-27T23:00Z", "27"], // 25 hours
        ["Europe/Berlin", "2024-10-26T21:50Z", "2024-10-27T23:10Z", "26, 27, 28"],
        ["America/St_Johns", "2024-03-10T03:30Z", "2024-03-11T02:30Z", "10"],
        ["America/St_Johns", "2024-11-03T02:20Z", "2024-11-04T03:40Z", "2, 3, 4"],
        ["America/St_Johns", "2010-11-06T12:00Z", "2010-11-07T12:00Z", "6, 7"], // from 0:01 back to 23:01
        ["America/St_Johns", "2010-11-06T12:05Z", "2010-11-07T12:00Z", "6, 7"],
        ["America/Sao_Paulo", "2018-11-03T12:00Z", "2018-11-05T01:00Z", "3, 4"], // no midnight
        ["America/Sao_Paulo", "2018-02-17T12:00Z", "2018-02-18T12:00Z", "17, 18"], // midnight back to 23:00
        ["Pacific/Apia", "2011-12-29T20:00Z", "2011-12-30T20:00Z", "29, 31"], // without a 30th
    ];
    for (const [zone, from, to, expected] of cases) {
        inZone(zone, () => {
            assert.equal(days(every(from, to, 10 * MINUTE_MS)), expected, `${zone} ${from}`);
            for (const { kind, date } of rowsOf(dialogWith(messagesAt(every(from, to, HOUR_MS))))) {
                if (kind === "day") assert.equal(new Date(date).toDateString(), new Date(date + 30_000).toDateString());
            }
        });
    }
});

test("the zone counts, not UTC", () => {
    const dates = ["2024-06-01T21:30Z", "2024-06-01T22:30Z", "2024-06-02T02:00Z", "2024-06-02T03:00Z"];
    inZone("Europe/Berlin", () => assert.equal(days(dates), "1, 2"));
    inZone("America/St_Johns", () => assert.deepEqual(keysOf(dialogWith(messagesAt(dates))),
        ["day 2024-6-1", 1, 2, 3, "day 2024-6-2", 4]));
    inZone("UTC", () => assert.deepEqual(keysOf(dialogWith(messagesAt(dates))),
        ["day 2024-6-1", 1, 2, "day 2024-6-2", 3, 4]));
});

test("what is dated back stands under the day that has begun", () => {
    inZone("UTC", () => {
        const dates = ["2024-06-02T00:00:01Z", "2024-06-01T23:59:59Z", "2024-06-02T00:00:02Z"];
        assert.equal(days(dates), "2");
    });
});

// Groups

/* "[xx][x]": a group of two, and one of one. */
const groupsOf = (rows) => rows.filter(({ kind }) => kind === "message" || kind === "pending")
    .map(({ first, last }) => (first ? "[" : "") + "x" + (last ? "]" : "")).join("");

test("messages of one person, one after the other, are a group", () => {
    inZone("UTC", () => {
        const at = (...minutes) => minutes.map((minute) => Date.UTC(2024, 5, 1, 12, minute));
        const grouped = (dates, sides, fields) => groupsOf(
            rowsOf(dialogWith(messagesAt(dates, { mine: (i) => sides[i] === "M" }), fields)));
        assert.equal(grouped(at(0, 1, 2), "AAA"), "[xxx]");
        assert.equal(grouped(at(0, 1, 2, 3), "AAMM"), "[xx][xx]");
        assert.equal(grouped(at(0, 9, 19), "AAA"), "[xx][x]", "ten minutes later is another group");
        assert.equal(grouped([Date.UTC(2024, 5, 1, 23, 59), Date.UTC(2024, 5, 2, 0, 1)], "AA"), "[x][x]",
            "on another day, too");
        assert.equal(grouped(at(0, 1, 2), "AAA", { divider: 2 }), "[x][xx]", "and after the divider");
        assert.equal(grouped([], ""), "");
        const pending = [{ id: "p", text: "x", date: at(2)[0], failed: "", guess: 0 }];
        assert.equal(grouped(at(0, 1), "AM", { pending }), "[x][xx]");
        assert.equal(grouped(at(0), "A", { pending }), "[x][x]");
    });
});

// Divider, pending

test("the divider stands before its message, under the day", () => {
    inZone("UTC", () => {
        const messages = messagesAt(["2024-06-01T12:00Z", "2024-06-02T12:00Z"]);
        assert.deepEqual(keysOf(dialogWith(messages, { divider: 2 })), ["day 2024-6-1", 1, "day 2024-6-2", "new", 2]);
        for (const divider of [0, -1, 7]) assert.ok(!keysOf(dialogWith(messages, { divider })).includes("new"));
    });
});

test("what is pending stands at the end, once, unless its twin is there", () => {
    inZone("UTC", () => {
        const messages = messagesAt(["2024-06-01T12:00Z"], { mine: () => true });
        const item = (id, fields = {}) => ({ id, text: "hi", date: Date.UTC(2024, 5, 1, 13), failed: "", guess: 0,
            ...fields });
        const pending = [item("a"), item("b", { guess: 1 }), item("c", { guess: 1, failed: "no" }),
            item("d", { date: Date.UTC(2024, 5, 3) })];
        const rows = rowsOf(dialogWith(messages, { pending }));
        assert.deepEqual(rows.map(({ key }) => key), ["day 2024-6-1", 1, "a", "c", "day 2024-6-3", "d"]);
        assert.equal(rows[2].item, pending[0]);
        assert.equal(rows[1].message, messages[0]);
    });
});

// Keys

test("keys are unique, and stay when messages are prepended, appended or removed from what is pending", () => {
    inZone("UTC", () => {
        const dates = every("2024-06-01T00:00Z", "2024-06-11T00:00Z", HOUR_MS);
        const all = messagesAt(dates);
        let dialog = withWritten(withPage(newDialog({ tag: "@Ann" }), all.slice(100, 150)),
            { id: "7-1", text: "x", date: dates[150] });
        const before = keysOf(dialog);
        for (const page of [all.slice(50, 100), all.slice(0, 50)]) {
            dialog = withPage(dialog, page);
            const keys = keysOf(dialog);
            assert.equal(new Set(keys).size, keys.length);
            assert.ok(before.every((key) => keys.includes(key)), "the keys of before are still there");
        }
        dialog = withNew(dialog, all.slice(150), false);
        const keys = keysOf(dialog);
        assert.equal(new Set(keys).size, keys.length);
        assert.ok(before.every((key) => keys.includes(key)));
        assert.deepEqual(keys.filter((key) => typeof key === "number"), all.map(({ seq }) => seq),
            "a message's key is its seq");
    });
});

test("ten thousand messages are rows within a moment", () => {
    const dialog = dialogWith(messagesAt(every("2024-01-01T00:00Z", "2025-02-20T16:00Z", HOUR_MS).slice(0, 10_000)));
    assert.ok(rowsOf(dialog).length > 10_400);
});

// The list of conversations

function stateWith(...dialogs) {
    const entries = dialogs.map(({ tag, user, at, ...fields }) => [tag.toLowerCase(), {
        ...newDialog({ tag, ...user }),
        last: at === undefined ? null : { seq: 1, mine: false, text: "x", date: at, read: true },
        ...fields,
    }]);
    return frozen({ ...emptyState(), dialogs: new Map(entries) });
}

const tagsOf = (state, words) => listDialogs(state, words).map(({ tag }) => tag).join(" ");

test("the newest conversation comes first, by its last message, what is pending, or when it was begun", () => {
    const pending = [{ id: "p", text: "x", date: 50, failed: "", guess: 0 }];
    const state = stateWith({ tag: "@old", at: 10 }, { tag: "@new", at: 40 }, { tag: "@pending", at: 5, pending },
        { tag: "@begun", draft: "d", openedAt: 30 });
    assert.equal(tagsOf(state), "@pending @new @begun @old");
    assert.equal(tagsOf(stateWith({ tag: "@b", at: 1 }, { tag: "@a", at: 1 }, { tag: "@c", at: 1 })), "@a @b @c");
});

test("an empty conversation is listed while it is open or contains something of the user", () => {
    const state = stateWith({ tag: "@Empty" }, { tag: "@Draft", draft: "d" }, { tag: "@Said", at: 1 },
        { tag: "@Pending", pending: [{ id: "p", text: "x", date: 0, failed: "", guess: 0 }] });
    assert.equal(tagsOf(state), "@Said @Draft @Pending");
    assert.equal(tagsOf(frozen({ ...state, open: "@empty" })), "@Said @Draft @Empty @Pending");
});

test("the filter finds each of the words in name or tag, whatever the case and the accents", () => {
    const state = stateWith({ tag: "@zoe", at: 5, user: { firstName: "Zoë", lastName: "Ångström" } },
        { tag: "@jose_1", at: 4, user: { firstName: "José", lastName: "İnan" } },
        { tag: "@muh", at: 3, user: { firstName: "مُحَمَّد", lastName: "علي" } },
        { tag: "@Ivan", at: 2, user: { firstName: "Йван", lastName: "O'Neil" } }, { tag: "@x", at: 1 });
    const cases = {
        "": "@zoe @jose_1 @muh @Ivan @x", "  ": "@zoe @jose_1 @muh @Ivan @x", zoe: "@zoe", "ZOË": "@zoe",
        "ang zo": "@zoe", "Zoe\u0308": "@zoe",
        "jose inan": "@jose_1", JOSE_1: "@jose_1", "محمد": "@muh", "مُحَمَّد": "@muh", "o'ne": "@Ivan",
        "иван": "@Ivan", "zoe inan": "",
        "@x": "@x", ".*": "", "\u0301": "@zoe @jose_1 @muh @Ivan @x",
    };
    for (const [words, expected] of Object.entries(cases)) assert.equal(tagsOf(state, words), expected, words);
});

test("the total of the unread messages is of all conversations", () => {
    assert.equal(totalUnread(stateWith({ tag: "@a", at: 1, unread: 3 }, { tag: "@b", at: 2, unread: 4 },
        { tag: "@c" })), 7);
    assert.equal(totalUnread(emptyState()), 0);
});
