/*
 * The words of the page in the user's language. A text may have {names} to be filled in; one that
 * depends on a number `n` is an object with the categories of Intl.PluralRules.
 */

import { readSetting, writeSetting } from "../storage/settings.js";
import { Dates } from "../text/dates.js";
import en from "./en.js";

const OTHERS = { de: () => import("./de.js"), ar: () => import("./ar.js") };
const CHOICE = "language";

export const LANGUAGES = { en: "English", de: "Deutsch", ar: "العربية" };

export class Strings {
    #words;
    #plurals;
    #numbers;

    /* `locale`: the language with the user's region, by which dates and numbers are written. */
    constructor(language, words, locale = language) {
        this.language = language;
        this.direction = language === "ar" ? "rtl" : "ltr";
        this.dates = new Dates(locale);
        this.#words = words;
        this.#plurals = new Intl.PluralRules(language);
        this.#numbers = new Intl.NumberFormat(locale);
    }

    t(key, values = {}) {
        const entry = this.#words[key] ?? en[key];
        const text = typeof entry === "string" ? entry : entry[this.#plurals.select(values.n)] ?? entry.other;
        return text.replace(/\{(\w+)\}/g, (_, name) => this.#filled(values[name]));
    }

    number(n) {
        return this.#numbers.format(n);
    }

    #filled(value) {
        return typeof value === "number" ? this.number(value) : String(value);
    }
}

/* In the language that the user has chosen here, or else that of the browser. */
export async function loadStrings() {
    const language = chosenLanguage();
    const words = language === "en" ? en : await OTHERS[language]().then((module) => module.default, () => en);
    const shown = words === en ? "en" : language;
    return new Strings(shown, words, localeOf(shown));
}

function chosenLanguage() {
    const wanted = [readSetting(CHOICE), ...navigator.languages];
    return wanted.map(languageOf).find((tag) => tag in LANGUAGES) ?? "en";
}

function languageOf(tag) {
    return tag?.toLowerCase().split("-")[0];
}

/* Some systems name locales that are none, as "en-US@posix". */
function localeOf(language) {
    const locale = navigator.languages.find((tag) => languageOf(tag) === language) ?? language;
    try {
        return Intl.getCanonicalLocales(locale)[0];
    } catch {
        return language;
    }
}

export function chooseLanguage(language) {
    writeSetting(CHOICE, language);
}
