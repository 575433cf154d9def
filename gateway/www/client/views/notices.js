/*
 * What a user notices while looking elsewhere: the number of unread messages in the title and in the
 * icon, a notification of the desktop, a quiet sound. The latter two only when they were asked for.
 */

import { totalUnread } from "../state/list.js";
import { dialogOf } from "../state/state.js";
import { nameOf } from "../text/names.js";
import { beginning } from "../text/preview.js";
import { addressOf } from "./address.js";

const NOTIFY = "messenger notifications";
const SOUND = "messenger sound";
const TEXT_CHARACTERS = 120;
const ICON = "/favicon.svg";

export class Notices {
    #app;
    #unread = -1;

    constructor(app) {
        this.#app = app;
    }

    get wanted() {
        return localStorage.getItem(NOTIFY) === "on" && globalThis.Notification?.permission === "granted";
    }

    /* Asks the browser when it must. Resolves with whether notifications will be shown. */
    async want(on) {
        const isGranted = on && await globalThis.Notification?.requestPermission() === "granted";
        localStorage.setItem(NOTIFY, isGranted ? "on" : "off");
        return isGranted;
    }

    get sound() {
        return localStorage.getItem(SOUND) === "on";
    }

    set sound(on) {
        localStorage.setItem(SOUND, on ? "on" : "off");
        if (on) ring();
    }

    update(state) {
        const unread = totalUnread(state);
        if (unread === this.#unread) return;
        this.#unread = unread;
        const { strings, t } = this.#app;
        document.title = unread > 0 ? `(${strings.number(unread)}) ${t("app.name")}` : t("app.name");
        showInIcon(unread);
        if (unread > 0) navigator.setAppBadge?.(unread).catch(() => {});
        else navigator.clearAppBadge?.().catch(() => {});
    }

    /* A message of somebody else has just arrived. */
    messageCame({ message, tag }) {
        if (document.visibilityState === "visible" && document.hasFocus()) return;
        if (this.sound) ring();
        const dialog = dialogOf(this.#app.store.state, tag);
        if (!this.wanted || !dialog) return;
        const notification = new Notification(nameOf(dialog.user), {
            body: beginning(message.text, TEXT_CHARACTERS), tag, icon: ICON, silent: true,
        });
        notification.onclick = () => {
            focus();
            location.hash = addressOf(tag);
            notification.close();
        };
    }

    clear() {
        this.#unread = -1;
        document.title = this.#app.t("app.name");
        showInIcon(0);
    }
}

/* A dot on the icon of the page. */
function showInIcon(unread) {
    const link = document.querySelector("link[rel=icon]");
    if (!link) return;
    link.dataset.plain ??= link.href;
    link.href = unread > 0 ? dottedIcon() : link.dataset.plain;
}

let dotted = "";

function dottedIcon() {
    if (dotted) return dotted;
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 64;
    const context = canvas.getContext("2d");
    context.fillStyle = "#2f6fed";
    context.beginPath();
    context.roundRect(4, 8, 50, 40, 12);
    context.moveTo(16, 44);
    context.lineTo(16, 60);
    context.lineTo(34, 46);
    context.fill();
    context.fillStyle = "#e5484d";
    context.beginPath();
    context.arc(48, 16, 15, 0, 7);
    context.fill();
    dotted = canvas.toDataURL();
    return dotted;
}

/* Two soft notes. */
function ring() {
    const audio = new AudioContext();
    for (const [frequency, at] of [[660, 0], [880, 0.09]]) {
        const tone = new OscillatorNode(audio, { frequency });
        const volume = new GainNode(audio, { gain: 0 });
        volume.gain.setValueAtTime(0.05, audio.currentTime + at);
        volume.gain.exponentialRampToValueAtTime(0.0001, audio.currentTime + at + 0.25);
        tone.connect(volume).connect(audio.destination);
        tone.start(audio.currentTime + at);
        tone.stop(audio.currentTime + at + 0.3);
    }
    setTimeout(() => audio.close(), 600);
}
