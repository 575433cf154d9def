// A MessengerClient in node, driven by lines of JSON: {"send": TEXT} or {"stop": true} on stdin; on stdout
// {"state"}, {"current"}, {"stored"} or {"rejected"}. Arguments: the address, the token, the receiver, options.
import { createInterface } from "node:readline";

import { MessengerClient } from "./messenger-client.js";

const [url, token, receiver, options] = process.argv.slice(2);

// The browser would send the cookie.
class WebSocketWithToken extends WebSocket {
    constructor(address) {
        super(address, { headers: { Authorization: `Bearer ${token}` } });
    }
}

const print = (line) => console.log(JSON.stringify(line));
const client = new MessengerClient(url, { WebSocket: WebSocketWithToken, ...JSON.parse(options) });
client.addEventListener("state", ({ state }) => print({ state }));
client.addEventListener("current", () => print({ current: true }));
client.connect();

createInterface({ input: process.stdin }).on("line", (line) => {
    const { send } = JSON.parse(line);
    if (send === undefined) process.exit(0);
    client.send(receiver, send).then(
        ({ text }) => print({ stored: text.slice(0, 20) }),
        ({ name, code, reason }) => print({ rejected: send.slice(0, 20), name, code, reason }));
});
