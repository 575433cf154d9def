/* HTTP requests of the demo page, each with its answer in the log. */

import { parsedJson } from "./example-dom.js";
import { addToLog } from "./example-log.js";

/* Returns {ok, status, text, data}; never throws. `shown` is what the log may show of the body. */
export async function http(method, path, { body, headers, shown = "" } = {}) {
    const started = Date.now();
    addToLog({ kind: "http", badge: "HTTP", arrow: "→", name: `${method} ${path}`, body: shown });
    try {
        const response = await fetch(path, { method, body, headers, credentials: "same-origin" });
        const text = await response.text();
        const data = parsedJson(text);
        logAnswer(response, path, text, data, Date.now() - started);
        return { ok: response.ok, status: response.status, text, data };
    } catch {
        const text = "The server cannot be reached.";
        addToLog({ kind: "error", group: "http", badge: "HTTP", arrow: "←", name: path, gist: text });
        return { ok: false, status: 0, text, data: undefined };
    }
}

function logAnswer({ ok, status }, path, text, data, tookMs) {
    addToLog({
        kind: ok ? "http" : "error", group: "http", badge: "HTTP", arrow: "←",
        name: `${status} ${path}`, gist: data === undefined ? text : data?.Error?.name ?? "",
        body: data === undefined ? "" : text, aside: `${tookMs} ms`,
    });
}

export function postJson(path, value) {
    const shown = { user: { ...value.user, password: "•".repeat(8) } };
    return http("POST", path, {
        body: JSON.stringify(value),
        headers: { "Content-Type": "application/json" },
        shown: JSON.stringify(shown),
    });
}

export function problemOf({ data, text, status }) {
    const error = data?.Error;
    return error ? `${error.message} (${error.name})` : text || `The server answered ${status}.`;
}
