/*
 * Starts the web client: what this browser has kept is shown at once, then the server is asked. The App
 * is what the views share: `store`, `session`, `strings`, `t`, `notices`, and what the user does.
 */

import { logOut, renewToken } from "./server/accounts.js";
import { Renewal } from "./server/renewal.js";
import { Session } from "./server/session.js";
import { keyOf, dialogOf } from "./state/state.js";
import { Store } from "./state/store.js";
import { openDatabase } from "./storage/database.js";
import { Tabs } from "./storage/tabs.js";
import { loadStrings } from "./strings/strings.js";
import { addressOf, openTag, secretOf } from "./views/address.js";
import { ByLink } from "./views/by_link.js";
import { forgetRecentEmoji } from "./views/emoji_picker.js";
import { Messenger } from "./views/messenger.js";
import { Notices } from "./views/notices.js";
import { SignIn } from "./views/sign_in.js";
import { startScreen } from "./views/start.js";

const WORKER = "/sw.js";
const SAVE_MS = 300;
const DRAFT_MS = 300;
const START_MS = 500; // without a screen, until there is one that says so
const SLEPT_MS = 15_000; // a 1 s timer this late means that the computer slept
const HIDDEN_SLEPT_MS = 90_000; // in a hidden tab, browsers run it once a minute

class App {
    store = new Store((run) => { requestFrame(run); });
    session = null;
    notices = new Notices(this);
    email = ""; // with which the user has logged in, if that was on this page
    t = (key, values) => this.strings.t(key, values);
    #database;
    #tabs = new Tabs();
    #messenger = null;
    #signIn = null;
    #start = null;
    #note = "";
    #saveTimer = null;
    #draftTimer = null;
    #renewal = new Renewal(() => this.#listSessionsNow(), renewToken);
    #unsent = null; // what a user left behind, as it was kept, until it is known who the user is

    async start() {
        const [strings, database] = await Promise.all([loadStrings(), openDatabase()]);
        this.strings = strings;
        this.#database = database;
        document.documentElement.lang = strings.language;
        document.documentElement.dir = strings.direction;
        this.store.subscribe(() => this.#saveSoon());
        addEventListener("hashchange", () => this.#followLink());
        const purpose = ["reset", "prove"].find(secretOf);
        if (purpose) {
            this.#showLink(purpose, secretOf(purpose));
            return;
        }
        await this.#begin("");
    }

    /* `note`: what the first screen says if nobody is logged in. */
    async #begin(note) {
        this.#note = note;
        this.#listen();
        setTimeout(() => this.#showStart(), START_MS);
        await this.#resume();
    }

    /* Shows what is kept, and connects. After the end of a session only what its user had not sent is kept:
     * that is shown to nobody else. */
    async #resume() {
        const kept = await this.#database.read();
        if (kept?.place) await this.#showKept(kept);
        else this.#unsent = kept;
        this.#connect(kept?.place);
    }

    async #showKept(kept) {
        this.store.dispatch({ type: "restored", ...kept });
        this.#showMessenger();
        const entries = await this.#database.readMessages();
        this.store.dispatch({ type: "cacheRead", entries });
        this.#database.markSaved(this.store.state);
    }

    /* Screens */

