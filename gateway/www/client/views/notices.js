/*
 * What a user notices while looking elsewhere: the number of unread messages in the title and in the
 * icon, a notification of the desktop, a quiet sound. The latter two only when they were asked for.
 */

import { readSetting, writeSetting } from "../storage/settings.js";
import { totalUnread } from "../state/list.js";
import { sameTag } from "../state/messages.js";
import { dialogOf } from "../state/state.js";
import { nameOf } from "../text/names.js";
import { beginning } from "../text/preview.js";
import { addressOf } from "./address.js";

const NOTIFY = "notifications";
const SOUND = "sound";
const TEXT_CHARACTERS = 120;
const OTHERS_MS = 150; // for another tab to say that the user sees the message there
const NOTICED_MAX = 100;
const SHOWN_MS = 2000;

export class Notices {
    #app;
    #unread = -1;
    #noticed = new Set(); // ids of messages that another tab has shown

    constructor(app) {
        this.#app = app;
    }

    get wanted() {
        return readSetting(NOTIFY) === "on" && globalThis.Notification?.permission === "granted";
    }

    /* Whether the user has denied them to this page for good: then the browser does not ask again. */
    get isDenied() {
        return globalThis.Notification?.permission === "denied";
    }

    /* Asks the browser when it must. Resolves with whether notifications will be shown. */
    async want(on) {
        const isGranted = on && await globalThis.Notification?.requestPermission() === "granted";
        writeSetting(NOTIFY, isGranted ? "on" : "off");
        return isGranted;
    }

    get sound() {
        return readSetting(SOUND) === "on";
    }

    set sound(on) {
        writeSetting(SOUND, on ? "on" : "off");
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

    /*
     * A message of somebody else has just arrived, in every tab: nothing is shown when the user looks at
     * one of them, and else it is shown by one.
     */
    messageCame({ message, tag }) {
        if (document.visibilityState === "visible" && document.hasFocus()) {
            this.#app.passNoticed(message._id);
            return;
        }
        setTimeout(() => onlyOnce(message._id, () => this.#show(message, tag)), OTHERS_MS);
    }

    /* Another tab shows the message to the user. */
    noticed(id) {
        this.#noticed.add(id);
        if (this.#noticed.size > NOTICED_MAX) this.#noticed.delete(this.#noticed.values().next().value);
    }

    async #show(message, tag) {
        const dialog = dialogOf(this.#app.store.state, tag);
        if (this.#noticed.has(message._id) || !dialog || dialog.user.isDeleted) return;
        if (this.sound) ring();
        if (!this.wanted) return;
        const title = nameOf(dialog.user);
        const options = { body: beginning(message.text, TEXT_CHARACTERS), tag, icon: iconAddress(), silent: true };
        const registration = await navigator.serviceWorker?.getRegistration().catch(() => null);
        if (registration) await registration.showNotification(title, options).catch(() => {}); // also on a phone
        else notify(title, options);
    }

    clear() {
        this.#unread = -1;
        document.title = this.#app.t("app.name");
        showInIcon(0);
        navigator.clearAppBadge?.().catch(() => {});
        closeNotifications(() => true);
    }

    /* What this user has written is not to be shown any more. */
    forget(user) {
        closeNotifications(({ tag }) => sameTag(tag, user));
    }
}

function closeNotifications(which) {
    navigator.serviceWorker?.getRegistration().then((registration) => registration?.getNotifications())
        .then((shown) => shown?.filter(which).forEach((notification) => notification.close())).catch(() => {});
}

/* In one of the tabs in which the message has arrived. */
function onlyOnce(id, show) {
    if (!navigator.locks) {
        show();
        return;
    }
    navigator.locks.request(`messenger notice ${id}`, { ifAvailable: true }, async (lock) => {
        if (!lock) return;
        show();
        await new Promise((resolve) => { setTimeout(resolve, SHOWN_MS); });
    }).catch(() => {});
}

/* Without a service worker. */
function notify(title, options) {
    const notification = new Notification(title, options);
    notification.onclick = () => {
        focus();
        location.hash = addressOf(options.tag);
        notification.close();
    };
}

function iconAddress() {
    return document.querySelector("link[rel=apple-touch-icon]")?.href;
}

/* The number on the icon of the page. */
function showInIcon(unread) {
    const link = document.querySelector("link[rel=icon]");
    if (!link) return;
    link.dataset.plain ??= link.href;
    link.href = unread > 0 ? drawIcon(unread > 99 ? "99" : String(unread)) : link.dataset.plain;
}

/* A speech bubble with a number on it, as a data: address. */
function drawIcon(number) {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 64;
    const context = canvas.getContext("2d");
    context.fillStyle = "#2f6fed";
    context.beginPath();
    context.roundRect(2, 14, 50, 38, 12);
    context.moveTo(14, 48);
    context.lineTo(14, 62);
    context.lineTo(32, 50);
    context.fill();
    context.fillStyle = "#c5303b";
    context.beginPath();
    context.arc(43, 21, 21, 0, 7);
    context.fill();
    context.fillStyle = "#fff";
    context.font = `bold ${number.length > 1 ? 27 : 32}px sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(number, 43, 22);
    return canvas.toDataURL();
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
