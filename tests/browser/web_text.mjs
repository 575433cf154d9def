// The promises of client/text. Run by test_modules.py, in a folder with copies of the modules.
import assert from "node:assert/strict";
import { test } from "node:test";

import { byteLength, TEXT_BYTES_MAX } from "./client/text/bytes.js";
import { Dates } from "./client/text/dates.js";
import { findLinks } from "./client/text/links.js";
import { hueOf, initialsOf, nameOf } from "./client/text/names.js";
import { beginning } from "./client/text/preview.js";

// Links

/* The links of a text; what is not a link stays as it is. */
function linksIn(text) {
    const parts = findLinks(text);
    assert.equal(parts.map((part) => part.text).join(""), text);
    assert.ok(parts.every((part) => part.text !== ""));
    return parts.filter(({ href }) => href).map((part) => part.text);
}

test("addresses of http, https and www are links", () => {
    assert.deepEqual(findLinks("see https://example.com/a?b=c#d now"), [
        { text: "see " }, { text: "https://example.com/a?b=c#d", href: "https://example.com/a?b=c#d" },
            { text: " now" },
    ]);
    assert.deepEqual(findLinks("www.Example.com"), [{ text: "www.Example.com", href: "https://www.Example.com" }]);
    assert.deepEqual(findLinks("no link"), [{ text: "no link" }]);
    assert.deepEqual(findLinks(""), []);
    for (const address of ["http://a.b", "HTTPS://A.B/c", "https://a.b:8080/", "https://user@a.b/c",
        "https://1.2.3.4/x", "http://localhost.lan",
        "https://a.b/%20?q=1&r[]=2;3", "https://a.b/~me/@you/_-", "https://bücher.example/ü", "https://例え.テスト/パス",
            "https://مثال.إختبار"]) {
        assert.deepEqual(linksIn(address), [address]);
        assert.deepEqual(linksIn(`a\n${address}\tb`), [address]);
    }
    assert.deepEqual(linksIn("https://a.b https://c.d,www.e.f"), ["https://a.b", "https://c.d,www.e.f"]);
});

test("nothing else is a link", () => {
    for (const text of ["javascript:alert(1)", "JAVASCRIPT://a.b/%0aalert(1)", "data:text/html,x", "vbscript:x",
        "file:///etc/passwd", "ftp://a.b",
        "mailto:a@b.c", "a.b", "example.com", "https://", "http://localhost", "https://localhost:8000/x",
            "https://intranet/a.b", "http://2130706433/",
        "http://0x7f000001", "https://.com", "https://\u00ad.com", "https://a.", "www.", "www", "awww.b.c", "xhttps://a.b", "https:/a.b",
            "https:a.b", "https:\\\\a.b",
        "https://a b.c", "http://[::1]/", "https://a.b:99999/", "https://user.name@host", "httpſ://a.b",
            "http://javascript:alert(1)"]) {
        assert.deepEqual(linksIn(text), [], text);
    }
});

test("links have a safe scheme and a host with a dot, whatever is written", () => {
    const pieces = ["https://", "http://", "www.", "a", ".", "b", "/", "\\", "@", ":", "javascript:", "\n", "(", ")",
        "é", "\ud800", "?", "#", "[", "%", "\u202e"];
    let seed = 7;
    for (let i = 0; i < 3000; i += 1) {
        let text = "";
        for (let k = 0; k < 9; k += 1) {
            seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
            text += pieces[(seed >>> 8) % pieces.length];
        }
        for (const { href } of findLinks(text).filter((part) => part.href)) {
            const { protocol, hostname } = new URL(href);
            assert.ok(/^https?:$/.test(protocol) && hostname.includes("."), `${text}: ${href}`);
        }
        linksIn(text);
    }
});

test("the punctuation of the sentence does not belong to the address, parentheses of its own do", () => {
    const cases = {
        "https://a.b.": "https://a.b", "https://a.b/c, and": "https://a.b/c", "https://a.b/c?!…": "https://a.b/c",
            "\"https://a.b/c\"": "https://a.b/c",
        "<https://a.b/c>": "https://a.b/c", "“https://a.b/c”": "https://a.b/c", "«https://a.b/c»": "https://a.b/c",
            "'https://a.b/c'": "https://a.b/c",
        "(https://a.b/c)": "https://a.b/c", "(see https://a.b/c_(d))": "https://a.b/c_(d)",
            "https://a.b/c_(d)": "https://a.b/c_(d)",
        "https://a.b/(c).": "https://a.b/(c)", "[https://a.b/c]": "https://a.b/c",
            "[x](https://a.b/c)": "https://a.b/c", "*https://a.b/c*": "https://a.b/c",
        "https://a.b/c)))": "https://a.b/c", "{https://a.b/{c}}": "https://a.b/{c}",
            "https://a.b/c/": "https://a.b/c/", "https://a.b/c؟": "https://a.b/c",
        "https://a.b/c، و": "https://a.b/c", "https://a.b/c。谢谢": "https://a.b/c", "（https://a.b/c）": "https://a.b/c",
            "https://a.b/c&": "https://a.b/c&",
    };
    for (const [text, expected] of Object.entries(cases)) assert.deepEqual(linksIn(text), [expected], text);
});

