/* The first screen: log in or sign up. Errors stand at their field, once something is wrong. */

import { logIn, signUp } from "../server/accounts.js";
import { drawing, h, setText } from "./dom.js";
import { LOGO } from "./icons.js";

/* As the server checks them; see docs/api.md. The server decides. */
const FIELDS = {
    firstName: { autocomplete: "given-name", isGood: (text) => text.length <= 64 },
    lastName: { autocomplete: "family-name", isGood: (text) => text.length <= 64 },
    tag: { autocomplete: "nickname", isGood: (text) => /^@?[A-Za-z]\w{0,31}$/.test(text) },
    email: { autocomplete: "username", type: "email", isGood: (text) => /^\S+@\S+\.\S+$/.test(text) },
    password: { type: "password", isGood: () => true }, // each server has a minimum of its own
};

export class SignIn {
    #app;
    #done;
    #fields = new Map(); // name -> {input, problem}
    #isNew = false;
    #note;
    #problem = h("p.problem", { role: "alert", hidden: true });
    #title = h("h1");
    #button = h("button.main");
    #switch;

    /* `done(email)` once the browser has a token. */
    constructor(app, done) {
        this.#app = app;
        this.#done = done;
        this.#note = h("p.note", { role: "status", hidden: true });
        this.#switch = h("button.link", { type: "button", on: { click: () => this.#turn(!this.#isNew) } });
        const form = h("form", { novalidate: true, on: { submit: (event) => this.#submit(event) } },
            ...Object.keys(FIELDS).map((name) => this.#field(name)), this.#problem, this.#button);
        this.element = h("main.sign-in", {}, h("div.card", {}, drawing("logo", "0 0 64 64", LOGO), this.#title,
            this.#note, form, this.#switch));
        this.#turn(false);
    }

    /* Why the user sees this screen; "": for the first time. */
    show(note) {
        this.note(note);
        this.#fields.get("email").input.focus();
    }

    note(text) {
        this.#note.hidden = text === "";
        setText(this.#note, text);
        this.#button.disabled = false;
    }

    #field(name) {
        const { t } = this.#app;
        const { type = "text", autocomplete } = FIELDS[name];
        const id = `sign-in-${name}`;
        const input = h("input", {
            id, name, type, autocomplete, dir: "auto", spellcheck: "false", autocapitalize: name.endsWith("Name") ? "words" : "none",
            aria: { describedby: `${id}-problem` }, on: { input: () => this.#clear(name) },
        });
        const problem = h("p.problem", { id: `${id}-problem`, hidden: true });
        const hint = name === "tag" ? t("field.tag.hint") : "";
        this.#fields.set(name, { input, problem });
        return h("div.input", { data: { field: name } }, h("label", { for: id }, t(`field.${name}`)), input,
            hint ? h("p.hint", {}, hint) : null, problem);
    }

    #turn(isNew) {
        const { t } = this.#app;
        this.#isNew = isNew;
        setText(this.#title, t(isNew ? "signUp.title" : "logIn.title"));
        setText(this.#button, t(isNew ? "signUp.button" : "logIn.button"));
        setText(this.#switch, t(isNew ? "signUp.switch" : "logIn.switch"));
        for (const name of ["firstName", "lastName", "tag"]) this.element.querySelector(`[data-field=${name}]`).hidden = !isNew;
        this.element.classList.toggle("new", isNew);
        this.#fields.get("password").input.autocomplete = isNew ? "new-password" : "current-password";
        this.#clearAll();
        this.#fields.get(isNew ? "firstName" : "email").input.focus();
    }

    #clear(name) {
        this.#showProblem(name, "");
        this.#problem.hidden = true;
    }

    #clearAll() {
        for (const name of this.#fields.keys()) this.#clear(name);
    }

    #showProblem(name, text) {
        const { input, problem } = this.#fields.get(name);
        problem.hidden = text === "";
        setText(problem, text);
        if (text) input.setAttribute("aria-invalid", "true");
        else input.removeAttribute("aria-invalid");
    }

    async #submit(event) {
        event.preventDefault();
        this.#clearAll();
        const values = this.#values();
        if (!this.#check(values)) return;
        this.#button.disabled = true;
        try {
            await (this.#isNew ? signUp(values) : logIn(values));
            this.#done(values.email); // the button stays disabled: this screen goes as soon as the server has accepted the token
        } catch (error) {
            this.#explain(error);
            this.#button.disabled = false;
        }
    }

    #values() {
        const values = Object.fromEntries([...this.#fields].map(([name, { input }]) => [name, input.value]));
        const tag = values.tag.trim();
        return {
            ...values, email: values.email.trim(), firstName: values.firstName.trim(), lastName: values.lastName.trim(),
            tag: tag.startsWith("@") ? tag : `@${tag}`,
        };
    }

    /* What can be known without the server. */
    #check(values) {
        const { t } = this.#app;
        const names = this.#isNew ? Object.keys(FIELDS) : ["email", "password"];
        for (const name of names) {
            const text = values[name].replace(/^@$/, "");
            if (text === "") this.#showProblem(name, t("field.missing"));
            else if (this.#isNew && !FIELDS[name].isGood(text)) this.#showProblem(name, t(`field.${name}.bad`));
        }
        return this.#focusFirstProblem();
    }

    /* True when there is none. */
    #focusFirstProblem() {
        const first = [...this.#fields.values()].find(({ problem }) => !problem.hidden);
        first?.input.focus();
        return !first;
    }

    #explain({ name, message, retryInS }) {
        const { t } = this.#app;
        const field = this.#fieldOf(name, message);
        if (field) {
            this.#showProblem(field, t(`field.${field}.bad`, limitsIn(message)));
            this.#focusFirstProblem();
            return;
        }
        const known = ["AuthError", "Unreachable", "RateLimitError", "UserAlreadyExistError"].includes(name);
        setText(this.#problem, known ? t(`problem.${name}`, { n: Math.max(1, retryInS) }) : t("problem.other", { message }));
        this.#problem.hidden = false;
    }

    /* The server's message begins with the name of the field. */
    #fieldOf(name, message) {
        if (name !== "IncorrectDataError") return "";
        return [...this.#fields.keys()].find((field) => new RegExp(`\\b${field}\\b`).test(message)) ?? "";
    }
}

/* "password: must have 8 to 1024 bytes": the minimum is that of the server. */
export function limitsIn(message) {
    const [, n = 8, most = 1024] = /(\d+) to (\d+)/.exec(message) ?? [];
    return { n: Number(n), most: Number(most) };
}
