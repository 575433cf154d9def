/*
 * What this browser keeps of one user, in IndexedDB: the list of conversations, the newest messages of
 * each, what was written and is not sent yet, and the position from which the server continues. It is
 * bounded, and erased at log-out. Without IndexedDB (some private windows) nothing is kept.
 */

import { activity } from "../state/dialog.js";

const NAME = "messenger";
const VERSION = 1;
const MESSAGES_MAX = 100; // of a conversation
const DIALOGS_MAX = 1000;

export async function openDatabase() {
    try {
        return new Database(await opened());
    } catch {
        return new Database(null);
    }
}

function opened() {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => {
        request.result.createObjectStore("about");
        request.result.createObjectStore("dialogs");
        request.result.createObjectStore("messages");
    };
    return promised(request);
}

function promised(request) {
    return new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
        request.onblocked = () => reject(new Error("blocked"));
    });
}

class Database {
    #db;
    #saved = new Map(); // key -> the dialog as it was written last

    constructor(db) {
        this.#db = db;
        if (db) db.onversionchange = () => db.close();
    }

    /* {self, place, dialogs}, the dialogs without messages; null when nothing is kept. */
    async read() {
        return this.#quietly(async () => {
            const { about, dialogs } = this.#stores("readonly", "about", "dialogs");
            const [self, place, rows] = await Promise.all([
                promised(about.get("self")), promised(about.get("place")), promised(dialogs.getAll()),
            ]);
            return self ? { self, place, dialogs: rows.map((row) => ({ ...row, messages: [] })) } : null;
        }, null);
    }

    /* [{tag, messages}] of all conversations. */
    async readMessages() {
        return this.#quietly(() => promised(this.#stores("readonly", "messages").messages.getAll()), []);
    }

    /* What `state` holds now is as it was stored. */
    markSaved(state) {
        this.#saved = new Map(state.dialogs);
    }

    /* Writes what has changed. `place` may be null: it stays as it is. */
    async save(state, place) {
        const dialogs = bounded(state.dialogs);
        const before = this.#saved;
        const changed = [...dialogs].filter(([key, dialog]) => before.get(key) !== dialog);
        const gone = [...before.keys()].filter((key) => !dialogs.has(key));
        this.#saved = dialogs;
        const isWritten = await this.#quietly(async () => {
            const stores = this.#stores("readwrite", "about", "dialogs", "messages");
            if (state.self) stores.about.put(state.self, "self");
            if (place && dialogs.size === state.dialogs.size) stores.about.put(place, "place");
            else if (dialogs.size < state.dialogs.size) stores.about.delete("place"); // the list is to be read again
            for (const [key, dialog] of changed) writeDialog(stores, key, dialog, before.get(key));
            for (const key of gone) removeDialog(stores, key);
            stores.about.transaction.commit(); // now: the page may be about to end
            await ended(stores.about.transaction);
            return true;
        }, false);
        if (!isWritten) this.#saved = new Map([...this.#saved].filter(([key, dialog]) => before.get(key) === dialog));
    }

    /* Removes everything but what was written and not sent. */
    async keepUnsent(state) {
        const unsent = [...state.dialogs].filter(([, dialog]) => dialog.pending.length > 0);
        await this.erase();
        if (unsent.length === 0 || !state.self) return;
        const dialogs = new Map(unsent.map(([key, dialog]) => [key, { ...dialog, messages: [], last: null, unread: 0 }]));
        await this.save({ ...state, dialogs }, null);
    }

    async erase() {
        this.#saved = new Map();
        await this.#quietly(() => {
            const stores = this.#stores("readwrite", "about", "dialogs", "messages");
            for (const store of Object.values(stores)) store.clear();
            return ended(stores.about.transaction);
        });
    }

    #stores(mode, ...names) {
        const transaction = this.#db.transaction(names, mode);
        return Object.fromEntries(names.map((name) => [name, transaction.objectStore(name)]));
    }

    /* The browser may refuse at any time, as when its disk is full: then the page goes on without. */
    async #quietly(run, otherwise) {
        if (!this.#db) return otherwise;
        try {
            return await run();
        } catch {
            return otherwise;
        }
    }
}

function writeDialog(stores, key, dialog, before) {
    const { messages, divider, ...row } = dialog;
    stores.dialogs.put({ ...row, divider: 0 }, key);
    if (messages !== before?.messages) {
        stores.messages.put({ tag: dialog.tag, messages: messages.slice(-MESSAGES_MAX) }, key);
    }
}

function removeDialog(stores, key) {
    stores.dialogs.delete(key);
    stores.messages.delete(key);
}

function ended(transaction) {
    return new Promise((resolve, reject) => {
        transaction.oncomplete = resolve;
        transaction.onabort = () => reject(transaction.error);
    });
}

/* The conversations worth keeping: the newest. */
function bounded(dialogs) {
    if (dialogs.size <= DIALOGS_MAX) return dialogs;
    return new Map([...dialogs].sort(([, one], [, other]) => activity(other) - activity(one)).slice(0, DIALOGS_MAX));
}
