// What stands in for the server in the tests of the web client: one user, "@Me", as docs/api.md has it.
// It has no clock and no network: a test delivers what it notifies of, and what it answers.

const clone = (value) => JSON.parse(JSON.stringify(value));
const DAY_MS = 86_400_000;

export class ChatServer {
    self = { _id: "u0", tag: "@Me", firstName: "Mary", lastName: "Shelley", img: "default.jpg" };
    epoch = "first";
    position = 0;
    blocked = []; // tags of whom the user has blocked
    notified = []; // of this client's socket, in order
    #peers = new Map(); // key -> {user, messages, in, out: how many are there, inRead, outRead}
    #changes = []; // {userSeq, key, kind, message}
    #ids = new Map();
    #dates = 0;

    constructor(...tags) {
        for (const tag of tags) this.addUser(tag);
    }

    addUser(tag, fields = {}) {
        const user = {
            _id: `u${this.#peers.size + 1}`, tag, firstName: tag.slice(1), lastName: "Doe", img: "default.jpg",
            isOnline: false, ...fields,
        };
        this.#peers.set(tag.toLowerCase(), { user, messages: [], in: 0, out: 0, inRead: 0, outRead: 0 });
        return user;
    }

    get tags() {
        return [...this.#peers.values()].map(({ user }) => user.tag);
    }

    /* What happens: `by` "client" (the socket of the test), "device" (another one of the user's) or "peer". */

    send(tag, text, by, id = "") {
        const peer = this.#peers.get(tag.toLowerCase());
        if (id && this.#ids.has(id)) return this.#ids.get(id);
        const mine = by !== "peer";
        const count = mine ? (peer.out += 1) : (peer.in += 1);
        const seq = peer.messages.length + 1;
        const message = {
            _id: `${this.epoch} ${tag} ${seq}`, senderTag: mine ? this.self.tag : peer.user.tag,
            receiverTag: mine ? peer.user.tag : this.self.tag, text, seq, count, mine,
            date: DAY_MS + (this.#dates += 1000),
        };
        peer.messages.push(message);
        if (id) this.#ids.set(id, message);
        const userSeq = this.#change(tag, mine ? "out" : "in", message);
        const body = { ...this.#plain(message), userSeq };
        if (by !== "client") this.notified.push({ type: "", code: mine ? 3002 : 3001, body });
        return message;
    }

    /* What `sendMessageToUser` answers. */
    sent(tag, text, id) {
        const message = this.send(tag, text, "client", id);
        return { ...this.#viewed(tag, message), date: message.date, clientMessageId: id };
    }

    mark(tag, upToSeq, by) {
        const peer = this.#peers.get(tag.toLowerCase());
        const [side, mine] = by === "peer" ? ["outRead", true] : ["inRead", false];
        const read = peer.messages.filter((message) => message.mine === mine && message.seq <= upToSeq).length;
        if (read <= peer[side]) return;
        peer[side] = read;
        const userSeq = this.#change(tag, side);
        if (by === "peer") this.notified.push({ type: "", code: 3300, body: { receiverTag: peer.user.tag, userSeq } });
        if (by === "device") this.notified.push({ type: "", code: 3301, body: { senderTag: peer.user.tag, userSeq } });
    }

    presence(tag, isOnline) {
        const { user } = this.#peers.get(tag.toLowerCase());
        user.isOnline = isOnline;
        const body = isOnline ? { loggedInUserTag: user.tag } : { loggedOutUserTag: user.tag };
        this.notified.push({ type: "", code: isOnline ? 3101 : 3100, body });
    }

    /* `keeps`: the server leaves the texts to their receivers (accounts.eraseMessages). */
    deleteUser(tag, { keeps = false } = {}) {
        const peer = this.#peers.get(tag.toLowerCase());
        Object.assign(peer.user, { firstName: "", lastName: "", img: "default.jpg", isOnline: false, isDeleted: true });
        if (!keeps) this.erase(tag, ({ mine }) => !mine);
        this.notified.push({ type: "", code: 3204, body: { tag: peer.user.tag, userSeq: this.#change(tag, "deleted") } });
    }

    isDeleted(tag) {
        return Boolean(this.#peers.get(tag.toLowerCase()).user.isDeleted);
    }

    /* Nobody is notified of it. */
    erase(tag, which) {
        for (const message of this.#peers.get(tag.toLowerCase()).messages) if (which(message)) message.text = "";
    }

    /* A copy of the store, for turnBack. */
    copy() {
        return clone({ peers: [...this.#peers], ids: [...this.#ids], position: this.position, changes: this.#changes });
    }

    turnBack(copy, epoch) {
        const { peers, ids, position, changes } = clone(copy);
        this.#peers = new Map(peers);
        this.#ids = new Map(ids);
        this.#changes = changes;
        this.position = position;
        this.epoch = epoch;
        this.notified = [];
    }

    #change(tag, kind, message) {
        this.position += 1;
        this.#changes.push({ userSeq: this.position, key: tag.toLowerCase(), kind, message });
        return this.position;
    }

    #plain({ _id, senderTag, receiverTag, text, date, seq }) {
        return { _id, senderTag, receiverTag, text, date, seq, ...(text === "" && { isDeleted: true }) };
    }

    #viewed(tag, message) {
        const peer = this.#peers.get(tag.toLowerCase());
        const isRead = message.count <= (message.mine ? peer.outRead : peer.inRead);
        return { ...this.#plain(message), date: new Date(message.date).toISOString(), isRead };
    }

    /* Methods */

    hello() {
        return { epoch: this.epoch, position: this.position, user: this.self };
    }

    row(tag) {
        const peer = this.#peers.get(tag.toLowerCase());
        const last = peer.messages.at(-1);
        if (!last) return null;
        const unreadIncoming = peer.in - peer.inRead;
        const unreadOutgoing = peer.out - peer.outRead;
        const { _id, ...message } = this.#plain(last);
        return clone({
            _id: `conversation ${tag}`, ...message, date: new Date(last.date).toISOString(),
            unreadCount: unreadIncoming + unreadOutgoing,
            unreadIncoming, unreadOutgoing, userInfo: peer.user,
        });
    }

    list(from = 0, to = 30) {
        const rows = this.tags.map((tag) => this.row(tag)).filter(Boolean);
        rows.sort((one, other) => new Date(other.date) - new Date(one.date));
        return rows.slice(from, Math.min(to, from + 1000));
    }

    history(tag, from = 0, to = 100) {
        const messages = this.#peers.get(tag.toLowerCase())?.messages ?? [];
        const page = messages.toReversed().slice(from, Math.min(to, from + 1000));
        return page.map((message) => this.#viewed(tag, message));
    }

    /* Of the marks of one dialog the last stands for all. */
    sync(epoch, since, limit = 100) {
        const isSuperseded = (change, i) => !change.message
            && this.#changes.slice(i + 1).some(({ key, kind }) => key === change.key && kind === change.kind);
        if (epoch !== this.epoch || since > this.position) {
            const { position, self } = this;
            return { epoch: this.epoch, position, tag: self.tag, more: false, reset: true, dialogs: [] };
        }
        const wanted = this.#changes.filter((change, i) => change.userSeq > since && !isSuperseded(change, i));
        const taken = wanted.slice(0, limit);
        const more = taken.length < wanted.length;
        const dialogs = new Map();
        for (const { key, message } of taken) {
            if (!dialogs.has(key)) dialogs.set(key, { ...this.row(key), messages: [] });
            if (message) dialogs.get(key).messages.push(this.#viewed(key, message));
        }
        const page = { epoch, tag: this.self.tag, more, reset: false, dialogs: [...dialogs.values()] };
        if (more) return { ...page, position: taken.at(-1).userSeq };
        const online = [...this.#peers.values()].filter(({ user }) => user.isOnline).map(({ user }) => user.tag);
        return { ...page, position: this.position, self: this.self, online };
    }

    /* The answer to a request of the client: {result} or {error}. */
    answer({ method, params: [one, two, three] = [] }) {
        const run = {
            getSelfInfo: () => this.self,
            hello: () => this.hello(),
            sync: () => this.sync(one, two, three),
            getDialogsList: () => this.list(one, two),
            getMessagesWithUser: () => this.history(one, two, three),
            findUsersByTag: () => [],
            listBlocked: () => this.blocked.map((tag) => ({ tag })),
            setSelfInfo: () => ({
                ...this.self, firstName: one || this.self.firstName, lastName: two || this.self.lastName,
            }),
            markMessagesWithUserAsRead: () => (this.mark(one, two ?? Infinity, "client"), { status: "OK" }),
            sendMessageToUser: () => ({ status: "OK", message: this.sent(one, two, three) }),
        }[method];
        return { result: clone(run()) };
    }
}

/* Throws when something changes what it contains. */
export function frozen(value) {
    if (value === null || typeof value !== "object" || Object.isFrozen(value)) return value;
    if (value instanceof Map || value instanceof Set) {
        for (const item of value) frozen(item);
        value.set = value.add = value.delete = value.clear = () => { throw new Error("it was changed"); };
    }
    for (const item of Object.values(value)) frozen(item);
    return Object.freeze(value);
}
