/* Step 1 of the demo page: sign up, log in, log out, and the signed-in user. */

import { byId, oneOf, pictureAddress, showMessage } from "./example-dom.js";
import { connect, listen, renewClient } from "./example-connection.js";
import { http, postJson, problemOf } from "./example-http.js";

const FIRST_NAMES = ["Anna", "Boris", "Clara", "Dmitri", "Elena", "Felix", "Grace", "Hugo", "Irina", "Jonas"];
const LAST_NAMES = ["Almeida", "Berg", "Costa", "Dubois", "Eriksen", "Fischer", "Greco", "Ivanova", "Novak", "Petrov"];

/* The tags of the example values count down, so that a search for the prefix, which returns the first
 * 30 tags in their order, returns the newest users. */
export const EXAMPLE_PREFIX = "demo_";
const COUNTDOWN_TO = Date.UTC(2070, 0);
const COUNTDOWN_STEP_MS = 20;
const COUNTDOWN_DIGITS = 7; // of base 36: enough for these 49 years

let self = null;
const onSelf = []; // functions to call when it has changed

/* {_id, tag, firstName, lastName, img} of the signed-in user, or null. */
export function currentSelf() {
    return self;
}

/* Calls `handle` after every change of the signed-in user. */
export function listenToSelf(handle) {
    onSelf.push(handle);
}

export function showSelf(user) {
    self = user;
    byId("signed-in").hidden = !user;
    byId("signed-out").hidden = Boolean(user);
    if (user) {
        byId("self-name").textContent = `${user.firstName} ${user.lastName}`;
        byId("self-tag").textContent = user.tag;
        byId("self-picture").src = pictureAddress(user.img);
    }
    for (const handle of onSelf) handle();
}

export function anotherLastName() {
    return oneOf(LAST_NAMES.filter((name) => name !== self?.lastName));
}

/* Signing up */

function fillExample() {
    const form = byId("sign-up");
    const firstName = oneOf(FIRST_NAMES);
    const nick = `${EXAMPLE_PREFIX}${countdown()}_${firstName.toLowerCase()}`;
    const [number] = crypto.getRandomValues(new Uint32Array(1));
    form.firstName.value = firstName;
    form.lastName.value = oneOf(LAST_NAMES);
    form.tag.value = `@${nick}`;
    form.email.value = `${nick}@example.com`;
    form.password.value = `demo-${number.toString(36).padStart(7, "0")}`;
}

function countdown() {
    const steps = Math.max(0, Math.floor((COUNTDOWN_TO - Date.now()) / COUNTDOWN_STEP_MS));
    return steps.toString(36).padStart(COUNTDOWN_DIGITS, "0");
}

async function signUp(event) {
    event.preventDefault();
    const user = Object.fromEntries(new FormData(byId("sign-up")));
    const answer = await postJson("/signup", { user });
    if (!answer.ok) return showMessage("account-message", problemOf(answer), "bad");
    if (answer.status === 202) return showMessage("account-message", answer.text, "plain");
    byId("log-in").email.value = user.email;
    byId("log-in").password.value = user.password;
    fillExample();
    notifyOtherWindows();
    startSession("Signed up. The log-in form keeps the e-mail address and the password.");
}

async function logIn(event) {
    event.preventDefault();
    const user = Object.fromEntries(new FormData(byId("log-in")));
    const answer = await postJson("/login", { user });
    if (!answer.ok) return showMessage("account-message", problemOf(answer), "bad");
    startSession("Logged in.");
}

/* The server reads the cookie when a socket opens, and a client belongs to one user. */
function startSession(text) {
    showMessage("account-message", text);
    renewClient();
    connect();
}

async function logOut() {
    const answer = await http("GET", "/exit");
    if (!answer.ok) return showMessage("account-message", problemOf(answer), "bad");
    renewClient();
    showSelf(null);
    selectTab("log-in");
    showMessage("account-message", "Logged out: the token is revoked and its sockets are closed.", "plain");
    byId("log-in").email.focus();
}

/* Other windows of the same browser profile; those of other profiles look when they get the focus. */
const windows = new BroadcastChannel("messenger-example");

function notifyOtherWindows() {
    windows.postMessage("signed up");
}

/* Calls `handle` when a user has signed up in another window of this profile. */
export function listenToOtherWindows(handle) {
    windows.addEventListener("message", handle);
}

/* Tabs */

function selectTab(chosen) {
    for (const name of ["sign-up", "log-in"]) {
        const tab = byId(`${name}-tab`);
        tab.setAttribute("aria-selected", String(name === chosen));
        tab.tabIndex = name === chosen ? 0 : -1;
        byId(`${name}-panel`).hidden = name !== chosen;
    }
    showMessage("account-message", "");
}

function moveTab(event) {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const other = byId("sign-up-panel").hidden ? "sign-up" : "log-in";
    selectTab(other);
    byId(`${other}-tab`).focus();
}

export function startAccount() {
    listen("begin", ({ user }) => showSelf(user));
    listen("sync", ({ self: user }) => user && showSelf(user));
    listen("change", ({ code, body }) => code === 3201 && self && showSelf({ ...self, ...body }));
    listen("close", ({ cause }) => cause === "unauthenticated" && showSelf(null));
    byId("sign-up").addEventListener("submit", signUp);
    byId("log-in").addEventListener("submit", logIn);
    byId("log-out").addEventListener("click", logOut);
    byId("other-example").addEventListener("click", fillExample);
    for (const name of ["sign-up", "log-in"]) {
        byId(`${name}-tab`).addEventListener("click", () => selectTab(name));
        byId(`${name}-tab`).addEventListener("keydown", moveTab);
    }
    fillExample();
}
