/*
 * A sheet with a list that is read from the server when it is opened, and again after each change. What
 * extends it has `read(session)`, the items, and `row(item)`, an element for each. `words`: the keys of its
 * strings, {title, none, failed, forbidden}: when there is no item, when it could not be read, and of what
 * the server forbids.
 */

import { h, setText } from "./dom.js";
import { sheet } from "./sheet.js";

export class ListSheet {
    #words;
    #sheet;
    #status = h("p.hint", { role: "status" });
    #problem = h("p.problem", { role: "alert", hidden: true });
    #list = h("ul", { tabindex: "-1" });
    #reading = 0; // changes with each reading of the list
    #isOpen = false;

    constructor(app, name, words, ...above) {
        this.app = app;
        this.#words = words;
        this.#list.setAttribute("aria-label", app.t(words.title));
        this.#sheet = sheet(app, app.t(words.title), h(`div.listed.${name}`, {}, ...above, this.#status, this.#problem, this.#list),
            () => { this.#isOpen = false; });
    }

    open() {
        this.#isOpen = true;
        this.#list.replaceChildren();
        this.#showProblem("");
        this.#showStatus("devices.loading");
        this.#sheet.open();
        this.#read();
    }

    close() {
        this.#sheet.close();
    }

    /* Runs a change of the list; a failure is shown. */
    async change(run) {
        this.#showProblem("");
        const problem = await run(this.app.session).then(() => "", (error) => this.#problemOf(error));
        await this.#read();
        this.#showProblem(problem);
        if (this.#isOpen && !this.#sheet.element.contains(document.activeElement)) this.#list.focus(); // the button is gone
    }

    #problemOf({ code, reason }) {
        if (code === -32_004) return this.app.t(this.#words.forbidden);
        return this.app.t(reason ? "problem.Unreachable" : "profile.notSaved"); // a ConnectionError has a reason
    }

    async #read() {
        const reading = (this.#reading += 1);
        const items = await this.read(this.app.session).catch(() => null);
        if (reading !== this.#reading) return;
        if (items) this.#list.replaceChildren(...items.map((item) => this.row(item)));
        const { failed, none } = this.#words;
        this.#showStatus(items === null ? failed : items.length === 0 ? none : "");
    }

    #showStatus(key) {
        setText(this.#status, key && this.app.t(key));
        this.#status.hidden = key === "";
    }

    #showProblem(text) {
        setText(this.#problem, text);
        this.#problem.hidden = text === "";
    }
}
