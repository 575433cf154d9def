/* Who sees what of the user: two choices, and the ways to who is blocked and to invites. */

import { registrationOffer } from "../server/accounts.js";
import { Blocked } from "./blocked.js";
import { h, setText } from "./dom.js";
import { Invites } from "./invites.js";

const AUDIENCES = { everyone: "privacy.everyone", contacts: "privacy.contacts", nobody: "privacy.nobody" };

export class Privacy {
    #app;
    #blocked;
    #invites;
    #invitesButton;
    #problem = h("p.problem", { role: "alert", hidden: true });
    #selects = {};

    constructor(app) {
        const { t } = app;
        this.#app = app;
        this.#blocked = new Blocked(app);
        this.#invites = new Invites(app);
        this.#invitesButton = h("button.secondary", {
            type: "button", hidden: true, data: { opens: "invites" }, on: { click: () => this.#invites.open() },
        }, t("invites.title"));
        this.element = h("fieldset", {}, h("legend", {}, t("privacy.title")), this.#choice("online", "privacy.online"),
            this.#choice("readMarks", "privacy.readMarks"),
            this.#problem, h("div.buttons", {}, h("button.secondary", {
                type: "button", data: { opens: "blocked" }, on: { click: () => this.#blocked.open() },
            }, t("blocked.title")), this.#invitesButton));
    }

    /* Reads what the server has. */
    async open() {
        this.#problem.hidden = true;
        for (const select of Object.values(this.#selects)) select.disabled = true;
        const [privacy, { usersInvite }] = await Promise.all([this.#app.session?.privacy().catch(() => null), registrationOffer()]);
        this.#invitesButton.hidden = !usersInvite;
        if (privacy) this.#show(privacy);
    }

    close() {
        this.#blocked.close();
        this.#invites.close();
    }

    #choice(name, key) {
        const { t } = this.#app;
        const select = h("select", { disabled: true, data: { privacy: name }, on: { change: () => this.#change(name) } },
            ...Object.entries(AUDIENCES).map(([value, audience]) => h("option", { value }, t(audience))));
        this.#selects[name] = select;
        return h("label.choice", {}, h("span", {}, t(key)), select);
    }

    #show(privacy) {
        for (const [name, select] of Object.entries(this.#selects)) {
            select.value = privacy[name];
            select.dataset.saved = privacy[name];
            select.disabled = false;
        }
    }

    async #change(name) {
        const select = this.#selects[name];
        this.#problem.hidden = true;
        try {
            this.#show(await this.#app.session.setPrivacy({ [name]: select.value }));
        } catch (error) {
            select.value = select.dataset.saved;
            setText(this.#problem, this.#app.t(error.reason ? "problem.Unreachable" : "profile.notSaved"));
            this.#problem.hidden = false;
        }
    }
}
