/*
 * The words of the page in the user's language. A text may have {names} to be filled in; one that
 * depends on a number `n` is an object with the categories of Intl.PluralRules.
 */

import { Dates } from "../text/dates.js";
import en from "./en.js";

const OTHERS = { de: () => import("./de.js"), ar: () => import("./ar.js") };
const CHOICE = "messenger language";

export const LANGUAGES = { en: "English", de: "Deutsch", ar: "العربية" };

export class Strings {
    #words;
    #plurals;
    #numbers;

    constructor(language, words) {
        this.language = language;
        this.direction = language === "ar" ? "rtl" : "ltr";
        this.dates = new Dates(language);
        this.#words = words;
        this.#plurals = new Intl.PluralRules(language);
        this.#numbers = new Intl.NumberFormat(language);
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
    return new Strings(words === en ? "en" : language, words);
}

function chosenLanguage() {
    const wanted = [localStorage.getItem(CHOICE), ...navigator.languages];
    return wanted.map((tag) => tag?.toLowerCase().split("-")[0]).find((tag) => tag in LANGUAGES) ?? "en";
}

export function chooseLanguage(language) {
    localStorage.setItem(CHOICE, language);
}