test("marks that change the direction of writing do not get into a link", () => {
    for (const mark of ["\u202e", "\u200f", "\u2067", "\u061c"]) {
        assert.deepEqual(linksIn(`https://a.b/x${mark}gpj.exe`), ["https://a.b/x"]);
        assert.deepEqual(linksIn(`https://a${mark}.b`), []);
    }
});

test("a hostile text of 16 KiB takes time in proportion to its length", () => {
    const texts = [(n) => `https://a.b/${")".repeat(n)}`, (n) => `https://a.b/${"()".repeat(n / 2)}.`,
        (n) => `https://a.b/${".".repeat(n)}`,
        (n) => "https://".repeat(n / 8), (n) => "www.".repeat(n / 4), (n) => "https://a.b ".repeat(n / 12),
            (n) => `www.${"ü".repeat(n / 2)}.b`,
        (n) => `www.${Array.from({ length: n / 3 }, (_, i) => String.fromCodePoint(0x4e00 + i)).join("")}.b`,
            (n) => `https://${"a.".repeat(n / 2)}`,
        (n) => `https://${"@".repeat(n)}a.b`, (n) => `https://a.b/${"(".repeat(n / 2)}${")".repeat(n / 2)}`,
            (n) => "w".repeat(n)];
    const msOf = (text) => {
        const times = [1, 2, 3].map(() => {
            const start = process.cpuUsage();
            linksIn(text);
            const { user, system } = process.cpuUsage(start);
            return (user + system) / 1000;
        });
        return Math.min(...times);
    };
    for (const make of texts) {
        const ms = msOf(make(8 * TEXT_BYTES_MAX)); // in squared time, 64 times as long as 16 KiB
        assert.ok(ms < 400, `${make}: ${ms} ms`);
    }
});

// Lengths

test("a text is as long as its UTF-8", () => {
    const cases = { "": 0, abc: 3, é: 2, "€": 3, "😀": 4, "e\u0301": 3, "\u202e": 3, "👨‍👩‍👧": 18, "\u0000": 1 };
    for (const [text, expected] of Object.entries(cases)) assert.equal(byteLength(text), expected, text);
    for (const text of ["\ud83d", "\ude00", "a\ud83d", "\ude00\ud83d"]) {
        assert.equal(byteLength(text), Buffer.from(text).length, "half a pair is sent as U+FFFD");
    }
    assert.equal(TEXT_BYTES_MAX, 16 * 1024);
    assert.equal(byteLength("😀".repeat(4096)), TEXT_BYTES_MAX);
});

// Names

const user = (firstName, lastName, tag = "@tag") => ({ tag, firstName, lastName });

test("a name is the tag while it is not known", () => {
    assert.equal(nameOf(user("Ada", "Lovelace")), "Ada Lovelace");
    assert.equal(nameOf(user("Ada", "")), "Ada");
    assert.equal(nameOf(user("", "Lovelace")), "Lovelace");
    assert.equal(nameOf(user("", "")), "@tag");
});

test("initials are one or two letters of any script, whole ones", () => {
    const cases = [
        ["Ada", "Lovelace", "AL"], ["ada", "lovelace", "AL"], ["Ada", "", "A"], ["", "", "T"], ["élan", "öster", "ÉÖ"],
            ["e\u0301lan", "x", "E\u0301X"],
        ["محمد", "علي", "مع"], ["देवी", "कृष्ण", "देकृ"], ["Иван", "Йорк", "ИЙ"], ["李", "小龍", "李小"],
            ["ßeta", "x", "SX"], ["ﬁn", "x", "FX"], ["𐐨x", "y", "𐐀Y"],
        ["😀", "👨‍👩‍👧‍👦", "😀👨‍👩‍👧‍👦"], ["🇩🇪x", "", "🇩🇪"],
    ];
    for (const [first, last, expected] of cases) assert.equal(initialsOf(user(first, last)), expected,
        `${first} ${last}`);
});

test("letters with many marks are bounded, and never cut in half", () => {
    for (const mark of ["\u0301", "\u{1e8d0}", "\u{e0100}"]) {
        for (const letter of ["a", "𐐨"]) {
            const initials = initialsOf(user(letter + mark.repeat(60), letter + mark.repeat(61)));
            assert.ok([...initials].length <= 16, "bounded");
            assert.ok(initials.isWellFormed?.() ?? !/\p{Cs}/u.test(initials), "no half of a pair");
        }
    }
});

