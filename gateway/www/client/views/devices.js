/* The user's devices: each session, where it was seen last, and a button that ends it. */

import { describeDevice, deviceName, sortSessions } from "../text/devices.js";
import { h, setText } from "./dom.js";
import { icon } from "./icons.js";
import { Question } from "./question.js";
import { sheet } from "./sheet.js";

export class Devices {
    #app;
    #sheet;
    #question;
    #status = h("p.hint", { role: "status" });
    #problem = h("p.problem", { role: "alert" });
    #failed;
    #list = h("ul", { tabindex: "-1" });
    #endOthers;
    #isOpen = false;
    #sessions = null; // null: not read yet
    #hasFailed = false;
    #isBusy = false;
    #isConnected = false;
    #reading = 0; // changes with each reading of the list

    constructor(app) {
        const { t } = app;
        this.#app = app;
        this.#question = new Question(app);
        this.#failed = h("div.failed", { hidden: true }, h("p.problem", { role: "alert" }, t("devices.failed")),
            h("button.secondary", { type: "button", on: { click: () => this.#read() } }, icon("retry"), t("talk.retry")));
        this.#endOthers = h("button.danger", { type: "button", on: { click: () => this.#askForOthers() } }, t("devices.endOthers"));
        this.#list.setAttribute("aria-label", t("devices.title"));
        this.#sheet = sheet(app, t("devices.title"), h("div.devices", {}, this.#status, this.#problem, this.#failed, this.#list,
            this.#endOthers), () => { this.#isOpen = false; });
    }

    open() {
        this.#isOpen = true;
        this.#sessions = null;
        this.#showProblem("");
        this.#sheet.open();
        this.#read();
    }

    close() {
        this.#question.close();
        this.#sheet.close();
    }

    /* `connection` as in server/session.js. */
    showConnection(connection) {
        const isConnected = connection === "current";
        if (isConnected === this.#isConnected) return;
        this.#isConnected = isConnected;
        if (isConnected && this.#isOpen) this.#read();
        else this.#show();
    }

    /* Without a connection, it is read as soon as there is one. */
    async #read() {
        const reading = (this.#reading += 1);
        this.#hasFailed = false;
        this.#show();
        if (!this.#isConnected) return;
        const sessions = await this.#app.session.listSessions().catch(() => null);
        if (reading !== this.#reading) return;
        this.#hasFailed = sessions === null && this.#isConnected;
        this.#sessions = sessions ? sortSessions(sessions) : this.#sessions;
        this.#list.replaceChildren(...(this.#sessions ?? []).map((session) => this.#row(session)));
        this.#show();
    }

    #row(session) {
        const { t, strings } = this.#app;
        const { device, address, lastSeen, isCurrent } = session;
        const { key, isHandheld } = describeDevice(device);
        const name = deviceName(device, t);
        const when = t("devices.seen", { when: strings.dates.brief(lastSeen) });
        const button = isCurrent ? null : h("button.secondary", {
            type: "button", aria: { label: t("devices.endNamed", { name }) }, on: { click: () => this.#askFor(session, name) },
        }, t("devices.end"));
        return h("li.device", { data: { id: session.id } }, icon(isHandheld ? "phone" : "computer"),
            h("div", {}, h("b", { dir: key ? null : "auto" }, name), isCurrent ? h("p.here", {}, t("devices.this")) : null), button,
            h("p", {}, address ? h("bdi", { dir: "ltr" }, address) : null, address ? " · " : null, when));
    }

    #show() {
        const { t } = this.#app;
        const isAlone = this.#sessions?.length === 1;
        this.#failed.hidden = !this.#hasFailed;
        this.#endOthers.hidden = this.#sessions === null || isAlone;
        if (!this.#isConnected) setText(this.#status, t("sheet.offline"));
        else if (this.#sessions === null) setText(this.#status, this.#hasFailed ? "" : t("devices.loading"));
        else setText(this.#status, isAlone ? t("devices.alone") : "");
        this.#status.hidden = this.#status.textContent === "";
        const isDisabled = !this.#isConnected || this.#isBusy;
        for (const button of this.#sheet.element.querySelectorAll(".devices button")) button.disabled = isDisabled;
    }

    async #askFor({ id }, name) {
        const { t } = this.#app;
        const isWanted = await this.#question.ask(t("devices.endQuestion", { name }), t("devices.endNote"), t("devices.end"));
        if (isWanted) await this.#end((session) => session.endSession(id));
    }

    async #askForOthers() {
        const { t } = this.#app;
        const isWanted = await this.#question.ask(t("devices.endOthersQuestion"), t("devices.endOthersNote"), t("devices.endOthers"));
        if (isWanted) await this.#end((session) => session.endOtherSessions());
    }

    async #end(run) {
        this.#isBusy = true;
        this.#showProblem("");
        this.#show();
        const isDone = await run(this.#app.session).then(() => true, () => false);
        this.#isBusy = false;
        await this.#read();
        if (!isDone) this.#showProblem(this.#app.t("devices.notEnded"));
        if (this.#isOpen) this.#list.focus(); // the button may be gone
    }

    #showProblem(text) {
        setText(this.#problem, text);
        this.#problem.hidden = text === "";
    }
}
