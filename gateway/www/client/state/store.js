/* Holds the state. Views subscribe; they are called once for all actions of a moment. */

import { emptyState, reduce } from "./state.js";

export class Store {
    #state = emptyState();
    #views = new Set();
    #due = false;
    #schedule;

    /* `schedule(run)`: calls `run` later; in a browser, before the next moment at which it can paint. */
    constructor(schedule = (run) => queueMicrotask(run)) {
        this.#schedule = schedule;
    }

    get state() {
        return this.#state;
    }

    dispatch(action) {
        const next = reduce(this.#state, action);
        if (next === this.#state) return;
        this.#state = next;
        if (this.#due) return;
        this.#due = true;
        this.#schedule(() => {
            this.#due = false;
            for (const view of [...this.#views]) view(this.#state);
        });
    }

    /* Forgets everything. */
    clear() {
        this.#state = emptyState();
    }

    /* Returns a function that ends it. */
    subscribe(view) {
        this.#views.add(view);
        return () => this.#views.delete(view);
    }
}
