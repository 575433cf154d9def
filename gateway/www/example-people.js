/* The people of the demo page: the users that a method may address, the likeliest first. */

import { byId, element, isObject } from "./example-dom.js";
import {
    currentSelf, EXAMPLE_PREFIX, listenToOtherWindows, listenToSelf,
} from "./example-account.js";
import { askInBackground, listen } from "./example-connection.js";

const SHOWN_MAX = 6;
const KEPT_MAX = 100;
const REFRESH_INTERVAL_MS = 5000; // while the page is visible
const JUST_NOW_MS = 60_000;
const DIALOGS_READ = 10;

/* tag -> {tag, id, name, isOnline, isContact, at}; `at`: when the user signed up or last wrote, in ms. */
const people = new Map();
const onPeople = []; // functions to call when the list has changed
let shown = "";
let onPick = () => {};
let isRefreshing = false;
let isRefreshWanted = false;

/* Users who are online, have a dialog with this one, or have just signed up (and will be online) before
 * the others; among them the latest sign-up or message first. Ids rise within a second. */
function inOrder() {
    const justNow = Date.now() - JUST_NOW_MS;
    const isNear = ({ isOnline, isContact, at }) => isOnline || isContact || at > justNow;
    return [...people.values()]
        .filter(({ tag }) => tag !== currentSelf()?.tag)
        .sort((a, b) => isNear(b) - isNear(a) || b.at - a.at || (a.id < b.id ? 1 : -1));
}

/* The tag that an example should address; undefined while there is no other user. */
export function likelyReceiver() {
    return inOrder()[0]?.tag;
}

/* Calls `handle` when the order or the number of people has changed. */
export function listenToPeople(handle) {
    onPeople.push(handle);
}

/* Adding people */

function add(tag, facts) {
    if (typeof tag !== "string") return;
    const known = people.get(tag) ?? { tag, id: "", name: "", isOnline: false, isContact: false, at: 0 };
    people.set(tag, { ...known, ...facts, at: Math.max(known.at, facts.at ?? 0) });
}

function addUser({ _id, tag, firstName, lastName, isOnline }, facts = {}) {
    add(tag, { id: _id, name: `${firstName} ${lastName}`, isOnline: Boolean(isOnline), at: signUpTime(_id), ...facts });
}

/* The first 4 bytes of an id are the second since 1970; its end stands for it, so that a sign-up is not
 * before what has caused it. */
function signUpTime(id) {
    return (parseInt(String(id).slice(0, 8), 16) || 0) * 1000 + 999;
}

/* `users`: what findUsersByTag returns. */
export function addUsers(users) {
    if (!Array.isArray(users)) return;
    users.filter(isObject).forEach((user) => addUser(user));
    show();
}

/* A deleted account is of no use as a receiver. */
function remove(tag) {
    for (const known of people.keys()) if (known.toLowerCase() === String(tag).toLowerCase()) people.delete(known);
    show();
}

/* `dialogs`: what getDialogsList and sync return. */
export function addDialogs(dialogs) {
    if (!Array.isArray(dialogs)) return;
    for (const { userInfo, date } of dialogs.filter(isObject)) {
        if (userInfo?.isDeleted) remove(userInfo.tag);
        else if (isObject(userInfo)) addUser(userInfo, { isContact: true, at: new Date(date).getTime() || 0 });
    }
    show();
}

/* A message was just exchanged with this user, or the visitor has selected or searched for it: the next
 * examples address it. */
export function prefer(tag) {
    const latest = Math.max(0, ...[...people.values()].map(({ at }) => at));
    add(tag, { isContact: true, at: latest + 1 });
}

function addContact(tag) {
    prefer(tag);
    show();
}

function setOnline(tag, isOnline) {
    if (people.has(tag)) add(tag, { isOnline });
    show();
}

/* Fetches the newest users with example tags, and the first ones of all. A call while this is in
 * progress makes it run once more. */
export async function refresh() {
    isRefreshWanted = true;
    if (isRefreshing) return;
    isRefreshing = true;
    while (isRefreshWanted) {
        isRefreshWanted = false;
        const [newest, first] = await Promise.all([
            askInBackground("findUsersByTag", [EXAMPLE_PREFIX]),
            askInBackground("findUsersByTag", [""]),
        ]);
        addUsers([...newest ?? [], ...first ?? []]);
    }
    isRefreshing = false;
}

async function readDialogs() {
    addDialogs(await askInBackground("getDialogsList", [0, DIALOGS_READ]));
}

/* Showing them */

function show() {
    const ordered = inOrder();
    for (const { tag } of ordered.slice(KEPT_MAX)) people.delete(tag);
    const visible = ordered.slice(0, SHOWN_MAX);
    const before = shown;
    shown = JSON.stringify(visible);
    if (shown === before) return;
    const focused = byId("people-list").contains(document.activeElement) && document.activeElement.dataset.tag;
    byId("people-list").replaceChildren(...visible.map(itemOf));
    byId("nobody").hidden = visible.length > 0;
    [...byId("people-list").querySelectorAll("button")].find(({ dataset }) => dataset.tag === focused)?.focus();
    for (const handle of onPeople) handle();
}

function itemOf({ tag, name, isOnline }) {
    const item = element("li");
    const button = element("button", isOnline ? "is-online" : "", tag);
    button.type = "button";
    button.dataset.tag = tag;
    button.title = [name, isOnline ? "online" : ""].filter(Boolean).join(", ");
    button.addEventListener("click", () => {
        prefer(tag);
        onPick(tag);
    });
    item.append(button);
    return item;
}

function onChange({ name, body }) {
    if (!isObject(body)) return;
    if (name === "newMessage") addContact(body.senderTag);
    if (name === "newMessage" && !people.get(body.senderTag)?.name) refresh();
    if (name === "messageSent") addContact(body.receiverTag);
    if (name === "contactOnline") setOnline(body.loggedInUserTag, true);
    if (name === "contactOffline") setOnline(body.loggedOutUserTag, false);
    if (name === "contactDeleted") remove(body.tag);
}

/* `pick(tag)` is called when the visitor picks somebody. */
export function startPeople(pick) {
    onPick = pick;
    let owner = "";
    listenToSelf(() => {
        const tag = currentSelf()?.tag ?? "";
        if (tag !== owner) people.clear();
        owner = tag;
        show();
    });
    listen("change", onChange);
    listen("sync", ({ dialogs }) => addDialogs(dialogs));
    listen("sent", ({ message }) => addContact(message.receiverTag));
    listen("current", () => {
        readDialogs();
        refresh();
    });
    listenToOtherWindows(refresh);
    const refreshIfVisible = () => document.visibilityState === "visible" && refresh();
    window.addEventListener("focus", refresh);
    document.addEventListener("visibilitychange", refreshIfVisible);
    byId("refresh-people").addEventListener("click", refresh);
    setInterval(refreshIfVisible, REFRESH_INTERVAL_MS);
}
