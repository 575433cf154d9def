// The promises of client/text. Run by test_modules.py, in a folder with copies of the modules.
import assert from "node:assert/strict";
import { test } from "node:test";

import de from "./client/strings/de.js";
import en from "./client/strings/en.js";
import { Strings } from "./client/strings/strings.js";
import { byteLength, TEXT_BYTES_MAX } from "./client/text/bytes.js";
import { Dates } from "./client/text/dates.js";
import { describeDevice, deviceName, sortSessions } from "./client/text/devices.js";
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

// Devices

const AGENTS = {
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0": "Firefox on Linux",
    "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0": "Firefox on Linux",
    "Mozilla/5.0 (X11; FreeBSD amd64; rv:128.0) Gecko/20100101 Firefox/128.0": "Firefox on Linux",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0": "Firefox on Windows",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:133.0) Gecko/20100101 Firefox/133.0": "Firefox on Mac",
    "Mozilla/5.0 (Android 14; Mobile; rv:133.0) Gecko/133.0 Firefox/133.0": "Firefox on Android",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/133.0 Mobile/15E148 Safari/605.1.15":
        "Firefox on iPhone",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36": "Chrome on Linux",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/131.0.0.0 Safari/537.36": "Chrome on Linux",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Ubuntu Chromium/80.0.3987.87 Chrome/80.0.3987.87 Safari/537.36":
        "Chromium on Linux",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36": "Chrome on Windows",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36": "Chrome on Mac",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36": "Chrome on Android",
    "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36": "Chrome on ChromeOS",
    "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/131.0.6778.73 Mobile/15E148 Safari/604.1":
        "Chrome on iPad",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1":
        "Safari on iPhone",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15": "Safari on Mac",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0":
        "Edge on Windows",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/64.0.3282.140 Safari/537.36 Edge/18.17763":
        "Edge on Windows",
    "Mozilla/5.0 (Linux; Android 10; HD1913) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36 EdgA/131.0.0.0":
        "Edge on Android",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 EdgiOS/131.0 Mobile/15E148 Safari/604.1":
        "Edge on iPhone",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 OPR/115.0.0.0": "Opera on Linux",
    "Opera/9.80 (Android; Opera Mini/36.2/119.132; U; en) Presto/2.12.423 Version/12.16": "Opera on Android",
    "Mozilla/5.0 (Linux; Android 13; SAMSUNG SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36":
        "Samsung Internet on Android",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Vivaldi/7.0.3495.15":
        "Vivaldi on Windows",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 YaBrowser/24.6.0.0 Safari/537.36":
        "Yandex Browser on Windows",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15 Ddg/17.6":
        "DuckDuckGo on Mac",
    "Mozilla/5.0 (X11; Linux x86_64; rv:91.0) Gecko/20100101 Firefox/91.0 SeaMonkey/2.53.18": "SeaMonkey on Linux",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.0 Safari/605.1.15 Epiphany/605.1.15": "GNOME Web on Linux",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Safari/605.1.15": "A browser on Linux",
    "Mozilla/5.0 (Linux; U; Android 4.0.3; de-de) AppleWebKit/534.30 (KHTML, like Gecko) Version/4.0 Mobile Safari/534.30": "A browser on Android",
    "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko": "Internet Explorer on Windows",
    "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1)": "Internet Explorer on Windows",
    "Mozilla/5.0 (PlayStation 4 11.00) AppleWebKit/605.1.15 (KHTML, like Gecko)": "An unknown browser",
    "Mozilla/5.0 (Mobile; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5": "Firefox",
    "curl/8.5.0": "The program curl",
    "python-requests/2.31.0": "The program python-requests",
    "okhttp/4.12.0": "The program okhttp",
    "Go-http-client/1.1": "The program Go-http-client",
    "Wget/1.21.3 (linux-gnu)": "The program Wget",
    node: "node",
    "": "An unknown device",
    "   ": "An unknown device",
    "Küche": "Küche",
    "Adas iPhone": "Adas iPhone",
    "My Firefox/Linux box": "My Firefox/Linux box",
    "موبايل": "موبايل",
    "<b>{name}</b> $&": "<b>{name}</b> $&",
};

test("a device is named as a person would name it; a name that it gave itself stays as it is", () => {
    const wordsOf = (strings) => (key, values) => strings.t(key, values);
    const english = wordsOf(new Strings("en", en));
    for (const [agent, expected] of Object.entries(AGENTS)) assert.equal(deviceName(agent, english), expected, agent);
    assert.equal(deviceName(Object.keys(AGENTS)[0], wordsOf(new Strings("de", de))), "Firefox auf Linux");
});

test("a telephone or tablet is told from a computer", () => {
    const handheld = Object.keys(AGENTS).filter((agent) => describeDevice(agent).isHandheld);
    assert.deepEqual(handheld, Object.keys(AGENTS).filter((agent) => /^(Mozilla|Opera)/.test(agent) && /Android|iPhone|iPad/.test(agent)));
});

test("a device of any bytes is named at once", () => {
    for (const text of ["Mozilla/5.0 ", "Mozilla/5.0 iPhone ", "a.", "Opera/9", "Macintosh ".repeat(20)]) {
        const start = process.cpuUsage();
        assert.equal(typeof deviceName(`Mozilla/5.0 ${text.repeat(3000)}`, (key) => key), "string");
        assert.equal(typeof deviceName(text.repeat(3000), (key) => key), "string");
        assert.ok(process.cpuUsage(start).user < 400_000, text);
    }
});

test("the present session comes first, the others stay in order", () => {
    const of = (id, isCurrent = false) => ({ id, isCurrent });
    const listed = Object.freeze([of("a"), of("b"), of("here", true), of("c")]);
    assert.deepEqual(sortSessions(listed).map(({ id }) => id), ["here", "a", "b", "c"]);
});
