/* What stands above the field of a conversation with a stranger, or instead of it with a blocked user, or a deleted
 * account. */

import { nameOf } from "../text/names.js";
import { h, setText } from "./dom.js";
import { Question } from "./question.js";

export class Relation {
    #app;
    #question;
    #text = h("p", { dir: "auto" });
    #problem = h("p.problem", { role: "alert", hidden: true });
    #accept;
    #block;
    #unblock;
    #dialog = null;

    constructor(app) {
        const { t } = app;
        const button = (kind, text, run) => h(kind, { type: "button", on: { click: run } }, t(text));
        this.#app = app;
        this.#question = new Question(app);
        this.#accept = button("button.secondary", "relation.accept", () => this.#decide((session, tag) => session.accept(tag)));
        this.#block = button("button.danger", "relation.block", () => this.ask());
        this.#unblock = button("button.secondary", "relation.unblock", () => this.#decide((session, tag) => session.unblock(tag)));
        this.element = h("div.relation", { hidden: true }, this.#text, this.#problem,
            h("div.buttons", {}, this.#accept, this.#block, this.#unblock));
    }

    update(dialog) {
        const { t } = this.#app;
        const { isRequest, isBlocked, user } = dialog;
        if (dialog.tag !== this.#dialog?.tag || user.isDeleted) this.#problem.hidden = true;
        if (user.isDeleted && !this.#dialog?.user.isDeleted) this.close(); // the question has the name
        this.#dialog = dialog;
        this.element.hidden = !user.isDeleted && !isRequest && !isBlocked;
        this.element.classList.toggle("ended", Boolean(user.isDeleted));
        if (user.isDeleted) setText(this.#text, t("deleted.note"));
        else setText(this.#text, t(isBlocked ? "relation.blocked" : "relation.request", { name: nameOf(user) }));
        this.#accept.hidden = this.#block.hidden = isBlocked;
        this.#unblock.hidden = !isBlocked;
    }

    /* Blocks the other user, if that is really wanted. */
    async ask() {
        const { t } = this.#app;
        const name = nameOf(this.#dialog.user);
        const isWanted = await this.#question.ask(t("relation.blockQuestion", { name }), t("relation.blockNote"), t("relation.block"));
        if (isWanted) await this.#decide((session, tag) => session.block(tag));
    }

    close() {
        this.#question.close();
    }

    async #decide(run) {
        const { tag } = this.#dialog;
        this.#problem.hidden = true;
        try {
            await run(this.#app.session, tag);
        } catch (error) {
            if (this.#dialog?.tag !== tag) return;
            setText(this.#problem, this.#app.t(error.reason ? "problem.Unreachable" : "profile.notSaved"));
            this.#problem.hidden = false;
            this.element.hidden = false;
        }
    }
}
