/*
 * The demo page: account, connection, methods, messages, picture, and a log of everything that passes.
 * A module for each part that one sees; example-dom.js has what all of them use. What the server or
 * other users send is only ever shown as text, never as markup.
 */

import { startAccount } from "./example-account.js";
import { setReceiver, startCall } from "./example-call.js";
import { connect, renewClient, startConnection } from "./example-connection.js";
import { byId } from "./example-dom.js";
import { startLog } from "./example-log.js";
import { startMessages } from "./example-messages.js";
import { startPeople } from "./example-people.js";
import { startPicture } from "./example-picture.js";
import { startViews } from "./example-views.js";

byId("address").value = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api`;
startLog();
startConnection();
startAccount();
startPeople(setReceiver);
startMessages();
startCall();
startPicture();
startViews();
renewClient();
// The cookie cannot be read from here: the socket shows whether there is a valid one.
connect();
