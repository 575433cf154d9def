/* The users whom the user has blocked, and a button that unblocks each. */

import { nameOf } from "../text/names.js";
import { h } from "./dom.js";
import { face } from "./face.js";
import { ListSheet } from "./list_sheet.js";

export class Blocked extends ListSheet {
    constructor(app) {
        super(app, "blocked", {
            title: "blocked.title", none: "blocked.none", failed: "blocked.failed", forbidden: "blocked.forbidden",
        });
    }

    async read(session) {
        return session.listBlocked();
    }

    row(user) {
        const { t, strings } = this.app;
        const picture = face(36);
        const name = nameOf(user);
        picture.show(user, false);
        return h("li.entry", { data: { tag: user.tag } }, picture.element,
            h("div", {}, h("b", { dir: "auto" }, name), h("p", {}, h("bdi", { dir: "ltr" }, user.tag), " · ",
                t("blocked.since", { when: strings.dates.brief(user.blockedAt) }))),
            h("button.secondary", {
                type: "button", aria: { label: t("blocked.unblockNamed", { name }) },
                on: { click: () => this.change((session) => session.unblock(user.tag)) },
            }, t("relation.unblock")));
    }
}
