/* Whether the server is there: one quiet line, and only once it has been away for a moment. */

import { h, setText } from "./dom.js";

const PATIENCE_MS = 1500;

export class Connection {
    #app;
    #timer = null;

    constructor(app) {
        this.#app = app;
        this.element = h("p.connection", { role: "status", hidden: true });
    }

    /* `connection` as in server/session.js. */
    show(connection) {
        clearTimeout(this.#timer);
        if (connection === "current") {
            this.element.hidden = true;
            setText(this.element, "");
            return;
        }
        this.#timer = setTimeout(() => {
            setText(this.element, this.#app.t(navigator.onLine ? "connection.connecting" : "connection.offline"));
            this.element.hidden = false;
        }, this.element.hidden ? PATIENCE_MS : 0);
    }
}
