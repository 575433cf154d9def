/* The card by which the user asks for a mail with a link that sets a new password. The server does not say whether the
 * address has an account, and neither does this. */

import { requestReset } from "../server/accounts.js";
import { h, setText } from "./dom.js";
import { FormFields } from "./form_fields.js";

export class Forgot {
    #app;
    #done;
    #fields = new FormFields("forgot", () => { this.#problem.hidden = true; });
    #problem = h("p.problem", { role: "alert", hidden: true });
    #button;

    /* `email`: what has been typed so far. `done(note)` when there is nothing more to do here. */
    constructor(app, email, done) {
        const { t } = app;
        this.#app = app;
        this.#done = done;
        this.#button = h("button.main", {}, t("forgot.button"));
        const form = h("form", { novalidate: true, on: { submit: (event) => this.#submit(event) } },
            this.#fields.add("email", t("field.email"), { type: "email", autocomplete: "username", value: email }), this.#problem,
            this.#button);
        this.element = h("div.card.forgot", {}, h("h1", {}, t("forgot.title")), h("p.note", {}, t("forgot.note")), form,
            h("button.link", { type: "button", on: { click: () => done("") } }, t("forgot.cancel")));
    }

    show() {
        this.#fields.input("email").focus();
    }

    async #submit(event) {
        event.preventDefault();
        this.#fields.clear();
        this.#problem.hidden = true;
        const { t } = this.#app;
        const email = this.#fields.input("email").value.trim();
        if (email === "") {
            this.#refuse(t("field.missing"));
            return;
        }
        this.#button.disabled = true;
        try {
            await requestReset(email);
            this.#done(t("forgot.sent", { email }));
        } catch (error) {
            this.#explain(error);
            this.#button.disabled = false;
        }
    }

    #refuse(problem) {
        this.#fields.showProblem("email", problem);
        this.#fields.focusFirstProblem();
    }

    #explain({ name, message, retryInS }) {
        const { t } = this.#app;
        if (name === "IncorrectDataError") {
            this.#refuse(t("field.email.bad"));
            return;
        }
        setText(this.#problem, name === "Unreachable" ? t("problem.Unreachable")
            : name === "RateLimitError" ? t("problem.RateLimitError", { n: Math.max(1, retryInS) }) : t("problem.other", { message }));
        this.#problem.hidden = false;
    }
}
