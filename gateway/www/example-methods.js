/* The methods of the API, each with an example for the form of the demo page. */

import { anotherLastName } from "./example-account.js";
import { currentClient } from "./example-connection.js";

/* `order`: the parameters by position; those in `optional` may be absent. `params(tag)`: an example,
 * where `tag` is the user to address. `tag`: the parameter that takes it. */
export const METHODS = [
    {
        name: "sendMessageToUser",
        about: "Sends a text. The page adds a clientMessageId if there is none, and repeats an unanswered call with the same id: the message is stored once.",
        params: (tag) => ({ receiverTag: tag, text: "Hello! 👋" }),
        order: ["receiverTag", "text", "clientMessageId"],
        optional: ["clientMessageId"],
        tag: "receiverTag",
    },
    {
        name: "getDialogsList",
        about: "Returns the dialogs, newest first, each with its last message: entries from startIndex up to endIndex.",
        params: () => ({ startIndex: 0, endIndex: 30 }),
        order: ["startIndex", "endIndex"],
        optional: ["startIndex", "endIndex"],
    },
    {
        name: "getMessagesWithUser",
        about: "Returns the messages of one dialog, newest first: entries from startIndex up to endIndex.",
        params: (tag) => ({ receiverTag: tag, startIndex: 0, endIndex: 100 }),
        order: ["receiverTag", "startIndex", "endIndex"],
        optional: ["startIndex", "endIndex"],
        tag: "receiverTag",
    },
    {
        name: "markMessagesWithUserAsRead",
        about: "Marks messages from that user as read: all, or those up to a seq. The sender is notified.",
        params: (tag) => ({ senderTag: tag }),
        order: ["senderTag", "upToSeq"],
        optional: ["upToSeq"],
        tag: "senderTag",
    },
    {
        name: "findUsersByTag",
        about: "Finds users by a part of their tag. An empty string returns the first 30.",
        params: () => ({ tag: "" }),
        order: ["tag"],
        tag: "tag",
    },
    {
        name: "getSelfInfo",
        about: "Returns the signed-in user.",
        params: () => ({}),
        order: [],
    },
    {
        name: "setSelfInfo",
        about: "Changes the name or the picture. An empty string leaves a field unchanged.",
        params: () => ({ firstName: "", lastName: anotherLastName(), img: "" }),
        order: ["firstName", "lastName", "img"],
        optional: ["firstName", "lastName", "img"],
    },
    {
        name: "hello",
        about: "Returns the signed-in user, the epoch of the store and the position of the newest change. A client calls it before it reads its lists; this page does when it connects.",
        params: () => ({}),
        order: [],
    },
    {
        name: "sync",
        about: "Returns the changes after position since, at most limit of them. The epoch and position of this page are filled in: lower since to see earlier changes.",
        params: () => ({ epoch: currentClient().epoch, since: currentClient().position, limit: 100 }),
        order: ["epoch", "since", "limit"],
        optional: ["epoch", "since", "limit"],
        followsPosition: true,
    },
    {
        name: "deleteAccount",
        about: "Deletes the signed-in user for good, with its texts: all its sockets are closed, and contacts are notified (3204). The password is that of step 1.",
        params: () => ({ password: "" }),
        order: ["password"],
    },
    {
        name: "Raw frame",
        about: "Sends the text unchanged: a batch, a notification without an id, or a deliberate mistake.",
        isRaw: true,
        params: () => [
            { jsonrpc: "2.0", method: "getSelfInfo", id: "raw-1" },
            { jsonrpc: "2.0", method: "getDialogsList", params: [0, 5], id: "raw-2" },
        ],
    },
];

/* As the documentation writes it: getMessagesWithUser(receiverTag, startIndex?, endIndex?). */
export function signatureOf({ name, isRaw, order, optional = [] }) {
    if (isRaw) return name;
    return `${name}(${order.map((param) => (optional.includes(param) ? `${param}?` : param)).join(", ")})`;
}
