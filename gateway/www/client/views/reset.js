/* A new password, by an administrator's link. Errors stand at the field; the server decides what is wrong. */

import { resetPassword } from "../server/accounts.js";
import { drawing, h, setText } from "./dom.js";
import { FormFields } from "./form_fields.js";
import { LOGO } from "./icons.js";
import { limitsIn } from "./sign_in.js";

export class Reset {
    #app;
    #code;
    #done;
    #fields = new FormFields("reset", () => { this.#problem.hidden = true; });
    #problem = h("p.problem", { role: "alert", hidden: true });
    #button;

    /* `done(note)` when there is nothing more to do here, with what is to be said of it. */
    constructor(app, code, done) {
        const { t } = app;
        this.#app = app;
        this.#code = code;
        this.#done = done;
        this.#button = h("button.main", {}, t("reset.button"));
        const user = h("input.hidden", { name: "username", autocomplete: "username", tabindex: "-1", aria: { hidden: "true" } });
        const form = h("form", { novalidate: true, on: { submit: (event) => this.#submit(event) } }, user,
            this.#fields.add("password", t("password.new"), { type: "password", autocomplete: "new-password" }), this.#problem,
            this.#button);
        this.element = h("main.sign-in.reset", {}, h("div.card", {}, drawing("logo", "0 0 64 64", LOGO), h("h1", {}, t("reset.title")),
            h("p.note", {}, t("reset.note")), form,
            h("button.link", { type: "button", on: { click: () => done("") } }, t("reset.cancel"))));
    }

    show() {
        this.#fields.input("password").focus();
    }

    async #submit(event) {
        event.preventDefault();
        this.#fields.clear();
        this.#problem.hidden = true;
        const password = this.#fields.input("password").value;
        if (password === "") {
            this.#refuse(this.#app.t("field.missing"));
            return;
        }
        this.#button.disabled = true;
        try {
            await resetPassword(this.#code, password);
            this.#done(this.#app.t("reset.done"));
        } catch (error) {
            this.#explain(error);
            this.#button.disabled = false;
        }
    }

    #refuse(problem) {
        this.#fields.showProblem("password", problem);
        this.#fields.focusFirstProblem();
    }

    #explain({ name, message, retryInS }) {
        const { t } = this.#app;
        if (name === "IncorrectDataError" && message.startsWith("password:")) {
            this.#refuse(/\d/.test(message) ? t("field.password.bad", limitsIn(message)) : t("password.control"));
            return;
        }
        setText(this.#problem, this.#textOf(name, message, retryInS));
        this.#problem.hidden = false;
    }

    #textOf(name, message, retryInS) {
        const { t } = this.#app;
        if (name === "IncorrectDataError") return t("reset.bad");
        if (name === "Unreachable") return t("problem.Unreachable");
        if (name === "RateLimitError") return t("problem.RateLimitError", { n: Math.max(1, retryInS) });
        return t("problem.other", { message });
    }
}
