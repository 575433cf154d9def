/*
 * What this browser keeps of one user, in IndexedDB: the list of conversations, the newest messages of
 * each, what was written and is not sent yet, and the position from which the server continues. It is
 * bounded, and erased at log-out. Without IndexedDB (some private windows) nothing is kept.
 */

import { activity, newDialog } from "../state/dialog.js";

const NAME = "messenger";
const VERSION = 1;
const MESSAGES_MAX = 100; // of a conversation
const DIALOGS_MAX = 1000;
const OPEN_MS = 2000;

/* A browser that does not answer in time is one without IndexedDB. */
export async function openDatabase() {
    const database = new Database();
    await Promise.race([database.open(), new Promise((resolve) => { setTimeout(resolve, OPEN_MS); })]);
    return database;
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
    #db = null;
    #saved = new Map(); // key -> the dialog as it was written last
    #others = null; // the place that another tab has written

    async open() {
        try {
            this.#db = await opened();
            this.#db.onversionchange = () => this.#db.close();
            this.#db.onclose = () => this.open(); // some browsers close it by themselves
        } catch {
            this.#db = null;
        }
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

    /* Another tab has written all up to that place. */
    noteOthers(place) {
        this.#others = place;
    }

    /* Writes what has changed. `place` may be null: it stays as it is. Resolves with whether all is written. */
    async save(state, place) {
        const dialogs = bounded(state.dialogs);
        const before = this.#saved;
        const changed = [...dialogs].filter(([key, dialog]) => before.get(key) !== dialog);
        if (this.#lagsBehind(place)) return this.#saveWritten(changed);
        const gone = [...before.keys()].filter((key) => !dialogs.has(key));
        const isWhole = dialogs.size === state.dialogs.size;
        this.#saved = dialogs;
        const isWritten = await this.#quietly(async () => {
            const stores = this.#stores("readwrite", "about", "dialogs", "messages");
            if (state.self) stores.about.put(state.self, "self");
            if (place && isWhole) stores.about.put(place, "place");
            else if (!isWhole) stores.about.delete("place"); // the list is to be read again
            for (const [key, dialog] of changed) writeDialog(stores, key, dialog, before.get(key));
            for (const key of gone) removeDialog(stores, key);
            stores.about.transaction.commit(); // now: the page may be about to end
            await ended(stores.about.transaction);
            return true;
        }, false);
        if (!isWritten) this.#saved = new Map([...this.#saved].filter(([key, dialog]) => before.get(key) === dialog));
        return isWritten;
    }

    /* What another tab has stored is newer than what this one knows. */
    #lagsBehind(place) {
        return place && this.#others?.epoch === place.epoch && this.#others.position > place.position;
    }

    /* Only what the server does not have; the rest when this tab has caught up. */
    #saveWritten(changed) {
        return this.#quietly(async () => {
            const { dialogs } = this.#stores("readwrite", "dialogs");
            for (const [key, { pending, draft, toReport }] of changed) {
                const stored = await promised(dialogs.get(key));
                if (stored) dialogs.put({ ...stored, pending, draft, toReport }, key);
            }
            await ended(dialogs.transaction);
            return false;
        }, false);
    }

    /* Removes everything but what was written and not sent, and the drafts. */
    async keepUnsent(state) {
        const unsent = [...state.dialogs].filter(([, { pending, draft }]) => pending.length > 0 || draft !== "");
        this.#saved = new Map();
        await this.#quietly(() => {
            const stores = this.#stores("readwrite", "about", "dialogs", "messages");
            for (const store of Object.values(stores)) store.clear();
            if (state.self && unsent.length > 0) stores.about.put(state.self, "self");
            for (const [key, dialog] of unsent) {
                writeDialog(stores, key, { ...newDialog(dialog.user), pending: dialog.pending, draft: dialog.draft });
            }
            return ended(stores.about.transaction);
        });
    }

    /* When even that is refused, the whole database goes. */
    async erase() {
        this.#saved = new Map();
        this.#others = null;
        const isErased = await this.#quietly(async () => {
            const stores = this.#stores("readwrite", "about", "dialogs", "messages");
            for (const store of Object.values(stores)) store.clear();
            await ended(stores.about.transaction);
            return true;
        }, !this.#db);
        if (!isErased) indexedDB.deleteDatabase(NAME);
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
