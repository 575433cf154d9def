/* WebSocket frames as entries of the log. */

import { isObject } from "./example-dom.js";
import { addToLog } from "./example-log.js";

const ASKED_MAX = 1000; // requests without an answer that are remembered

const asked = new Map(); // the id of a request, as JSON -> {method, at, origin}, the latest last

/*
 * `origin` of a frame that is sent: "call" of the visitor or the client module, "background" of the
 * page itself, "raw" as typed. A call's answer is shown beside the form, so its entry stays folded;
 * the answer to a raw frame is shown here only.
 */
export function logFrame({ direction, text, data, at }, origin) {
    const entry = direction === "out" ? entryOfRequest(data, at, origin) : entryOfReceived(data, at);
    addToLog({ ...entry, at, body: text, arrow: direction === "out" ? "→" : "←" });
}

function entryOfRequest(data, at, origin) {
    for (const request of Array.isArray(data) ? data : [data]) {
        if (isObject(request) && "id" in request) {
            asked.delete(JSON.stringify(request.id));
            asked.set(JSON.stringify(request.id), { method: String(request.method), at, origin });
            if (asked.size > ASKED_MAX) asked.delete(asked.keys().next().value);
        }
    }
    const background = origin === "background";
    if (Array.isArray(data)) return { kind: "call", name: `batch of ${data.length}` };
    if (!isObject(data)) return { kind: "call", badge: "raw", name: "not a request" };
    const badge = "id" in data ? "call" : "no answer";
    return { kind: "call", badge, background, name: String(data.method), aside: "id" in data ? `id ${data.id}` : "" };
}

function entryOfReceived(data, at) {
    if (Array.isArray(data)) {
        for (const { id } of data.filter(isObject)) asked.delete(JSON.stringify(id));
        return { kind: "answer", group: "call", name: `batch of ${data.length}`, open: true };
    }
    if (!isObject(data)) return { kind: "error", group: "call", name: "not JSON", open: true };
    if (typeof data.type === "string" && !("id" in data)) return entryOfNotification(data);
    return entryOfAnswer(data, at);
}

function entryOfNotification(data) {
    return {
        kind: "notification", name: data.type, gist: gistOfNotification(data.type, data.body),
        aside: String(data.code), open: true,
    };
}

function entryOfAnswer(data, at) {
    const key = JSON.stringify(data.id);
    const request = asked.get(key);
    asked.delete(key);
    const common = {
        group: "call", name: request?.method ?? "answer", aside: request ? `${at - request.at} ms` : "",
        open: !request || request.origin === "raw", background: request?.origin === "background",
    };
    if (!data.error) return { kind: "answer", ...common };
    return { kind: "error", ...common, gist: `${data.error.code} ${data.error.message}` };
}

function gistOfNotification(type, body) {
    if (!isObject(body)) return "";
    const texts = {
        newMessage: () => `${body.senderTag}: ${body.text}`,
        messageSent: () => `to ${body.receiverTag}: ${body.text}`,
        contactOnline: () => `${body.loggedInUserTag} is online`,
        contactOffline: () => `${body.loggedOutUserTag} is offline`,
        contactPersonalDataChanges: () => `${body.tag} changed the profile`,
        selfPersonalDataChanges: () => "profile changed on another device",
        contactDeleted: () => `${body.tag} was deleted`,
        messageWasRead: () => `${body.receiverTag} read the messages`,
        dialogWasRead: () => `read on another device: ${body.senderTag}`,
    };
    return Object.hasOwn(texts, type) ? texts[type]() : "";
}
