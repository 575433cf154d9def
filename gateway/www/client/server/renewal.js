/*
 * Keeps the token in the cookie from expiring while the page is open, so that nobody who uses it every day has
 * to log in again.
 *
 * No script can read the token, but `expires` of the present session is that of its last token. A fixed interval,
 * as once a day, would be too late on a server whose tokens are valid for less. A third of the remaining time
 * is waited, so that one renewal may fail or get lost.
 *
 * Every tab watches, since any of them may be closed or frozen. When it is time, they take turns by a Web Lock, and
 * only the first finds that `expires` is still what it was.
 */

const WAIT_MIN_MS = 1000;
const WAIT_MAX_MS = 24 * 60 * 60 * 1000;
const RETRY_MS = 60_000;
const LOCK = "messenger renewal";

export class Renewal {
    #listSessions;
    #renew;
    #options;
    #timer = null;
    #watch = 0; // changes whenever it is stopped
    #isPlanned = false; // the next renewal, not only the next attempt to find out when
    #aheadMs = 0; // the server's clock, as of the last renewal

    /*
     * `listSessions()`: a promise of the user's sessions, rejected without a connection. `renew()`: a promise of the
     * server's time in ms, or rejected with an AccountError. `options`: setTimeout, clearTimeout, now, and inTurn(run),
     * which runs it in one tab at a time.
     */
    constructor(listSessions, renew, options = {}) {
        this.#listSessions = listSessions;
        this.#renew = renew;
        this.#options = {
            setTimeout: (run, ms) => setTimeout(run, ms), clearTimeout: (timer) => clearTimeout(timer), now: () => Date.now(),
            inTurn: inTurnOfTabs, ...options,
        };
    }

    /* Whenever there is a connection. Opening one also renews a token whose time is half over. */
    watch() {
        if (!this.#isPlanned) this.#plan();
    }

    /* The user has logged out. */
    stop() {
        this.#watch += 1;
        this.#isPlanned = false;
        this.#options.clearTimeout(this.#timer);
    }

    async #plan() {
        const watch = this.#watch;
        this.#isPlanned = true;
        this.#options.clearTimeout(this.#timer);
        const expires = await this.#readExpires();
        if (watch !== this.#watch) return;
        if (expires === null) this.#planLater(RETRY_MS);
        else this.#timer = this.#options.setTimeout(() => this.#due(expires), this.#waitFor(expires));
    }

    #planLater(ms) {
        this.#isPlanned = false;
        this.#timer = this.#options.setTimeout(() => this.#plan(), ms);
    }

    /* A clock that is wrong is corrected by the first renewal. */
    #waitFor(expires) {
        const leftMs = expires - this.#options.now() - this.#aheadMs;
        return Math.min(WAIT_MAX_MS, Math.max(WAIT_MIN_MS, leftMs / 3));
    }

    /* `expires`: when the token was to expire. */
    async #due(expires) {
        const watch = this.#watch;
        const pauseMs = await this.#options.inTurn(async () => {
            if (watch !== this.#watch) return 0;
            const isDone = await this.#readExpires() !== expires;
            return isDone || watch !== this.#watch ? 0 : this.#tryRenewal();
        });
        if (watch !== this.#watch || pauseMs < 0) return;
        if (pauseMs > 0) this.#planLater(pauseMs);
        else this.#plan();
    }

    /* After how long to try again; 0: it is renewed, less: the session is over. */
    async #tryRenewal() {
        try {
            const serverNow = await this.#renew();
            if (serverNow > 0) this.#aheadMs = serverNow - this.#options.now();
            return 0;
        } catch ({ name, retryInS = 0 }) {
            return name === "NoAuthJWTError" ? -1 : Math.max(RETRY_MS, 1000 * retryInS);
        }
    }

    async #readExpires() {
        try {
            const sessions = await this.#listSessions();
            return sessions.find(({ isCurrent }) => isCurrent).expires;
        } catch {
            return null;
        }
    }
}

/* Without locks (a page that is not encrypted has none) a token may be renewed by several tabs. */
function inTurnOfTabs(run) {
    return navigator.locks ? navigator.locks.request(LOCK, run).catch(() => 0) : run();
}
