/* A button that saves all that the server has of the user as a file. */

import { h, setText } from "./dom.js";

export class Export {
    #app;
    #label;
    #showProblem;
    #changed;

    /* `showProblem(text)`; "" when there is none any more. `changed()`: when it begins to run, and has run. */
    constructor(app, label, showProblem, changed = () => {}) {
        this.#app = app;
        this.#label = label;
        this.#showProblem = showProblem;
        this.#changed = changed;
        this.element = h("button.secondary", { type: "button", data: { runs: "export" }, on: { click: () => this.#run() } }, label);
    }

    get isRunning() {
        return this.element.disabled;
    }

    async #run() {
        const { t, session, store } = this.#app;
        this.#showProblem("");
        this.#show(true, t("profile.exporting"));
        const parts = await session.exportData();
        this.#show(false, this.#label);
        if (parts) save(parts, `messenger-${store.state.self.tag.slice(1)}.ndjson`);
        else this.#showProblem(t("problem.Unreachable"));
    }

    #show(isRunning, text) {
        this.element.disabled = isRunning;
        setText(this.element, text);
        this.#changed();
    }
}

function save(parts, name) {
    const address = URL.createObjectURL(new Blob(parts, { type: "application/x-ndjson" }));
    h("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000); // the browser has it by then
}
