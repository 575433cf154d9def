/*
 * Keeps the page itself, so that it opens without the server; nothing of a user. The page is always
 * fetched when the server answers, and names its files by their content: what is kept is never stale.
 */

const CACHE = "messenger page";
const PAGE = "/";
const PAGE_MS = 3000; // as long the server may take before the kept page is shown

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

/* Files whose address has their content's hash. */
function isFile(pathname) {
    return /^\/assets\/[0-9a-f]{16}\//.test(pathname);
}

async function answerPage(event) {
    const known = await caches.match(PAGE, { cacheName: CACHE });
    const fetched = fetchPage();
    event.waitUntil(fetched.then(({ kept }) => kept).catch(() => {}));
    const response = fetched.then(({ response: fresh }) => fresh);
    if (!known) return response;
    const late = new Promise((resolve) => { setTimeout(resolve, PAGE_MS, known); });
    return Promise.race([response.catch(() => known), late]);
}

/* {response, kept}: `kept` is settled when the page, with all files that it names, has replaced the one that
 * was kept; it fails without harm, as on a full disk. */
async function fetchPage() {
    const response = await fetch(PAGE, { cache: "no-cache" });
    return { response, kept: response.ok ? keep(response.clone()).catch(() => {}) : null };
}

async function keep(response) {
    const cache = await caches.open(CACHE);
    const kept = await cache.match(PAGE);
    const text = await response.clone().text();
    if (kept && await kept.text() === text) return;
    const named = [...new Set(text.match(/\/assets\/[0-9a-f]{16}\/[^"]+/g))];
    await cache.addAll(named);
    await cache.put(PAGE, response);
    for (const { url } of await cache.keys()) {
        const { pathname } = new URL(url);
        if (isFile(pathname) && !pathname.startsWith(commonFolder(named))) await cache.delete(url);
    }
}

/* /assets/<hash>/ */
function commonFolder([first = ""]) {
    return first.split("/").slice(0, 3).join("/");
}

async function answerFile(request) {
    const cache = await caches.open(CACHE);
    const kept = await cache.match(request);
    if (kept) return kept;
    const response = await fetch(request);
    if (response.ok) await cache.put(request, response.clone());
    return response;
}
