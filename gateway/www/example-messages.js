/* Step 4 of the demo page: the messages since the page was opened, by dialog. */

import { byId, element, escapeBidi, isObject } from "./example-dom.js";
import { ask, currentClient, listen } from "./example-connection.js";

const DIALOGS_MAX = 8;
const MESSAGES_MAX = 50; // of a dialog

/* peer's tag -> {messages: Map of _id -> message, pending: [{text}], item, list}, the latest last */
const dialogs = new Map();
const onMessages = []; // functions to call when they have changed
let owner = ""; // the user whose dialogs these are

export function hasMessages() {
    return byId("dialogs").children.length > 0;
}

/* Calls `handle` when messages have come or gone. */
export function listenToMessages(handle) {
    onMessages.push(handle);
}

function dialogWith(tag) {
    const dialog = dialogs.get(tag) ?? newDialog(tag);
    dialogs.delete(tag);
    dialogs.set(tag, dialog);
    const oldest = [...dialogs].find(([, { pending }]) => pending.length === 0);
    if (dialogs.size > DIALOGS_MAX && oldest) dialogs.delete(oldest[0]);
    return dialog;
}

function newDialog(tag) {
    const item = element("li");
    const list = element("ol", "messages");
    list.tabIndex = 0; // it scrolls
    list.setAttribute("aria-label", `Messages with ${tag}`);
    item.append(element("h3", "", tag), list);
    return { messages: new Map(), pending: [], item, list };
}

function clear() {
    dialogs.clear();
    show();
}

function store(peer, message) {
    const dialog = dialogWith(peer);
    dialog.messages.set(message._id, message);
    if (dialog.messages.size > MESSAGES_MAX) dialog.messages.delete(inOrder(dialog)[0]._id);
    show(peer);
}

function inOrder({ messages }) {
    return [...messages.values()].sort((a, b) => a.seq - b.seq);
}

/* Shows the text as pending until it is stored. Returns what the server answers. */
export async function sendPending({ receiverTag, text, clientMessageId }) {
    const { pending } = dialogWith(receiverTag);
    const waiting = { text };
    pending.push(waiting);
    const sending = currentClient().send(receiverTag, text, { clientMessageId });
    show(receiverTag);
    try {
        return { status: "OK", message: await sending };
    } finally {
        pending.splice(pending.indexOf(waiting), 1);
        show(receiverTag);
    }
}

/* `changed`: the dialog whose messages have changed, if any. */
function show(changed) {
    if (dialogs.has(changed)) fill(changed, dialogs.get(changed));
    const visible = [...dialogs.values()].reverse().filter(({ messages, pending }) => messages.size + pending.length > 0);
    const items = visible.map(({ item }) => item);
    const isSame = items.length === byId("dialogs").children.length
        && items.every((item, i) => byId("dialogs").children[i] === item);
    if (!isSame) byId("dialogs").replaceChildren(...items);
    for (const { list } of visible) list.scrollTop = list.scrollHeight;
    byId("no-messages").hidden = hasMessages();
    for (const handle of onMessages) handle();
}

function fill(tag, dialog) {
    dialog.list.replaceChildren(
        ...inOrder(dialog).map(({ senderTag, text, isDeleted }) => messageItem(
            isDeleted ? "(deleted)" : text, senderTag === tag ? "" : "own")),
        ...dialog.pending.map(({ text }) => messageItem(text, "own unsent")));
}

function messageItem(text, className) {
    return element("li", className, escapeBidi(text));
}

/* With `reset` nothing is known of what has changed: the visible dialogs are read again. */
function onBegin({ user, reset }) {
    if (owner !== "" && user.tag !== owner) clear();
    owner = user.tag;
    if (!reset) return;
    for (const tag of dialogs.keys()) readAgain(tag);
}

function readAgain(tag) {
    dialogs.get(tag).messages.clear();
    show(tag);
    ask("getMessagesWithUser", [tag, 0, MESSAGES_MAX], (messages) => {
        for (const message of messages) store(tag, message);
    });
}

/* The server has erased texts of a deleted account, or leaves them to their receivers. */
function onDeleted(deleted) {
    const tag = [...dialogs.keys()].find((known) => known.toLowerCase() === String(deleted).toLowerCase());
    if (tag) readAgain(tag);
}

function onChange({ name, body }) {
    if (!isObject(body)) return;
    if (name === "newMessage") store(body.senderTag, body);
    if (name === "messageSent") store(body.receiverTag, body);
    if (name === "contactDeleted") onDeleted(body.tag);
}

function onSync({ dialogs: changed }) {
    for (const { userInfo, messages } of changed) {
        for (const message of messages) store(userInfo.tag, message);
        if (userInfo.isDeleted) onDeleted(userInfo.tag);
    }
}

export function startMessages() {
    listen("renew", clear);
    listen("begin", onBegin);
    listen("change", onChange);
    listen("sync", onSync);
    listen("sent", ({ message }) => store(message.receiverTag, message));
}