    #showStart() {
        if (this.#messenger || this.#signIn) return;
        this.#start = startScreen(this);
        document.body.append(this.#start);
    }

    /* A link with a secret that is opened in a page that is there already changes the part after # only. */
    #followLink() {
        if (secretOf("reset") || secretOf("prove") || (secretOf("invite") && this.#signIn)) location.reload();
    }

    /* Before anything else: who has this link may be somebody else than the user whose conversations are kept here. */
    #showLink(purpose, code) {
        const form = new ByLink(this, purpose, code, (note, hasToken) => {
            history.replaceState(null, "", location.pathname);
            form.element.remove();
            if (hasToken) this.#tabs.logIn();
            this.#begin(note);
        });
        document.body.append(form.element);
        form.show();
    }

    #showMessenger() {
        this.#start?.remove();
        this.#signIn?.element.remove();
        this.#signIn = null;
        if (this.#messenger) return;
        this.#messenger = new Messenger(this);
        document.body.append(this.#messenger.element);
        this.#messenger.update(this.store.state);
        this.open(openTag());
    }

    #showSignIn(note) {
        this.#start?.remove();
        this.#messenger?.destroy();
        this.#messenger = null;
        this.notices.clear();
        if (this.#signIn) {
            this.#signIn.note(note);
            return;
        }
        this.#signIn = new SignIn(this, (email) => this.#signedIn(email));
        document.body.append(this.#signIn.element);
        this.#signIn.show(note);
    }

    #signedIn(email) {
        if (secretOf("invite")) history.replaceState(null, "", location.pathname); // it is used
        this.email = email;
        this.#tabs.logIn();
        this.#resume();
    }

    refresh() {
        this.#messenger?.update(this.store.state);
    }

    /* The server */

    #connect(place) {
        this.session?.close();
        const address = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api`;
        const session = new Session(this.store, address, place);
        this.session = session;
        session.addEventListener("connection", () => this.#connectionChanged());
        session.addEventListener("unauthenticated", ({ isEnded }) => {
            if (isEnded) this.#ended();
            else this.#unauthenticated();
        });
        session.addEventListener("user", () => this.#userChanged());
        session.addEventListener("begin", (event) => this.#takeUnsent(event));
        session.addEventListener("message", (event) => this.notices.messageCame(event));
        session.addEventListener("deleted", ({ tag }) => this.notices.forget(tag));
        session.addEventListener("outcome", ({ tag, id, message, reason }) => this.#pass(message
            ? { type: "stored", tag, id, message } : { type: "refused", tag, id, reason }));
        session.connect();
    }

    #connectionChanged() {
        const isCurrent = this.session.connection === "current";
        if (isCurrent) this.#showMessenger();
        this.#messenger?.showConnection(this.session.connection);
        if (!isCurrent) return;
        this.open(openTag()); // of a person whom only the server knows
        this.#renewal.watch();
    }

    async #listSessionsNow() {
        if (this.session?.connection !== "current") throw new Error("not connected");
        return this.session.listSessions({ repeat: false });
    }

    /* The token has expired, or was not accepted when this page was opened: what was not sent is kept, as the user
     * has not asked for anything. */
    async #unauthenticated() {
        this.#renewal.stop();
        this.email = "";
        const { state } = this.store;
        const unsent = [...state.dialogs.values()].reduce((sum, { pending }) => sum + pending.length, 0);
        const wasIn = state.self !== null;
        this.#endSaving();
        this.store.clear();
        await this.#database.keepUnsent(state);
        if (wasIn) history.replaceState(null, "", location.pathname); // the next user may be another one
        this.#showSignIn(wasIn ? this.t(unsent > 0 ? "logIn.unsent" : "logIn.again", { n: unsent }) : this.#note);
    }

    /* It is known now who the user is: what the same user left behind is sent, of another one it goes. */
    #takeUnsent({ user }) {
        const unsent = this.#unsent;
        this.#unsent = null;
        if (!unsent) return;
        if (keyOf(unsent.self.tag) === keyOf(user.tag)) this.store.dispatch({ type: "restored", ...unsent });
        else this.#database.erase();
    }

    /* Another user than the one whose conversations are shown has logged in, in another tab. */
    #userChanged() {
        this.store.clear();
        this.#database.erase();
    }

    /* Rejects when the server does not answer: then the token is still good. The connection is closed before,
     * so that its end is not taken for the end of a session, of which the unsent messages are kept. */
    async logOut() {
        const { place } = this.session;
        this.session.close();
        try {
            await logOut();
        } catch (error) {
            this.#connect(place);
            throw error;
        }
        this.#tabs.logOut();
        await this.#forget();
    }

    /* For good. Rejects when the server refuses it, or does not answer: then it is not known. */
    async deleteAccount(password) {
        await this.session.deleteAccount(password);
        this.#tabs.deleteAccount();
        logOut().catch(() => {}); // the token is of no use any more: clears the cookie
        await this.#forget(this.t("logIn.deleted"));
    }

    /* The user has ended this session from another device, or changed the password there, or deleted the account: as at
     * a log-out, nothing stays here, since the device may be in other hands. */
    async #ended() {
        this.#tabs.endSession();
        await this.#forget(this.t("logIn.ended"));
    }

    async #forget(note = "") {
        this.#renewal.stop();
        this.email = "";
        this.#endSaving();
        this.session?.close();
        this.session = null;
        this.store.clear();
        history.replaceState(null, "", location.pathname);
        forgetRecentEmoji();
        await this.#database.erase();
        this.#showSignIn(note);
    }

    /* What the user does */

    /* Shows a conversation; "": none. When the server is needed and does not answer, it is tried again later. */
    async open(tag) {
        const { state } = this.store;
        if (tag === "") {
            if (state.open) this.store.dispatch({ type: "closed" });
            return;
        }
        if (!state.self || state.open === keyOf(tag)) return;
        const user = dialogOf(state, tag)?.user ?? this.#messenger?.userOf(tag) ?? await this.#find(tag);
        if (openTag() !== tag || user === null) return;
        if (user === undefined) {
            history.replaceState(null, "", location.pathname);
            this.#messenger?.showNobody(tag);
            return;
        }
        const before = this.store.state.open;
        this.store.dispatch({ type: "opened", tag, user, at: Date.now() });
        this.#messenger?.update(this.store.state);
        this.#messenger?.opened(before);
        this.session?.loadOpen();
    }

    /* undefined when there is nobody with that tag, null when that is not known. */
    async #find(tag) {
        try {
            const found = await this.session.find(tag);
            return found.find((user) => keyOf(user.tag) === keyOf(tag));
        } catch {
            return null;
        }
    }

    draft(tag, text) {
        const action = { type: "drafted", tag, text };
        this.store.dispatch(action);
        clearTimeout(this.#draftTimer);
        this.#draftTimer = setTimeout(() => this.#pass(action), DRAFT_MS);
    }

    /* The user has seen the message with this `_id` arrive. */
    passNoticed(id) {
        this.#tabs.noticed(id);
    }

    write({ tag, user }, text) {
        const item = { id: crypto.getRandomValues(new Uint32Array(4)).join("-"), text, date: Date.now() };
        this.#do({ type: "written", tag, user, ...item });
        this.session?.send(tag, item);
    }

    retry(tag, item) {
        this.#do({ type: "retried", tag, id: item.id });
        this.session?.send(tag, item);
    }

    discard(tag, { id }) {
        this.#do({ type: "discarded", tag, id });
    }

    /* Here and in the other tabs, and stored at once. */
    #do(action) {
        this.store.dispatch(action);
        this.#pass(action);
        this.#save();
    }

    #pass(action) {
        this.#tabs.pass(this.store.state.self?.tag, action);
    }

    /* What is kept */

    #saveSoon() {
        this.#saveTimer ??= setTimeout(() => this.#save(), SAVE_MS);
    }

    #save() {
        this.#endSaving();
        const { state } = this.store;
        if (!state.self) return;
        const isComplete = state.listed && ![...state.dialogs.values()].some(({ stale }) => stale);
        const place = isComplete && this.session ? this.session.place : null;
        this.#database.save(state, place).then((isWritten) => {
            if (isWritten && place) this.#tabs.saved(state.self.tag, place);
        });
    }

    #endSaving() {
        clearTimeout(this.#saveTimer);
        this.#saveTimer = null;
    }

    /* The browser */

    #listen() {
        this.#tabs.addEventListener("action", ({ user, action }) => {
            if (user && user === this.store.state.self?.tag) this.store.dispatch(action);
        });
        this.#tabs.addEventListener("saved", ({ user, place }) => {
            if (user === this.store.state.self?.tag) this.#database.noteOthers(place);
        });
        this.#tabs.addEventListener("noticed", ({ message }) => this.notices.noticed(message));
        this.#tabs.addEventListener("gone", () => this.session?.sendPending());
        this.#tabs.addEventListener("out", () => this.#forget());
        this.#tabs.addEventListener("deleted", () => this.#forget(this.t("logIn.deleted"))); // perhaps after its session has ended
        this.#tabs.addEventListener("ended", () => { // with a connection, this tab finds out by itself
            if (["connecting", "waiting"].includes(this.session?.connection)) this.#forget(this.t("logIn.ended"));
        });
        this.#tabs.addEventListener("in", () => { if (this.#signIn) this.#resume(); });
        addEventListener("online", () => this.session?.wake());
        addEventListener("offline", () => this.#messenger?.showConnection(this.session?.connection));
        navigator.serviceWorker?.addEventListener("message", ({ data }) => { location.hash = addressOf(data.open); });
        addEventListener("pagehide", () => this.#leave());
        document.addEventListener("visibilitychange", () => {
            if (document.visibilityState === "visible") this.session?.wake();
            else this.#leave();
        });
        this.#watchSleep();
    }

    /* The page may be discarded without another event. */
    #leave() {
        this.session?.reportSeen();
        this.#save();
    }

    #watchSleep() {
        let last = Date.now();
        setInterval(() => {
            const slept = document.visibilityState === "visible" ? SLEPT_MS : HIDDEN_SLEPT_MS;
            if (Date.now() - last > slept) this.session?.wake();
            last = Date.now();
        }, 1000);
    }
}

/* Before the next moment at which the browser can paint; soon also in a tab that is hidden. */
function requestFrame(run) {
    let isDone = false;
    const once = () => {
        if (isDone) return;
        isDone = true;
        run();
    };
    requestAnimationFrame(once);
    setTimeout(once, 100);
}

function registerWorker() {
    if (!navigator.serviceWorker) return;
    const policy = globalThis.trustedTypes?.createPolicy("messenger-worker", { createScriptURL: () => WORKER });
    const address = policy ? policy.createScriptURL("") : WORKER;
    navigator.serviceWorker.register(address).catch(() => {}); // without it, the page needs the server to load
}

globalThis.messenger = new App(); // for the console of the browser, and for the tests
globalThis.messenger.start();
registerWorker();
