// What stands in for the WebSocket class and the timers in the tests of the modules.

export class FakeWebSocket {
    static made = [];

    constructor(url) {
        if (url === "bad") throw new SyntaxError("bad address");
        this.url = url;
        this.readyState = 0;
        this.sent = [];
        this.closedWith = null;
        FakeWebSocket.made.push(this);
    }

    send(text) {
        this.sent.push(text);
    }

    close(code) {
        this.readyState = 2;
        this.closedWith = code;
    }

    // What the server does.
    open() {
        this.readyState = 1;
        this.onopen?.({});
    }

    answer(value) {
        this.onmessage?.({ data: typeof value === "string" ? value : JSON.stringify(value) });
    }

    end(code = 1006, reason = "") {
        this.readyState = 3;
        this.onclose?.({ code, reason });
    }
}

export class FakeTimers {
    now = 0;
    #timers = new Map();
    #lastId = 0;

    set = (run, ms) => {
        this.#timers.set(++this.#lastId, { run, at: this.now + ms });
        return this.#lastId;
    };

    clear = (id) => this.#timers.delete(id);

    get count() {
        return this.#timers.size;
    }

    advance(ms) {
        this.now += ms;
        for (const [id, timer] of [...this.#timers]) {
            if (timer.at > this.now || !this.#timers.delete(id)) continue;
            timer.run();
        }
    }
}
