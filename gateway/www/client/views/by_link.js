/* What the link of an administrator or of a mail leads to: a new password, or the proof of an e-mail address. Both ask for a
 * password. Errors stand at the field; the server decides what is wrong. */

import { proveEmail, resetPassword } from "../server/accounts.js";
import { drawing, h, setText } from "./dom.js";
import { FormFields } from "./form_fields.js";
import { LOGO } from "./icons.js";
import { limitsIn } from "./sign_in.js";

/* By the part of the address that stands before the code. */
const PURPOSES = {
    reset: {
        title: "reset.title", note: "reset.note", password: "password.new", autocomplete: "new-password", button: "reset.button",
        cancel: "reset.cancel", bad: "reset.bad", send: resetPassword, doneNote: (t) => t("reset.done"),
    },
    prove: {
        title: "prove.title", note: "prove.note", password: "field.password", autocomplete: "current-password",
        button: "prove.button", cancel: "prove.cancel", bad: "prove.bad", send: proveEmail, doneNote: () => "",
    },
};

export class ByLink {
    #app;
    #code;
    #purpose;
    #done;
    #fields;
    #problem = h("p.problem", { role: "alert", hidden: true });
    #button;

    /* `name` is "reset" or "prove". `done(note, hasToken)` when there is nothing more to do here, with what is to be said of
     * it. */
    constructor(app, name, code, done) {
        const { t } = app;
        this.#app = app;
        this.#code = code;
        this.#purpose = PURPOSES[name];
        this.#done = done;
        this.#fields = new FormFields(name, () => { this.#problem.hidden = true; });
        const { title, note, password, autocomplete, button, cancel } = this.#purpose;
        this.#button = h("button.main", {}, t(button));
        const user = h("input.hidden", { name: "username", autocomplete: "username", tabindex: "-1", aria: { hidden: "true" } });
        const form = h("form", { novalidate: true, on: { submit: (event) => this.#submit(event) } }, user,
            this.#fields.add("password", t(password), { type: "password", autocomplete }), this.#problem, this.#button);
        this.element = h(`main.sign-in.${name}`, {}, h("div.card", {}, drawing("logo", "0 0 64 64", LOGO), h("h1", {}, t(title)),
            h("p.note", {}, t(note)), form,
            h("button.link", { type: "button", on: { click: () => done("", false) } }, t(cancel))));
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
            await this.#purpose.send(this.#code, password);
            this.#done(this.#purpose.doneNote(this.#app.t), this.#purpose.send === proveEmail);
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
        if (name === "AuthError") {
            this.#refuse(t("prove.wrong"));
            return;
        }
        if (name === "IncorrectDataError" && message.startsWith("password:")) {
            this.#refuse(/\d/.test(message) ? t("field.password.bad", limitsIn(message)) : t("password.control"));
            return;
        }
        setText(this.#problem, this.#textOf(name, message, retryInS));
        this.#problem.hidden = false;
    }

    #textOf(name, message, retryInS) {
        const { t } = this.#app;
        if (name === "IncorrectDataError") return t(this.#purpose.bad);
        if (name === "UserAlreadyExistError") return t("prove.taken");
        if (name === "InviteError") return t("field.invite.bad");
        if (name === "RegistrationClosedError") return t("problem.RegistrationClosedError");
        if (name === "Unreachable") return t("problem.Unreachable");
        if (name === "RateLimitError") return t("problem.RateLimitError", { n: Math.max(1, retryInS) });
        return t("problem.other", { message });
    }
}
