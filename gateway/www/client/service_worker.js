/*
 * Keeps the page itself, so that it opens without the server; nothing of a user. The page is always
 * fetched when the server answers, and names its files by their content: what is kept is never stale.
 * Files that it needs later only (languages, emoji) are named in its <meta name="files-for-later">.
 */

const CACHE = "messenger page";
const PAGE = "/";
const PAGE_MS = 3000; // how long to wait for the server before the kept page is shown

self.addEventListener("install", (event) => {
    self.skipWaiting();
    event.waitUntil(fetchPage().then(({ kept }) => kept).catch(() => {}));
});

self.addEventListener("activate", (event) => {
    event.waitUntil(self.clients.claim());
});

self.addEventListener("fetch", (event) => {
    const { request } = event;
    const { origin, pathname } = new URL(request.url);
    if (request.method !== "GET" || origin !== self.location.origin) return;
    if (request.mode === "navigate" && pathname === PAGE) event.respondWith(answerPage(event));
    else if (isFile(pathname)) event.respondWith(answerFile(request));
});

self.addEventListener("notificationclick", (event) => {
    event.notification.close();
    event.waitUntil(openConversation(event.notification.tag));
});

/* Files whose address has their content's hash. */
function isFile(pathname) {
    return /^\/assets\/[0-9a-f]{16}\//.test(pathname);
}

async function answerPage(event) {
    const known = await caches.match(PAGE, { cacheName: CACHE }).catch(() => undefined);
    const fetched = fetchPage();
    event.waitUntil(fetched.then(({ kept }) => kept).catch(() => {}));
    const response = fetched.then(({ response: fresh }) => (fresh.ok || !known ? fresh : known));
    if (!known) return response;
    const late = new Promise((resolve) => { setTimeout(resolve, PAGE_MS, known); });
    return Promise.race([response.catch(() => known), late]);
}

/* {response, kept}: `kept` is settled when the page, with all files that it names, has replaced the one that
 * was kept. It never rejects: on a full disk, what was kept stays. */
async function fetchPage() {
    const response = await fetch(PAGE, { cache: "no-cache" });
    return { response, kept: response.ok ? keep(response.clone()).catch(() => {}) : null };
}

async function keep(response) {
    const cache = await caches.open(CACHE);
    const kept = await cache.match(PAGE);
    const text = await response.clone().text();
    if (kept && await kept.text() === text) return;
    const named = [...new Set(text.match(/\/assets\/[0-9a-f]{16}\/[^"\s]+/g))];
    await Promise.all(named.map((address) => keepFile(cache, address)));
    await cache.put(PAGE, response);
    for (const { url } of await cache.keys()) {
        const { pathname } = new URL(url);
        if (isFile(pathname) && !pathname.startsWith(folderOf(named))) await cache.delete(url);
    }
}

async function keepFile(cache, address) {
    const response = await fetch(address);
    if (!isOfItsHash(response)) throw new Error(`${address} is of another version`);
    await cache.put(address, response);
}

/* A gateway of another version answers with its own file, which must not be kept under this address. */
function isOfItsHash(response) {
    return response.ok && (response.headers.get("Cache-Control") ?? "").includes("immutable");
}

/* /assets/<hash>/ */
function folderOf([first = ""]) {
    return first.split("/").slice(0, 3).join("/");
}

async function answerFile(request) {
    const cache = await caches.open(CACHE).catch(() => null);
    const kept = await cache?.match(request, { ignoreVary: true });
    if (kept) return kept;
    const response = await fetch(request);
    if (cache && isOfItsHash(response)) cache.put(request, response.clone()).catch(() => {});
    return response;
}

/* Shows the conversation of a notification, in a window that is open or in a new one. */
async function openConversation(tag) {
    const [page] = await self.clients.matchAll({ type: "window" });
    if (!page) return self.clients.openWindow(`/#${tag}`);
    page.postMessage({ open: tag });
    return page.focus();
}
