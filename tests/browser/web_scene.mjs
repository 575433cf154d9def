// A session of the web client with a server behind a fake WebSocket, for web_session.mjs.
import { Session } from "./client/server/session.js";
import { dialogOf } from "./client/state/state.js";
import { Store } from "./client/state/store.js";
import { FakeTimers, FakeWebSocket } from "./fakes.mjs";

const EVENTS = ["connection", "unauthenticated", "user", "message", "deleted", "outcome"];
export const wire = () => FakeWebSocket.made.at(-1);
export const turn = () => new Promise((resolve) => { setImmediate(resolve); });

/* A session, and the server that it talks to; `hold`: methods that the server does not answer. */
export class Scene {
    hold = new Set();
    calls = []; // {method, params} that the server has answered or held, in order
    #answered = new Map(); // WebSocket -> how many of its requests
    #failures = [];

    constructor(server, { place, store = new Store(), ...options } = {}) {
        FakeWebSocket.made = [];
        this.server = server;
        this.store = store;
        this.timers = new FakeTimers();
        this.session = new Session(store, "ws://host/api", place, {
            WebSocket: FakeWebSocket, setTimeout: this.timers.set, clearTimeout: this.timers.clear,
                now: () => this.timers.now,
            random: () => 1, ...options,
        });
        this.events = [];
        for (const type of EVENTS) this.session.addEventListener(type, (event) => this.events.push(event));
    }

    of = (type) => this.events.filter((event) => event.type === type);
    called = (method) => this.calls.filter((call) => call.method === method).map(({ params }) => params);
    dialog = (tag = "@Ann") => dialogOf(this.store.state, tag);
    seqs = (tag) => this.dialog(tag).messages.map(({ seq }) => seq);
    open = (tag = "@Ann") => this.store.dispatch({ type: "opened", tag, user: { tag }, at: 0 });

    write(id, text = "hi", tag = "@Ann") {
        this.store.dispatch({ type: "written", tag, user: { tag }, id, text, date: 0 });
        return this.session.send(tag, { id, text });
    }

    /* Only the first calls of the method are answered. */
    holdAfter(method, count) {
        const answer = this.server.answer.bind(this.server);
        let left = count;
        this.server.answer = (request) => {
            if (request.method === method && (left -= 1) === 0) this.hold.add(method);
            return answer(request);
        };
    }

    /* The next call of the method gets this error. */
    fail(method, error) {
        this.#failures.push({ method, error });
    }

    /* Answers and notifies until nothing is left. */
    async run() {
        for (let quiet = 0; quiet < 3; quiet += 1) {
            await turn();
            if (this.#serve()) quiet = -1;
        }
    }

    #serve() {
        const to = wire();
        if (to?.readyState !== 1) return false;
        const from = this.#answered.get(to) ?? 0;
        const requests = to.sent.slice(from).map((text) => JSON.parse(text));
        this.#answered.set(to, to.sent.length);
        for (const request of requests) this.#answer(to, request);
        const notified = this.server.notified.splice(0);
        for (const notification of notified) to.answer(notification);
        return requests.length + notified.length > 0;
    }

    #answer(to, request) {
        this.calls.push({ method: request.method, params: request.params });
        if (this.hold.has(request.method)) return;
        const i = this.#failures.findIndex(({ method }) => method === request.method);
        const answer = i < 0 ? this.server.answer(request) : { error: this.#failures.splice(i, 1)[0].error };
        to.answer({ jsonrpc: "2.0", id: request.id, ...answer });
    }

    async connect() {
        this.session.connect();
        wire().open();
        await this.run();
    }

    lose(code = 1006) {
        wire().end(code);
        this.server.notified = [];
    }

    async reconnect() {
        this.session.wake();
        wire().open();
        await this.run();
    }

    async wait(ms) {
        this.timers.advance(ms);
        await this.run();
    }
}

export async function begun(server, options) {
    const scene = new Scene(server, options);
    await scene.connect();
    return scene;
}
