/* The user's invites: those that are not used, with a link for a new one, and who came by the others. */

import { h, setText } from "./dom.js";
import { ListSheet } from "./list_sheet.js";

export class Invites extends ListSheet {
    #link;

    constructor(app) {
        const link = h("input", { readonly: true, dir: "ltr", aria: { label: app.t("invites.link") }, hidden: true });
        const copied = h("p.hint", { role: "status", hidden: true });
        super(app, "invites", {
            title: "invites.title", none: "invites.none", failed: "invites.failed", forbidden: "invites.forbidden",
        }, h("div.made", {}, h("button.secondary", { type: "button", on: { click: () => this.#create(copied) } },
            app.t("invites.create")), link, copied));
        this.#link = link;
    }

    open() {
        this.#link.hidden = this.#link.nextElementSibling.hidden = true;
        super.open();
    }

    async read(session) {
        return session.listInvites();
    }

    row({ id, expires, usedByTag }) {
        const { t, strings } = this.app;
        const isOver = !usedByTag && expires < Date.now();
        const words = usedByTag ? t("invites.used", { tag: usedByTag })
            : t(isOver ? "invites.expired" : "invites.until", { when: strings.dates.brief(expires) });
        const button = usedByTag || isOver ? null : h("button.secondary", {
            type: "button", on: { click: () => this.change((session) => session.revokeInvite(id)) },
        }, t("invites.revoke"));
        return h("li.entry", { data: { id } }, h("div", {}, h("p", { dir: "auto" }, words)), button);
    }

    #create(copied) {
        return this.change(async (session) => {
            const { code } = await session.createInvite();
            const url = new URL("/", location.href);
            url.hash = `invite=${code}`;
            this.#link.value = url.href;
            this.#link.hidden = false;
            this.#link.select();
            const isCopied = await navigator.clipboard?.writeText(url.href).then(() => true, () => false);
            copied.hidden = false;
            setText(copied, this.app.t(isCopied ? "invites.copied" : "invites.copy"));
        });
    }
}
