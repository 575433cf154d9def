/* One's own profile: picture, name, settings, devices and password, and the way out. */

import { uploadPicture } from "../server/accounts.js";
import { chooseLanguage, LANGUAGES } from "../strings/strings.js";
import { Crop } from "./crop.js";
import { Devices } from "./devices.js";
import { h, setText } from "./dom.js";
import { Export } from "./export.js";
import { face } from "./face.js";
import { icon } from "./icons.js";
import { Leaving } from "./leaving.js";
import { Password } from "./password.js";
import { Privacy } from "./privacy.js";
import { sheet } from "./sheet.js";

const PICTURE_BYTES_MAX = 15 * 1024 * 1024;

export class Profile {
    #app;
    #sheet;
    #face = face(96);
    #tag = h("p.tag", { dir: "ltr" });
    #firstName;
    #lastName;
    #problem = h("p.problem", { role: "alert", hidden: true });
    #saved = h("p.hidden", { role: "status" });
    #progress = h("progress", { max: "1", value: 0, hidden: true });
    #file;
    #crop;
    #devices;
    #password;
    #privacy;
    #export;
    #leaving;

    constructor(app) {
        const { t } = app;
        this.#app = app;
        this.#progress.setAttribute("aria-label", t("profile.uploading"));
        this.#firstName = h("input", { id: "profile-first", maxlength: "64", autocomplete: "given-name", dir: "auto" });
        this.#lastName = h("input", { id: "profile-last", maxlength: "64", autocomplete: "family-name", dir: "auto" });
        this.#file = h("input", {
            type: "file", accept: "image/png,image/jpeg,image/gif,image/webp,image/bmp,image/avif", hidden: true,
            on: { change: () => this.#chosen() },
        });
        this.#crop = new Crop(app, (blob) => this.#upload(blob));
        this.#devices = new Devices(app);
        this.#password = new Password(app);
        this.#privacy = new Privacy(app);
        this.#export = new Export(app, t("profile.export"), (text) => this.#showProblem(text));
        this.#leaving = new Leaving(app);
        this.#sheet = sheet(app, t("profile.title"), h("div.profile", {}, this.#picture(), this.#form(), this.#settings(),
            this.#privacy.element, this.#security()));
    }

    open() {
        this.update(this.#app.store.state);
        const { self } = this.#app.store.state;
        this.#firstName.value = self?.firstName ?? "";
        this.#lastName.value = self?.lastName ?? "";
        this.#problem.hidden = true;
        this.#sheet.open();
        this.#privacy.open();
    }

    close() {
        this.#sheet.close();
        this.#crop.close();
        this.#devices.close();
        this.#password.close();
        this.#privacy.close();
        this.#leaving.close();
    }

    /* `connection` as in server/session.js. */
    showConnection(connection) {
        this.#devices.showConnection(connection);
        this.#password.showConnection(connection);
        this.#leaving.showConnection(connection);
    }

    update({ self }) {
        if (!self) return;
        this.#face.show(self, false);
        setText(this.#tag, self.tag);
    }

    #picture() {
        const { t } = this.#app;
        return h("div.picture", {}, this.#face.element,
            h("button.secondary", { type: "button", on: { click: () => this.#file.click() } }, icon("camera"), t("profile.picture")),
            this.#file, this.#progress, this.#tag);
    }

    #form() {
        const { t } = this.#app;
        return h("form", { on: { submit: (event) => this.#save(event) } },
            h("div.input", {}, h("label", { for: "profile-first" }, t("field.firstName")), this.#firstName),
            h("div.input", {}, h("label", { for: "profile-last" }, t("field.lastName")), this.#lastName),
            this.#problem, this.#saved, h("button.main", {}, t("profile.save")));
    }

    #settings() {
        const { t, notices } = this.#app;
        return h("fieldset", {}, h("legend", {}, t("profile.settings")),
            this.#switch("profile.notify", notices.wanted, async (on, input) => {
                input.checked = await notices.want(on);
                if (on && notices.isDenied) this.#showProblem(t("profile.denied"));
            }),
            this.#switch("profile.sound", notices.sound, (on) => { notices.sound = on; }),
            h("label.choice", {}, h("span", {}, t("profile.language")), h("select", {
                on: { change: (event) => { chooseLanguage(event.target.value); location.reload(); } },
            }, ...Object.entries(LANGUAGES).map(([code, name]) => h("option", {
                value: code, lang: code, selected: code === this.#app.strings.language,
            }, name)))));
    }

    #security() {
        const { t } = this.#app;
        const button = (text, name, open) => h("button.secondary", { type: "button", data: { opens: name }, on: { click: open } }, text);
        return h("fieldset", {}, h("legend", {}, t("profile.security")), h("div.buttons", {},
            button(t("devices.title"), "devices", () => this.#devices.open()),
            button(t("password.title"), "password", () => this.#password.open()),
            this.#export.element,
            h("button.danger", { type: "button", on: { click: () => this.#logOut() } }, t("profile.logOut")),
            h("button.danger", { type: "button", data: { opens: "leaving" }, on: { click: () => this.#leaving.open() } },
                t("leaving.open"))));
    }

    #switch(key, checked, changed) {
        const input = h("input", { type: "checkbox", role: "switch", checked });
        input.addEventListener("change", () => changed(input.checked, input));
        return h("label.choice", {}, h("span", {}, this.#app.t(key)), input);
    }

    async #logOut() {
        try {
            await this.#app.logOut();
        } catch {
            this.#showProblem(this.#app.t("problem.Unreachable"));
        }
    }

    async #save(event) {
        event.preventDefault();
        const { self } = this.#app.store.state;
        const firstName = this.#firstName.value.trim();
        const lastName = this.#lastName.value.trim();
        if (firstName === "" || lastName === "") {
            this.#showProblem(this.#app.t("field.name.bad"));
            (firstName === "" ? this.#firstName : this.#lastName).focus();
            return;
        }
        if (firstName === self.firstName && lastName === self.lastName) {
            this.#sheet.close();
            return;
        }
        if (await this.#change({ firstName, lastName })) this.#sheet.close();
    }

    async #change(fields) {
        this.#problem.hidden = true;
        try {
            await this.#app.session.setProfile(fields);
            setText(this.#saved, this.#app.t("profile.saved"));
            return true;
        } catch (error) {
            this.#showProblem(this.#app.t(keyOf(error)));
            return false;
        }
    }

    #showProblem(text) {
        setText(this.#problem, text);
        this.#problem.hidden = text === "";
    }

    #chosen() {
        const [file] = this.#file.files;
        this.#file.value = "";
        this.#problem.hidden = true;
        if (!file) return;
        if (file.size > PICTURE_BYTES_MAX) this.#showProblem(this.#app.t("profile.tooLarge"));
        else this.#crop.open(file).catch(() => this.#showProblem(this.#app.t("profile.noPicture")));
    }

    async #upload(blob) {
        this.#progress.hidden = false;
        this.#progress.value = 0;
        try {
            const img = await uploadPicture(blob, (share) => { this.#progress.value = share; });
            await this.#change({ img });
        } catch (error) {
            const { retryInS = 0, name } = error;
            const keys = { FilesLimitExceedingError: "problem.RateLimitError", IncorrectDataError: "profile.noPicture" };
            this.#showProblem(this.#app.t(keys[name] ?? "profile.notUploaded", { n: Math.max(1, retryInS) }));
        } finally {
            this.#progress.hidden = true;
        }
    }
}

/* Why a change of the profile was not made. */
function keyOf({ data, reason }) {
    if (data?.reason?.includes("Name")) return "field.name.bad";
    return reason ? "problem.Unreachable" : "profile.notSaved"; // a ConnectionError has a reason
}
