/*
 * The calls of one connection that have no answer yet, and which of them an answer or the end of the
 * connection belongs to. Used by messenger-socket.js.
 *
 * An answer names its call by `id`. A server that could not read the `id` of a frame answers with
 * `id` null: such an answer belongs to one of the calls sent before it arrived, and every other of
 * them gets an answer of its own. So it is assigned when as many calls are left as there are such
 * answers. A server that cannot continue after a frame closes the connection with one of the codes
 * in REFUSALS: the cause is known if a single frame had no answer, and otherwise in doubt.
 */

const REFUSALS = new Set([1002, 1003, 1007, 1009]); // protocol, data type, UTF-8, size
const TRANSIENT_CODES = new Set([-32001, -32002]); // service unavailable, too many requests
const PERMANENT_REASONS = new Set(["refused", "too-large"]);
const ENTRIES_MAX = 10_000; // of one connection; the oldest that nobody waits for are forgotten

export class RpcError extends Error {
    constructor({ code, message, data }, method) {
        super(String(message ?? "Unknown error"));
        this.name = "RpcError";
        this.code = code;
        this.data = data;
        this.method = method;
    }
}

export class ConnectionError extends Error {
    constructor(reason, message, { inDoubt = false } = {}) {
        super(message);
        this.name = "ConnectionError";
        this.reason = reason;
        this.inDoubt = inDoubt;
    }
}

/* Whether the same call may succeed later. */
export function isTransient(error) {
    if (error instanceof ConnectionError) return !PERMANENT_REASONS.has(error.reason);
    return error instanceof RpcError && TRANSIENT_CODES.has(error.code);
}

export class PendingCalls {
    #options;
    #entries = new Map(); // id -> {order, call, timer, forgetAt}; without `call`, nobody waits for it
    #unmatched = []; // {error, upTo}: answers with id null, and the last call sent before each
    #order = 0;

    /* `setTimeout`, `clearTimeout`, `now` and `callTimeoutMs` of the options of MessengerSocket. */
    constructor(options) {
        this.#options = options;
    }

    /* `call`: {method, resolve, reject, harmless}. A harmless one is never the cause of a close. */
    add(id, call, timeoutMs) {
        const entry = { order: this.#order += 1, call };
        entry.timer = this.#options.setTimeout(() => {
            this.#leave(entry);
            call.reject(new ConnectionError("timeout",
                `No answer to ${call.method} within ${timeoutMs} ms. It may still be carried out.`));
        }, timeoutMs);
        this.#entries.set(id, entry);
    }

    /* A frame that the application made: it is answered with its `id`, or with null, or not at all. */
    addRaw(data) {
        const id = data?.id ?? Symbol("no id");
        if (this.#entries.has(id)) return;
        const entry = { order: this.#order += 1 };
        this.#entries.set(id, entry);
        this.#leave(entry);
    }

    /* An answer: a JSON object of the server with an `id`. */
    answer({ id, error, result }) {
        const entry = this.#entries.get(id);
        if (entry) this.#settle(id, entry, error, result);
        else if (id === null && error) this.#unmatched.push({ error, upTo: this.#order });
        this.#match();
    }

    /* The connection has ended with this close code. Rejects every call. */
    end(code, message) {
        const entries = [...this.#entries.values()];
        const suspects = REFUSALS.has(code) ? entries.filter(({ call }) => !call?.harmless) : [];
        this.#entries.clear();
        this.#unmatched = [];
        for (const entry of entries) {
            this.#options.clearTimeout(entry.timer);
            entry.call?.reject(endOf(suspects, entry, code, message));
        }
    }

    #settle(id, { call, timer }, error, result) {
        this.#entries.delete(id);
        this.#options.clearTimeout(timer);
        if (error) call?.reject(new RpcError(error, call.method));
        else call?.resolve(result);
    }

    /* Nobody waits for it any more, but an answer with id null may still be its answer, for a while. */
    #leave(entry) {
        entry.call = undefined;
        entry.forgetAt = this.#options.now() + this.#options.callTimeoutMs;
        if (this.#entries.size <= ENTRIES_MAX) return;
        const oldest = [...this.#entries].find(([, { call }]) => !call);
        this.#entries.delete(oldest[0]);
    }

    #match() {
        if (this.#unmatched.length === 0) return;
        this.#forget();
        for (let count = 1; count <= this.#unmatched.length; count += 1) {
            const { upTo } = this.#unmatched[count - 1];
            const suspects = [...this.#entries].filter(([, { order }]) => order <= upTo);
            if (suspects.length > count) continue;
            const answers = this.#unmatched.splice(0, count);
            suspects.forEach(([id, entry], i) => this.#settle(id, entry, answers[i].error));
            count = 0;
        }
    }

    #forget() {
        const now = this.#options.now();
        for (const [id, { forgetAt }] of this.#entries) if (forgetAt <= now) this.#entries.delete(id);
    }
}

function endOf(suspects, entry, code, message) {
    const suspected = suspects.includes(entry);
    if (suspected && suspects.length === 1) {
        return new ConnectionError("refused", `The server closed the connection (code ${code}) because of this call.`);
    }
    return new ConnectionError("closed", message, { inDoubt: suspected });
}
