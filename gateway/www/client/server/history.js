/*
 * The messages of the conversations, as they are needed: those of the open one first, older ones page by page,
 * gaps, and the texts of deleted accounts that were dropped. It belongs to session.js.
 */

import { isWhole, newestSeq } from "../state/dialog.js";
import { findDoubt, findGap } from "../state/messages.js";
import { dialogOf, keyOf } from "../state/state.js";

const FIRST_PAGE = 60;
const NEXT_PAGE = 100;
const PAGE_MAX = 1000; // of the server
const GAP_MS = 1500; // an answer that is on its way closes most gaps

export class History {
    #store;
    #ask;
    #setTimeout;
    #clearTimeout;
    #loading = new Set(); // keys of conversations of which a page is being read
    #checking = new Set(); // keys of conversations of whose texts the server is asked whether it has them
    #deleted = new Set(); // keys of users whose deletion was notified
    #lineage = 0; // changes whenever what was read is not valid any more
    #gapTimer = null;
    #isStopped = false;

    /* `ask(method, params)`: a promise of the answer; null when there will be none. */
    constructor(store, ask, setTimeout, clearTimeout) {
        this.#store = store;
        this.#ask = ask;
        this.#setTimeout = setTimeout;
        this.#clearTimeout = clearTimeout;
    }

    start() {
        this.#isStopped = false;
    }

    stop() {
        this.#isStopped = true;
        this.#clearTimeout(this.#gapTimer);
        this.#gapTimer = null;
    }

    /* The messages that are known are not those that the server has. */
    forget() {
        this.#lineage += 1;
    }

    /* An account was deleted just now: what was asked for before may have its texts. */
    userDeleted(tag) {
        this.#deleted.add(keyOf(tag));
    }

    /* What the open conversation lacks at its end, or of its unread messages, or of a deleted account's texts. */
    loadOpen() {
        const dialog = this.#openDialog();
        if (!dialog) return;
        const isLacking = dialog.messages.length === 0 || dialog.divider === -1;
        if (isLacking && !isWhole(dialog)) this.loadOlder(dialog.tag);
        else this.watchGap();
        this.#checkDropped(dialog.tag);
    }

    /* One more page; false when there is none, or it is being read. */
    async loadOlder(tag) {
        const dialog = dialogOf(this.#store.state, tag);
        if (!dialog || isWhole(dialog)) return false;
        const { messages } = dialog;
        const from = messages.length === 0 ? 0 : newestSeq(dialog) - messages[0].seq + 1;
        return this.#loadPage(tag, from, from + pageSize(dialog));
    }

    async #loadPage(tag, from, to) {
        const key = keyOf(tag);
        if (this.#loading.has(key)) return false;
        this.#loading.add(key);
        const lineage = this.#lineage;
        const messages = await this.#read(tag, Math.max(0, from), to);
        this.#loading.delete(key);
        if (lineage !== this.#lineage) {
            this.loadOpen(); // the indices were those of messages that are not known any more
            return false;
        }
        if (messages) this.#store.dispatch({ type: "pageRead", tag, messages });
        if (messages?.length > 0) this.loadOpen(); // more of them may be unread
        else this.watchGap();
        return Boolean(messages);
    }

    /* Again, if the account was deleted meanwhile: the answer may have been made before. */
    async #read(tag, from, to) {
        const wasDeleted = this.#deleted.has(keyOf(tag));
        const messages = await this.#ask("getMessagesWithUser", [tag, from, to]);
        const isSame = wasDeleted === this.#deleted.has(keyOf(tag));
        return isSame ? messages : this.#ask("getMessagesWithUser", [tag, from, to]);
    }

    /* The texts of a deleted account, which were dropped: the server has them, or has erased them. */
    async #checkDropped(tag) {
        const key = keyOf(tag);
        if (this.#checking.has(key)) return;
        this.#checking.add(key);
        let checked = 0;
        for (let doubt = this.#doubtOf(tag); doubt && doubt.last !== checked; doubt = this.#doubtOf(tag)) {
            checked = doubt.last;
            const newest = newestSeq(dialogOf(this.#store.state, tag));
            if (!await this.#loadPage(tag, newest - doubt.last, newest - doubt.first + 1)) break;
        }
        this.#checking.delete(key);
    }

    #doubtOf(tag) {
        return findDoubt(dialogOf(this.#store.state, tag)?.messages ?? [], PAGE_MAX);
    }

    /* Reads what is missing between the messages of the open conversation, if it does not arrive by itself. */
    watchGap() {
        const dialog = this.#openDialog();
        if (this.#gapTimer || this.#isStopped || !dialog || !findGap(dialog.messages, newestSeq(dialog))) return;
        this.#gapTimer = this.#setTimeout(async () => {
            const now = this.#openDialog();
            const newest = now ? newestSeq(now) : 0;
            const gap = now ? findGap(now.messages, newest) : null;
            if (gap) await this.#loadPage(now.tag, newest - gap.before + 1, newest - gap.after);
            this.#gapTimer = null;
            this.watchGap();
        }, GAP_MS);
    }

    #openDialog() {
        return this.#store.state.dialogs.get(this.#store.state.open);
    }
}

/* Back to the first unread message, when the divider waits for it and it is not too far. */
function pageSize({ messages, divider, unread }) {
    return Math.min(PAGE_MAX, (messages.length === 0 ? FIRST_PAGE : NEXT_PAGE) + (divider === -1 ? unread : 0));
}