test("a person has one hue, that of the FNV-1a hash of the tag, whatever its case", () => {
    const fnv = (text) => [...Buffer.from(text)].reduce((hash, byte) => BigInt.asUintN(32,
        (hash ^ BigInt(byte)) * 0x01000193n), 0x811c9dc5n);
    const hues = new Set();
    for (let i = 0; i < 500; i += 1) {
        const tag = `@User_${i}`;
        const hue = hueOf(tag);
        assert.ok(Number.isInteger(hue) && hue >= 0 && hue < 360);
        assert.equal(hue, Number(fnv(tag.toLowerCase()) % 360n));
        assert.equal(hue, hueOf(tag.toUpperCase()));
        hues.add(hue);
    }
    assert.ok(hues.size > 200, "spread over the circle");
});

// Dates

const at = (text) => new Date(text).getTime(); // of the local time zone
const NOW = at("2024-11-28T12:00");
const plain = (text) => text.replaceAll("\u202f", " ");

test("the list shows a date as briefly as possible", () => {
    const en = new Dates("en-GB");
    assert.equal(en.brief(at("2024-11-28T09:05"), NOW), "09:05");
    assert.equal(en.brief(at("2024-11-28T00:00"), NOW), "00:00");
    assert.equal(en.brief(at("2024-11-27T23:59"), NOW), "Wed");
    assert.equal(en.brief(at("2024-11-22T00:00"), NOW), "Fri");
    assert.equal(en.brief(at("2024-11-21T23:59"), NOW), "21 Nov");
    assert.equal(en.brief(at("2024-01-02T23:59"), NOW), "2 Jan");
    assert.equal(en.brief(at("2023-12-31T23:59"), NOW), "31 Dec 2023");
    assert.equal(en.brief(at("2024-12-31T23:59"), at("2025-01-02T12:00")), "Tue");
    assert.equal(en.brief(at("2024-11-29T10:00"), NOW), "10:00", "a clock that is ahead");
    assert.equal(plain(new Dates("en").time(at("2024-11-28T14:32"))), "2:32 PM");
    assert.equal(new Dates("de").time(at("2024-11-28T14:32")), "14:32");
});

test("a day has a heading in the language of the page", () => {
    const days = { today: "2024-11-28T00:00", yesterday: "2024-11-27T23:59", earlier: "2024-11-26T12:00",
        other: "2023-11-26T12:00" };
    const of = (language) => Object.values(days).map((day) => new Dates(language).day(at(day), NOW));
    assert.deepEqual(of("en"), ["Today", "Yesterday", "Tuesday, November 26", "Nov 26, 2023"]);
    assert.deepEqual(of("de"), ["Heute", "Gestern", "Dienstag, 26. November", "26. Nov. 2023"]);
    const [today, yesterday, earlier, other] = of("ar");
    assert.deepEqual([today, yesterday], ["اليوم", "أمس"]);
    assert.match(earlier, /الثلاثاء.*(26|٢٦).*نوفمبر/);
    assert.match(other, /(2023|٢٠٢٣)/);
    assert.match(new Dates("en").day(at("2024-11-29T12:00"), NOW), /^Friday/, "a clock that is ahead");
});

test("yesterday is yesterday on days of 23 and of 25 hours", () => {
    const before = process.env.TZ;
    try {
        for (const [zone, day] of [["Europe/Berlin", "2024-03-31"], ["Europe/Berlin", "2024-10-27"],
            ["America/St_Johns", "2024-11-03"],
            ["America/Sao_Paulo", "2018-11-04"]]) {
            process.env.TZ = zone;
            const [next, previous] = [1, -1].map((days) => at(`${day}T12:00`) + days * 86_400_000);
            const dates = new Dates("en");
            assert.equal(dates.day(at(`${day}T23:30`), at(`${day}T12:00`)), "Today", zone);
            assert.equal(dates.day(at(`${day}T01:30`), next), "Yesterday", zone);
            assert.equal(dates.day(previous, at(`${day}T23:30`)), "Yesterday", zone);
        }
    } finally {
        if (before === undefined) delete process.env.TZ;
        else process.env.TZ = before;
    }
});

// Previews

test("the beginning of a text has at most so many characters, none cut in half", () => {
    assert.equal(beginning("abc", 5), "abc");
    assert.equal(beginning("abcdef", 5), "abcde");
    assert.equal(beginning("👩👩👩", 2), "👩👩");
    assert.equal(beginning("a👩👩", 2), "a👩");
    assert.equal(beginning("👩".repeat(100_000), 120), "👩".repeat(120));
    assert.equal(beginning("", 5), "");
});
