/* HTTP: accounts, tokens and pictures. Each function rejects with an AccountError. */

export class AccountError extends Error {
    /*
     * `name` is the server's, as "AuthError"; "Unreachable" when it did not answer. `retryInS`: after
     * how many seconds it may be tried again; 0: not known.
     */
    constructor(name, message, retryInS = 0) {
        super(message);
        this.name = name;
        this.retryInS = retryInS;
    }
}

/* Resolves with whether the browser has a token now; else a mail was sent, whose link has to be followed first. */
export async function signUp({ tag, firstName, lastName, email, password, invite }) {
    const response = await post("/signup", { user: { tag, firstName, lastName, email, password, invite } });
    return response.status !== 202;
}

/* By the code of the mail that follows a sign-up, with its password. */
export async function proveEmail(code, password) {
    await post("/prove", { code, password });
}

/* What is offered here: `mode`, who may sign up ("open", "invite" or "closed"; "" when it is not known), and whether there
 * are resets by mail (`resetsByMail`). */
export async function registrationOffer() {
    try {
        const response = await fetch("/registration", { signal: AbortSignal.timeout(30_000) });
        return response.ok ? await response.json() : { mode: "" };
    } catch {
        return { mode: "" };
    }
}

/* Asks for a mail with a link, if the address has an account. */
export async function requestReset(email) {
    await post("/forgot", { user: { email } });
}

/* By the code of an administrator's link, or of a mail. */
export async function resetPassword(code, password) {
    await post("/reset", { code, password });
}

export async function logIn({ email, password }) {
    await post("/login", { user: { email, password } });
}

/* Revokes the token and clears the cookie. */
export async function logOut() {
    await post("/exit", {});
}

/* Sets the cookie with a new token of the same session. Resolves with the server's time in ms, 0: not known. */
export async function renewToken() {
    const response = await post("/renew", {});
    return Date.parse(response.headers.get("Date")) || 0;
}

async function post(path, body) {
    let response;
    try {
        response = await fetch(path, {
            method: "POST",
            headers: { "Content-Type": "application/json" },
            body: JSON.stringify(body),
            signal: AbortSignal.timeout(30_000),
        });
    } catch {
        throw new AccountError("Unreachable", "The server does not answer.");
    }
    if (!response.ok) throw errorOf(await response.text(), Number(response.headers.get("Retry-After")));
    return response;
}

function errorOf(text, retryAfter) {
    const retryInS = Number.isFinite(retryAfter) ? retryAfter : 0;
    try {
        const { name, message } = JSON.parse(text).Error;
        return new AccountError(name, message, retryInS);
    } catch {
        return new AccountError("Unexpected", "The server answered in an unexpected way.", retryInS);
    }
}

/* The name of the stored picture. `progress(share)` is called with 0 to 1. */
export function uploadPicture(blob, progress) {
    return new Promise((resolve, reject) => {
        const request = new XMLHttpRequest();
        const form = new FormData();
        form.append("image", blob, "picture");
        request.upload.onprogress = ({ loaded, total }) => progress(total > 0 ? loaded / total : 0);
        request.onerror = () => reject(new AccountError("Unreachable", "The server does not answer."));
        request.ontimeout = request.onerror;
        request.onload = () => {
            const name = request.status === 200 ? fileName(request.responseText) : "";
            if (name) resolve(name);
            else reject(errorOf(request.responseText, Number(request.getResponseHeader("Retry-After"))));
        };
        request.open("POST", "/upload-image");
        request.timeout = 60_000;
        request.send(form);
    });
}

/* JSON in JSON, as the original server answers; "" when it is something else. */
function fileName(text) {
    try {
        return JSON.parse(JSON.parse(text)).fileName;
    } catch {
        return "";
    }
}

export function pictureAddress(img) {
    return `/img/${encodeURIComponent(img)}`;
}
