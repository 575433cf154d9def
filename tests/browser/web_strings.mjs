// The words of the web client: every one that is used exists, in each language, and none is left over.
// Run by test_modules.py, in a folder with copies of the modules.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import ar from "./client/strings/ar.js";
import de from "./client/strings/de.js";
import en from "./client/strings/en.js";
import { chooseLanguage, LANGUAGES, loadStrings, Strings } from "./client/strings/strings.js";
import { GROUPS } from "./client/views/emoji.js";

const OTHERS = { de, ar };
const SPECIAL = new Set(["zero", "one", "two"]); // categories of one number, which need not be written

const sources = readdirSync("client", { recursive: true })
    .filter((name) => name.endsWith(".js") && !name.startsWith("strings"))
    .map((name) => ({ name, text: readFileSync(`client/${name}`, "utf8") }));
const sourceOf = (name) => sources.find((source) => source.name === name).text;

/* The names that stand in for the parts of a key that are computed. */
const namesIn = (text, pattern) => [...text.matchAll(pattern)].map((match) => match[1]);
const FIELDS = namesIn(/const FIELDS = \{([^;]*)\};/.exec(sourceOf("views/sign_in.js"))[1], /^ {4}(\w+):/gm);
const PROBLEMS = namesIn(/\[("[^\]]*AuthError[^\]]*)\]/.exec(sourceOf("views/sign_in.js"))[1], /"(\w+)"/g);
const COMPUTED = {
    "talk.${state}": ["sent", "read"],
    "emoji.${name}": Object.keys(GROUPS),
    "field.${name}": FIELDS,
    "field.${name}.bad": FIELDS,
    "field.${field}.bad": FIELDS,
    "problem.${name}": PROBLEMS,
};

function usedKeys() {
    const prefixes = [...new Set(Object.keys(en).map((key) => key.split(".")[0]))].join("|");
    const literal = new RegExp(`"((?:${prefixes})\\.[\\w.]+)"`, "g");
    const used = new Map(); // key -> where
    for (const { name, text } of sources) {
        for (const pattern of [literal,
            /\bt\(\s*"([^"]+)"/g]) for (const key of namesIn(text, pattern)) used.set(key, name);
        for (const key of namesIn(text, /\bt\(\s*`([^`]+)`/g)) {
            assert.ok(COMPUTED[key], `${name}: ${key} is not known to this test`);
            for (const part of COMPUTED[key]) used.set(key.replace(/\$\{\w+\}/, part), name);
        }
    }
    return used;
}

const formsOf = (entry) => (typeof entry === "string" ? { other: entry } : entry);
const placeholders = (text) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();

test("every key that is used exists in English, and every key is used", () => {
    const used = usedKeys();
    assert.ok(used.size > 80 && FIELDS.length === 6 && PROBLEMS.length === 6);
    const missing = [...used].filter(([key]) => !(key in en)).map(([key, name]) => `${key} in ${name}`);
    assert.deepEqual(missing, []);
    assert.deepEqual(Object.keys(en).filter((key) => !used.has(key)), []);
});

test("each language has exactly the keys of English, with the same names to be filled in", () => {
    assert.deepEqual(Object.keys(OTHERS).concat("en").sort(), Object.keys(LANGUAGES).sort());
    for (const [language, words] of Object.entries(OTHERS)) {
        assert.deepEqual(Object.keys(words), Object.keys(en), language);
        for (const [key, entry] of Object.entries(en)) {
            assert.equal(typeof words[key], typeof entry, `${language}: ${key}`);
            assert.deepEqual(placeholders(formsOf(words[key]).other), placeholders(formsOf(entry).other),
                `${language}: ${key}`);
        }
    }
});

test("what depends on a number has a form for each, and names the number unless there is but one", () => {
    for (const [language, words] of Object.entries({ en, ...OTHERS })) {
        const categories = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
        for (const [key, entry] of Object.entries(words)) {
            assert.ok(Object.values(formsOf(entry)).every((text) => typeof text === "string" && text.trim() !== ""),
                `${language}: ${key}`);
            if (typeof entry === "string") continue;
            assert.ok("other" in entry, `${language}: ${key}`);
            for (const [category, text] of Object.entries(entry)) {
                assert.ok(categories.includes(category), `${language}: ${key} has ${category}`);
                if (!SPECIAL.has(category)) assert.deepEqual(placeholders(text), placeholders(entry.other),
                    `${language}: ${key}, ${category}`);
            }
        }
    }
});

test("words are filled in as they are, numbers as the language writes them", () => {
    const strings = new Strings("en", en);
    assert.equal(strings.t("talk.empty", { name: "$& {name} <b>" }),
        "This is the beginning. Say hello to $& {name} <b>.");
    assert.equal(strings.t("list.unread", { n: 1 }), "one unread message");
    assert.equal(strings.t("list.unread", { n: 12_345 }), "12,345 unread messages");
    assert.equal(strings.number(1234), "1,234");
    assert.equal(strings.direction, "ltr");
    const german = new Strings("de", de);
    assert.equal(german.t("list.unread", { n: 1 }), "eine ungelesene Nachricht");
    assert.equal(german.t("list.unread", { n: 12_345 }), "12.345 ungelesene Nachrichten");
    assert.equal(new Strings("de", {}).t("talk.send"), en["talk.send"], "English, where a language lacks a word");
});

test("Arabic has its dual and its few, and is written from the right", () => {
    const strings = new Strings("ar", ar);
    assert.equal(strings.direction, "rtl");
    const forms = [1, 2, 3, 11, 100].map((n) => strings.t("list.unread", { n }));
    assert.deepEqual(forms, [1, 2, 3, 11, 100].map((n) => formsOf(ar["list.unread"])[
        { 1: "one", 2: "two", 3: "few" }[n] ?? "other"].replace("{n}", strings.number(n))));
    assert.equal(new Set(forms).size, 5);
});

test("the language is the one that was chosen, or else the first of the browser's that there is", async () => {
    const kept = new Map();
    const browser = { languages: [] };
    const stand = { localStorage: { getItem: (key) => kept.get(key) ?? null,
        setItem: (key, value) => kept.set(key, value) }, navigator: browser };
    for (const [name, value] of Object.entries(stand)) Object.defineProperty(globalThis, name,
        { value, configurable: true });
    const cases = [[[], "en"], [["de-AT", "en"], "de"], [["fr", "AR-EG"], "ar"], [["fr", "ja"], "en"],
        [["arn", "arc", "de"], "de"], [["DE"], "de"],
        [["", "toString"], "en"]];
    for (const [languages, expected] of cases) {
        browser.languages = languages;
        assert.equal((await loadStrings()).language, expected, languages.join());
    }
    const timeIn = async (...languages) => {
        browser.languages = languages;
        return (await loadStrings()).dates.time(new Date("2024-11-28T14:32").getTime()).replaceAll("\u202f", " ");
    };
    assert.equal(await timeIn("en-US"), "2:32 PM");
    assert.equal(await timeIn("fr-FR", "en-GB", "en-US"), "14:32", "dates are written as in the user's region");
    assert.equal(await timeIn("en-US@posix"), "2:32 PM");
    chooseLanguage("ar");
    const strings = await loadStrings();
    assert.deepEqual([strings.language, strings.t("talk.send")], ["ar", ar["talk.send"]]);
});
