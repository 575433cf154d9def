/* Dates and times in the user's language and time zone. */

const DAY_MS = 24 * 60 * 60 * 1000;

export class Dates {
    #time;
    #weekday;
    #day;
    #dayOfYear;
    #full;
    #relative;

    constructor(language) {
        this.#time = new Intl.DateTimeFormat(language, { hour: hourStyle(language), minute: "2-digit" });
        this.#weekday = new Intl.DateTimeFormat(language, { weekday: "short" });
        this.#day = new Intl.DateTimeFormat(language, { day: "numeric", month: "short" });
        this.#dayOfYear = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", year: "numeric" });
        this.#full = new Intl.DateTimeFormat(language, { weekday: "long", day: "numeric", month: "long" });
        this.#relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
    }

    /* 14:32 */
    time(ms) {
        return this.#time.format(ms);
    }

    /* As short as possible, for a list: 14:32, Tue, 20 Nov, 20 Nov 2025 */
    brief(ms, now = Date.now()) {
        const days = daysBetween(ms, now);
        if (days <= 0) return this.#time.format(ms);
        if (days < 7) return this.#weekday.format(ms);
        return this.#inYear(ms, now, this.#day);
    }

    /* Today, Yesterday, Friday, 20 November, 20 Nov 2025 */
    day(ms, now = Date.now()) {
        const days = daysBetween(ms, now);
        if (days === 0 || days === 1) return capital(this.#relative.format(-days, "day"));
        return this.#inYear(ms, now, this.#full);
    }

    #inYear(ms, now, format) {
        const sameYear = new Date(ms).getFullYear() === new Date(now).getFullYear();
        return (sameYear ? format : this.#dayOfYear).format(ms);
    }
}

function daysBetween(ms, now) {
    return Math.round((startOfDay(now) - startOfDay(ms)) / DAY_MS);
}

function startOfDay(ms) {
    return new Date(ms).setHours(0, 0, 0, 0);
}

function capital(text) {
    return text.slice(0, 1).toLocaleUpperCase() + text.slice(1);
}

/* 2:32 PM, but 02:32 where a day has 24 hours. */
function hourStyle(language) {
    const { hourCycle } = new Intl.DateTimeFormat(language, { hour: "numeric" }).resolvedOptions();
    return hourCycle === "h12" || hourCycle === "h11" ? "numeric" : "2-digit";
}
