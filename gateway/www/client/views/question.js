/* A question before something that cannot be taken back. */

import { h, setText } from "./dom.js";
import { sheet } from "./sheet.js";

export class Question {
    #sheet;
    #title;
    #text = h("p");
    #yes;
    #answer = () => {};

    constructor(app) {
        this.#yes = h("button.danger", { type: "button", on: { click: () => this.#close(true) } });
        const no = h("button.secondary", { type: "button", autofocus: true, on: { click: () => this.#close(false) } }, app.t("sheet.cancel"));
        this.#sheet = sheet(app, "", h("div.question", {}, this.#text, h("div.buttons", {}, no, this.#yes)), () => this.#answer(false));
        this.#title = this.#sheet.element.querySelector("h2");
        this.#title.dir = "auto";
    }

    /* Resolves with whether the user wants it; `button` names what is done then. */
    ask(title, text, button) {
        setText(this.#title, title);
        setText(this.#text, text);
        setText(this.#yes, button);
        this.#sheet.open();
        return new Promise((resolve) => { this.#answer = resolve; });
    }

    close() {
        this.#close(false);
    }

    #close(isWanted) {
        this.#answer(isWanted);
        this.#sheet.close();
    }
}
