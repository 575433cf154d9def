/* Another password. Errors stand at their field; the server decides what is wrong. */

import { h, setText } from "./dom.js";
import { FormFields } from "./form_fields.js";
import { sheet } from "./sheet.js";
import { limitsIn } from "./sign_in.js";

const INVALID = -32_602;
const LIMITED = -32_002;
const CONFLICT = -32_003;
const UNAVAILABLE = -32_001;

export class Password {
    #app;
    #sheet;
    #form;
    #fields = new FormFields("password", () => { this.#problem.hidden = true; }); // by the names that the server has
    #user = h("input.hidden", { name: "username", autocomplete: "username", tabindex: "-1", aria: { hidden: "true" } });
    #show;
    #offline;
    #problem = h("p.problem", { role: "alert", hidden: true });
    #button;
    #done;
    #close;
    #isBusy = false;
    #isConnected = false;

    constructor(app) {
        const { t } = app;
        this.#app = app;
        this.#show = h("input", { type: "checkbox", role: "switch", on: { change: () => this.#showPasswords(this.#show.checked) } });
        this.#offline = h("p.hint", { role: "status" }, t("sheet.offline"));
        this.#button = h("button.main", {}, t("password.title"));
        this.#form = h("form", { novalidate: true, on: { submit: (event) => this.#submit(event) } }, this.#user,
            this.#fields.add("oldPassword", t("password.old"), { type: "password", autocomplete: "current-password" }),
            this.#fields.add("newPassword", t("password.new"), { type: "password", autocomplete: "new-password" }),
            h("label.choice", {}, h("span", {}, t("password.show")), this.#show), this.#problem, this.#offline, this.#button);
        this.#done = h("p", { role: "status" });
        this.#close = h("button.main", { type: "button", on: { click: () => this.close() } }, t("sheet.close"));
        this.#sheet = sheet(app, t("password.title"), h("div.password", {}, this.#form, this.#done, this.#close), () => this.#empty());
    }

    open() {
        this.#empty();
        this.#form.hidden = false;
        this.#close.hidden = true;
        setText(this.#done, "");
        this.#user.value = this.#app.email;
        this.#sheet.open();
        this.#fields.input("oldPassword").focus();
    }

    close() {
        this.#sheet.close();
    }

    /* `connection` as in server/session.js. */
    showConnection(connection) {
        this.#isConnected = connection === "current";
        this.#update();
    }

    /* No password stays in the document. */
    #empty() {
        for (const input of this.#fields.inputs()) input.value = "";
        this.#user.value = "";
        this.#show.checked = false;
        this.#showPasswords(false);
        this.#clearAll();
        this.#update();
    }

    #showPasswords(isShown) {
        for (const input of this.#fields.inputs()) input.type = isShown ? "text" : "password";
    }

    #update() {
        this.#offline.hidden = this.#isConnected;
        this.#button.disabled = !this.#isConnected || this.#isBusy;
    }

    #clearAll() {
        this.#fields.clear();
        this.#problem.hidden = true;
    }

    async #submit(event) {
        event.preventDefault();
        this.#clearAll();
        if (this.#button.disabled || !this.#isComplete()) return;
        this.#isBusy = true;
        this.#update();
        try {
            await this.#app.session.changePassword(this.#fields.input("oldPassword").value, this.#fields.input("newPassword").value);
            this.#succeeded();
        } catch (error) {
            this.#explain(error);
        } finally {
            this.#isBusy = false;
            this.#update();
        }
    }

    #isComplete() {
        for (const name of this.#fields.names) {
            if (this.#fields.input(name).value === "") this.#fields.showProblem(name, this.#app.t("field.missing"));
        }
        return this.#fields.focusFirstProblem();
    }

    #succeeded() {
        this.#empty();
        this.#form.hidden = true;
        this.#close.hidden = false;
        setText(this.#done, this.#app.t("password.changed"));
        this.#close.focus();
    }

    #explain(error) {
        const { t } = this.#app;
        const reason = error.data?.reason ?? "";
        if (error.code === INVALID && reason.startsWith("oldPassword:")) {
            this.#fields.showProblem("oldPassword", t("password.wrong"));
        } else if (error.code === INVALID && reason.startsWith("newPassword:")) {
            this.#fields.showProblem("newPassword", /\d/.test(reason) ? t("field.password.bad", limitsIn(reason)) : t("password.control"));
        } else {
            setText(this.#problem, this.#textOf(error));
            this.#problem.hidden = false;
        }
        this.#fields.focusFirstProblem();
    }

    /* Without an answer it is not known whether the password was changed. */
    #textOf({ code, reason, message, data }) {
        const { t } = this.#app;
        if (code === LIMITED) return t("problem.RateLimitError", { n: Math.max(1, Math.ceil((data?.retryAfterMs ?? 0) / 1000)) });
        if (code === CONFLICT) return t("password.conflict");
        if (code === UNAVAILABLE || reason === "timeout" || reason === "closed") return t("password.unknown");
        return t("problem.other", { message });
    }
}
