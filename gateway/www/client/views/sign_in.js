/* The first screen: log in or sign up. Errors stand at their field, once something is wrong. */

import { logIn, registrationOffer, signUp } from "../server/accounts.js";
import { secretOf } from "./address.js";
import { drawing, h, setText } from "./dom.js";
import { Forgot } from "./forgot.js";
import { FormFields } from "./form_fields.js";
import { LOGO } from "./icons.js";

/* As the server checks them; see docs/api.md. The server decides. */
const FIELDS = {
    firstName: { autocomplete: "given-name", isGood: (text) => text.length <= 64 },
    lastName: { autocomplete: "family-name", isGood: (text) => text.length <= 64 },
    tag: { autocomplete: "nickname", isGood: (text) => /^@?[A-Za-z]\w{0,31}$/.test(text) },
    email: { autocomplete: "username", type: "email", isGood: (text) => /^\S+@\S+\.\S+$/.test(text) },
    password: { type: "password", isGood: () => true }, // each server has a minimum of its own
    invite: { autocomplete: "off", isGood: () => true }, // asked for where it is needed
};

export class SignIn {
    #app;
    #done;
    #fields = new FormFields("sign-in", () => { this.#problem.hidden = true; });
    #isNew = false;
    #offer = { mode: "" }; // of the server, once it is known
    #card;
    #forgot;
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
        this.#forgot = h("button.link", { type: "button", hidden: true, data: { opens: "forgot" }, on: { click: () => this.#openForgot() } },
            app.t("logIn.forgot"));
        this.#card = h("div.card", {}, drawing("logo", "0 0 64 64", LOGO), this.#title, this.#note, form, this.#switch, this.#forgot);
        this.element = h("main.sign-in", {}, this.#card);
        this.#fields.input("invite").value = secretOf("invite");
        this.#turn(secretOf("invite") !== "");
        this.#learnOffer();
    }

    /* Why the user sees this screen; "": for the first time. */
    show(note) {
        this.note(note);
        this.#fields.input(this.#isNew ? "firstName" : "email").focus();
    }

    /* Until it is known, a sign-up is offered: the server decides. */
    async #learnOffer() {
        this.#offer = await registrationOffer();
        this.#showOffer();
    }

    #showOffer() {
        const isClosed = this.#offer.mode === "closed";
        this.#switch.hidden = isClosed && !this.#isNew;
        if (isClosed && this.#isNew) this.#turn(false);
        this.#card.querySelector("[data-field=invite]").hidden = !this.#asksForInvite();
        this.#forgot.hidden = this.#isNew || !this.#offer.resetsByMail;
    }

    #asksForInvite() {
        return this.#isNew && (this.#offer.mode === "invite" || this.#fields.input("invite").value !== "");
    }

    note(text) {
        this.#note.hidden = text === "";
        setText(this.#note, text);
        this.#button.disabled = false;
    }

    /* In place of the card, until it is done. */
    #openForgot() {
        const forgot = new Forgot(this.#app, this.#fields.input("email").value.trim(), (note) => {
            this.element.replaceChildren(this.#card);
            this.note(note);
            this.#fields.input("email").focus();
        });
        this.element.replaceChildren(forgot.element);
        forgot.show();
    }

    #field(name) {
        const { t } = this.#app;
        const { type = "text", autocomplete } = FIELDS[name];
        return this.#fields.add(name, t(`field.${name}`), { type, autocomplete, autocapitalize: name.endsWith("Name") ? "words" : "none" },
            name === "tag" ? t("field.tag.hint") : "");
    }

    #turn(isNew) {
        const { t } = this.#app;
        this.#isNew = isNew;
        setText(this.#title, t(isNew ? "signUp.title" : "logIn.title"));
        setText(this.#button, t(isNew ? "signUp.button" : "logIn.button"));
        setText(this.#switch, t(isNew ? "signUp.switch" : "logIn.switch"));
        for (const name of ["firstName", "lastName", "tag"]) this.#card.querySelector(`[data-field=${name}]`).hidden = !isNew;
        this.element.classList.toggle("new", isNew);
        this.#showOffer();
        this.#fields.input("password").autocomplete = isNew ? "new-password" : "current-password";
        this.#clearAll();
        this.#fields.input(isNew ? "firstName" : "email").focus();
    }

    #clearAll() {
        this.#fields.clear();
        this.#problem.hidden = true;
    }

    async #submit(event) {
        event.preventDefault();
        this.#clearAll();
        const values = this.#values();
        if (!this.#check(values)) return;
        this.#button.disabled = true;
        try {
            if (this.#isNew && !await signUp(values)) {
                this.#waitForProof(values.email);
                return;
            }
            if (!this.#isNew) await logIn(values);
            this.#done(values.email); // the button stays disabled: this screen goes as soon as the server has accepted the token
        } catch (error) {
            this.#explain(error);
            this.#button.disabled = false;
        }
    }

    /* There is no account yet, or there was one already: only the mail says which. */
    #waitForProof(email) {
        this.#turn(false);
        this.note(this.#app.t("signUp.proof", { email }));
        this.#fields.input("password").value = "";
    }

    #values() {
        const values = Object.fromEntries(this.#fields.names.map((name) => [name, this.#fields.input(name).value]));
        const tag = values.tag.trim();
        return {
            ...values, email: values.email.trim(), firstName: values.firstName.trim(), lastName: values.lastName.trim(),
            tag: tag.startsWith("@") ? tag : `@${tag}`, invite: values.invite.trim(),
        };
    }

    /* What can be known without the server. */
    #check(values) {
        const { t } = this.#app;
        const names = this.#isNew ? Object.keys(FIELDS).filter((name) => name !== "invite" || this.#asksForInvite())
            : ["email", "password"];
        for (const name of names) {
            const text = values[name].replace(/^@$/, "");
            if (text === "") this.#fields.showProblem(name, t("field.missing"));
            else if (this.#isNew && !FIELDS[name].isGood(text)) this.#fields.showProblem(name, t(`field.${name}.bad`));
        }
        return this.#fields.focusFirstProblem();
    }

    #explain({ name, message, retryInS }) {
        const { t } = this.#app;
        const field = this.#fieldOf(name, message);
        if (field) {
            this.#fields.showProblem(field, t(`field.${field}.bad`, limitsIn(message)));
            this.#fields.focusFirstProblem();
            return;
        }
        const known = ["AccountDisabledError", "AuthError", "RateLimitError", "RegistrationClosedError", "Unreachable",
            "UserAlreadyExistError"].includes(name);
        setText(this.#problem, known ? t(`problem.${name}`, { n: Math.max(1, retryInS) }) : t("problem.other", { message }));
        this.#problem.hidden = false;
    }

    /* The server's message begins with the name of the field. */
    #fieldOf(name, message) {
        if (name === "InviteError") {
            this.#offer.mode = "invite";
            this.#showOffer();
            return "invite";
        }
        if (name !== "IncorrectDataError") return "";
        return this.#fields.names.find((field) => new RegExp(`\\b${field}\\b`).test(message)) ?? "";
    }
}

/* "password: must have 8 to 1024 bytes": the minimum is that of the server. */
export function limitsIn(message) {
    const [, n = 8, most = 1024] = /(\d+) to (\d+)/.exec(message) ?? [];
    return { n: Number(n), most: Number(most) };
}
