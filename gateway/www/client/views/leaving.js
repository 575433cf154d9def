/* The way out for good: what is deleted and what stays, the password, and that it is really meant. */

import { h, setText } from "./dom.js";
import { Export } from "./export.js";
import { FormFields } from "./form_fields.js";
import { sheet } from "./sheet.js";

const INVALID = -32_602;
const LIMITED = -32_002;
const LEFT_TO_RIGHT = "\u2066"; // whatever is around it, to the end
const END = "\u2069";

export class Leaving {
    #app;
    #sheet;
    #fields = new FormFields("leaving", () => this.#showProblem(""));
    #user = h("input.hidden", { name: "username", autocomplete: "username", tabindex: "-1", aria: { hidden: "true" } });
    #tag = h("li");
    #export;
    #sure;
    #unsure = h("p.problem", { id: "leaving-unsure", hidden: true });
    #offline;
    #problem = h("p.problem", { role: "alert", hidden: true });
    #button;
    #isBusy = false;
    #isConnected = false;

    constructor(app) {
        const { t } = app;
        this.#app = app;
        this.#export = new Export(app, t("leaving.export"), (text) => this.#showProblem(text), () => this.#update());
        this.#sure = h("input", {
            type: "checkbox", id: "leaving-sure", aria: { describedby: "leaving-unsure" }, on: { change: () => this.#showUnsure("") },
        });
        this.#offline = h("p.hint", { role: "status" }, t("sheet.offline"));
        this.#button = h("button.danger", {}, t("leaving.button"));
        this.#sheet = sheet(app, t("leaving.title"), h("div.leaving", {}, ...this.#consequences(), this.#form()), () => this.#empty());
    }

    open() {
        const { t, email, store } = this.#app;
        this.#empty();
        this.#user.value = email;
        setText(this.#tag, t("leaving.tag", { tag: `${LEFT_TO_RIGHT}${store.state.self?.tag ?? ""}${END}` }));
        this.#sheet.open();
    }

    close() {
        this.#sheet.close();
    }

    /* `connection` as in server/session.js. */
    showConnection(connection) {
        this.#isConnected = connection === "current";
        this.#update();
    }

    #consequences() {
        const { t } = this.#app;
        return [
            h("div", {}, h("h3", {}, t("leaving.goes")), h("ul", {}, h("li", {}, t("leaving.profile")), h("li", {}, t("leaving.devices")),
                h("li", {}, t("leaving.texts")))),
            h("div", {}, h("h3", {}, t("leaving.stays")), h("ul", {}, this.#tag, h("li", {}, t("leaving.others")),
                h("li", {}, t("leaving.copies")))),
            h("div.buttons", {}, this.#export.element),
        ];
    }

    #form() {
        const { t } = this.#app;
        return h("form", { novalidate: true, on: { submit: (event) => this.#submit(event) } }, this.#user,
            this.#fields.add("password", t("field.password"), { type: "password", autocomplete: "current-password" }),
            h("div", {}, h("label.sure", {}, this.#sure, h("span", {}, t("leaving.sure"))), this.#unsure),
            this.#problem, this.#offline, this.#button);
    }

    /* No password stays in the document. */
    #empty() {
        this.#fields.input("password").value = "";
        this.#user.value = "";
        this.#sure.checked = false;
        this.#clear();
        this.#update();
    }

    #clear() {
        this.#fields.clear();
        this.#showUnsure("");
        this.#showProblem("");
    }

    #update() {
        this.#offline.hidden = this.#isConnected;
        this.#button.disabled = !this.#isConnected || this.#isBusy || this.#export.isRunning;
    }

    async #submit(event) {
        event.preventDefault();
        if (this.#button.disabled) return;
        this.#clear();
        if (!this.#isComplete()) return;
        this.#isBusy = true;
        this.#update();
        try {
            await this.#app.deleteAccount(this.#fields.input("password").value);
        } catch (error) {
            this.#explain(error);
        } finally {
            this.#isBusy = false;
            this.#update();
        }
    }

    #isComplete() {
        const { t } = this.#app;
        if (this.#fields.input("password").value === "") this.#fields.showProblem("password", t("field.missing"));
        if (!this.#sure.checked) this.#showUnsure(t("field.missing"));
        if (this.#fields.focusFirstProblem() && !this.#sure.checked) this.#sure.focus();
        return this.#fields.input("password").value !== "" && this.#sure.checked;
    }

    #explain({ code, reason, message, data }) {
        const { t } = this.#app;
        if (code === INVALID && data?.reason?.startsWith("password:")) {
            this.#fields.showProblem("password", t("password.wrong"));
            this.#fields.focusFirstProblem();
        } else if (code === LIMITED) {
            this.#showProblem(t("problem.RateLimitError", { n: Math.max(1, Math.ceil((data?.retryAfterMs ?? 0) / 1000)) }));
        } else {
            this.#showProblem(isUnknown(code, reason) ? t("leaving.unknown") : t("problem.other", { message }));
        }
    }

    #showUnsure(text) {
        setText(this.#unsure, text);
        this.#unsure.hidden = text === "";
        if (text) this.#sure.setAttribute("aria-invalid", "true");
        else this.#sure.removeAttribute("aria-invalid");
    }

    #showProblem(text) {
        setText(this.#problem, text);
        this.#problem.hidden = text === "";
    }
}

/* Whether the account may be deleted all the same: a service or the connection failed before the answer. */
function isUnknown(code, reason) {
    return code === -32_001 || reason !== undefined;
}
