"""What must hold when all is over. Pure functions on the books and on what was read: each returns
findings, none if all is well. test_checker.py plants what each must find."""

import collections
import dataclasses
import itertools
import re

from chaos import ledger as books
from chaos import turn_back
from chaos.view import IN, OUT, PROFILE_FIELDS

PASSING_CODES = (-32001, -32002)
BAD_LINES = re.compile(r"fatal|sanitizer|runtime error:|assertion|panic|stack smashing|double free|"
                       r"corrupt", re.IGNORECASE)
SHOWN_MOST = 5


@dataclasses.dataclass(frozen=True)
class Finding:
    """`check` is one word for what does not hold, `where` who saw it."""
    check: str
    where: str
    detail: str


def some(items):
    """A few of many, for a detail."""
    items = list(items)
    more = f" and {len(items) - SHOWN_MOST} more" if len(items) > SHOWN_MOST else ""
    return ", ".join(map(str, items[:SHOWN_MOST])) + more


# What was sent

def check_answers(ledger):
    """A clientMessageId is one message, with the text that was sent, to whom it was sent. Its `seq` may be another one
    after the first message was lost with a store that was turned back."""
    findings = []
    for sent in ledger.sent.values():
        if any(_are_two(ledger, *pair) for pair in itertools.combinations(sent.acks, 2)):
            findings.append(Finding("answered-as-two", sent.sender, f"{sent.key}: {some(sent.acks)}"))
        for ack in (ack.message for ack in sent.acks):
            if (ack["senderTag"], ack["receiverTag"], ack["text"]) != (
                    sent.sender, sent.receiver, sent.text):
                findings.append(Finding("answered-wrongly", sent.sender, f"{sent} got {ack}"))
    return findings


def _are_two(ledger, ack, other):
    if ack.message["_id"] != other.message["_id"]:
        return True
    return (ack.message["seq"] != other.message["seq"] and
            not turn_back.may_differ(ledger.turn_backs, ack, other))


def check_stored(ledger, stored):
    """`stored`: (who reads, whom it is with) -> messages, oldest first. Everything acknowledged is
    there for both, once, as acknowledged; nothing else is; seq has no holes."""
    findings = []
    for (owner, peer), messages in sorted(stored.items()):
        where = f"{owner} with {peer}"
        seqs = [message["seq"] for message in messages]
        if seqs != list(range(1, len(seqs) + 1)):
            holes = sorted(set(range(1, max(seqs) + 1)) - set(seqs))
            findings.append(Finding("seq-holes", where, f"{len(seqs)} messages, without {some(holes)}"))
        findings += _check_doubles(where, messages)
        findings += _check_texts(ledger, where, messages)
        other = stored.get((peer, owner))
        if other is not None and owner < peer and _plain(messages) != _plain(other):
            findings.append(Finding("two-histories", where, "the two see it differently: " +
                                    some(set(_plain(messages)) ^ set(_plain(other)))))
    return findings + _check_kept(ledger, stored)


def _plain(messages):
    return [(m["_id"], m["seq"], m["senderTag"], m["text"], m["date"], m["isRead"]) for m in messages]


def _check_doubles(where, messages):
    keys = collections.Counter(books.key_of(message["text"]) for message in messages)
    ids = collections.Counter(message["_id"] for message in messages)
    twice = [name for counter in (keys, ids) for name, count in counter.items() if count > 1]
    return [Finding("stored-twice", where, some(twice))] if twice else []


def _check_texts(ledger, where, messages):
    findings = []
    for message in messages:
        sent = ledger.sent.get(books.key_of(message["text"]))
        if sent is None or sent.text != message["text"] or sent.sender != message["senderTag"]:
            findings.append(Finding("nobody-sent", where, f"{message} is stored; sent was {sent}"))
    return findings


def _check_kept(ledger, stored):
    findings = []
    index = {pair: {m["_id"]: m for m in messages} for pair, messages in stored.items()}
    for sent in ledger.sent.values():
        for pair in ((sent.sender, sent.receiver), (sent.receiver, sent.sender)):
            for ack in _to_be_kept(ledger, sent) if pair in index else []:
                kept = index[pair].get(ack["_id"])
                if kept is None or (kept["seq"], kept["text"]) != (ack["seq"], sent.text):
                    findings.append(Finding("acknowledged-lost", " with ".join(pair),
                                            f"{sent.key}, acknowledged as {ack}, is {kept}"))
    return findings


def _to_be_kept(ledger, sent):
    """One of the answers, unless the message may have been lost with a store that was turned back."""
    return [ack.message for ack in sent.acks if not turn_back.may_be_lost(ledger.turn_backs, ack)][:1]


def check_names(ledger, users):
    """The last name that was acknowledged is stored. `users`: tag -> user."""
    return [Finding("acknowledged-lost", user, f"the name {change.value}: {users[user]}")
            for user, change in turn_back.last_names(ledger.changes).items()
            if users[user]["firstName"] != change.value and
            not turn_back.name_may_be_lost(ledger.turn_backs, change)]


def check_syncs(ledger):
    """`reset` comes if, and only if, a store was turned back to before the position."""
    findings = []
    for sync in ledger.syncs:
        if sync.reset and not turn_back.may_reset(ledger.turn_backs, sync):
            findings.append(Finding("reset", sync.where, f"nothing of it was lost: {sync}"))
        if not sync.reset and turn_back.must_reset(ledger.turn_backs, sync):
            findings.append(Finding("silently-behind", sync.where, f"a position that was lost: {sync}"))
    return findings


# What was pushed

def check_sockets(ledger):
    """On each socket the user sequence rises, and seq in each conversation; so nothing comes twice.
    What is shown was sent."""
    findings = []
    for number, book in enumerate(ledger.sockets):
        where = f"{book.device}, socket {number} at gateway-{book.gateway}"
        findings += _check_user_seqs(where, book)
        findings += _check_push_order(where, book)
        findings += _check_pushed_texts(ledger, where, book)
        findings += _check_presence_order(where, book)
    return findings


def _check_presence_order(where, book):
    """Online and offline of a contact alternate; but online comes again after a list that was answered while no
    presence service replied, and showed the contact as offline."""
    last, findings = {}, []
    for code, body in book.pushes:
        if code in (books.OFFLINE, books.ONLINE):
            tag, = body.values()
            if last.get(tag) == code == books.OFFLINE:
                findings.append(Finding("presence-repeated", where, f"{code} of {tag} twice in a row"))
            last[tag] = code
    return findings


def _check_user_seqs(where, book):
    numbered = [(code, body) for code, body in book.pushes
                if code not in (books.OFFLINE, books.ONLINE)]
    without = [body for code, body in numbered if not body.get("userSeq")]
    findings = []
    if without:
        findings.append(Finding("no-user-seq", where, some(without)))
    seqs = [body["userSeq"] for _, body in numbered if body.get("userSeq")]
    back = [(before, after) for before, after in zip(seqs, seqs[1:]) if after <= before]
    if back:
        findings.append(Finding("user-seq-not-rising", where, "followed by: " + some(back)))
    return findings


def _check_push_order(where, book):
    last, ids, findings = {}, set(), []
    for code, body in book.pushes:
        if code not in (books.NEW_MESSAGE, books.MESSAGE_SENT):
            continue
        peer = body["senderTag" if code == books.NEW_MESSAGE else "receiverTag"]
        if body["_id"] in ids:
            findings.append(Finding("pushed-twice", where, str(body)))
        elif peer in last and body["seq"] <= last[peer]["seq"]:
            findings.append(Finding("pushed-out-of-order", where, f"{body} after {last[peer]}"))
        ids.add(body["_id"])
        last[peer] = max(body, last.get(peer, body), key=lambda one: one["seq"])
    return findings


def _check_pushed_texts(ledger, where, book):
    findings = []
    for code, body in book.pushes:
        if code in (books.NEW_MESSAGE, books.MESSAGE_SENT):
            sent = ledger.sent.get(books.key_of(body["text"]))
            if sent is None or (sent.text, sent.sender, sent.receiver) != (
                    body["text"], body["senderTag"], body["receiverTag"]):
                findings.append(Finding("shown-but-not-sent", where, f"{body}; sent was {sent}"))
    return findings


def check_closes(ledger):
    """A socket goes with its gateway (1001, or cut off), or says our own good-bye back; at rest, not at
    all."""
    findings = []
    for number, book in enumerate(ledger.sockets):
        where = f"{book.device}, socket {number} at gateway-{book.gateway}"
        code, reason = book.closed
        if code not in (None, 1001) and (code, reason) != (1000, "") and not _may_close(ledger, book, code):
            findings.append(Finding("closed", where, f"{code} {reason}"))
        if book.at_rest:
            findings.append(Finding("lost-at-rest", where, f"{code} {reason}"))
    return findings


def _may_close(ledger, book, code):
    """1012: it was ahead of a store that was turned back. 1013: it did not read what was sent to it."""
    if code == 1012:
        return turn_back.may_close(ledger.turn_backs, book, ledger.changes)
    return code == 1013 and any(slow.device == book.device and slow.begin <= book.closed_at and
                                book.opened_at <= slow.end for slow in ledger.slow)


# What is read

def check_snapshot(owner, snapshot):
    """The rows of the dialogs are what follows from the messages."""
    findings = []
    for entry in snapshot.dialogs:
        peer = entry["userInfo"]["tag"]
        where, messages = f"{owner} with {peer}", snapshot.messages.get(peer, [])
        if not messages:
            findings.append(Finding("row-without-messages", where, str(entry)))
            continue
        last = messages[-1]
        wanted = {field: last[field] for field in ("senderTag", "receiverTag", "text", "date", "seq")}
        unread = collections.Counter(m["senderTag"] == owner for m in messages if not m["isRead"])
        wanted |= {"unreadIncoming": unread[False], "unreadOutgoing": unread[True],
                   "unreadCount": unread[False] + unread[True]}
        wrong = {field: (entry[field], value) for field, value in wanted.items()
                 if entry[field] != value}
        if wrong:
            findings.append(Finding("row-wrong", where, f"it says, but by the messages: {wrong}"))
        findings += _check_read_prefix(where, messages)
    return findings


def _check_read_prefix(where, messages):
    """Of one sender's messages, none is read after one that is not."""
    for sender in {message["senderTag"] for message in messages}:
        read = [message["isRead"] for message in messages if message["senderTag"] == sender]
        if read != sorted(read, reverse=True):
            return [Finding("read-after-unread", where, f"of {sender}")]
    return []


def check_view(where, view, snapshot, names_unknown=()):
    """What a client knows is what there is; but not the names of some."""
    findings = [Finding("view-contradiction", where, f"{known}, and then {body}")
                for known, body in view.contradictions]
    for entry in snapshot.dialogs:
        peer = entry["userInfo"]["tag"]
        messages = snapshot.messages.get(peer, [])
        findings += _check_view_messages(f"{where} with {peer}", view, peer, messages)
        findings += _check_view_marks(f"{where} with {peer}", view, peer, messages)
        if peer not in names_unknown:
            findings += _check_view_profile(where, view, peer, entry["userInfo"])
    phantom = set(view.dialogs) - {entry["userInfo"]["tag"] for entry in snapshot.dialogs}
    if any(view.dialogs[peer].messages for peer in phantom):
        findings.append(Finding("view-phantom-dialog", where, some(phantom)))
    if view.owner in names_unknown:
        return findings
    return findings + _check_view_profile(where, view, view.owner, snapshot.own)


def _check_view_messages(where, view, peer, messages):
    known = {seq: (m.id, m.sender, m.text) for seq, m in view.dialog(peer).messages.items()}
    there = {m["seq"]: (m["_id"], m["senderTag"], m["text"]) for m in messages}
    findings = []
    missing, phantom = sorted(set(there) - set(known)), sorted(set(known) - set(there))
    other = [seq for seq in sorted(set(known) & set(there)) if known[seq] != there[seq]]
    if missing:
        findings.append(Finding("view-misses-messages", where, f"{len(missing)} of {len(there)}: seq " +
                                some(f"{seq} {there[seq]}" for seq in missing)))
    if phantom:
        findings.append(Finding("view-phantom-messages", where, some(known[seq] for seq in phantom)))
    if other:
        findings.append(Finding("view-other-messages", where,
                                some(f"{known[seq]} is {there[seq]}" for seq in other)))
    return findings


def _check_view_marks(where, view, peer, messages):
    """By the messages that are there: what is missing has been found already."""
    findings = []
    for way, mine in ((IN, False), (OUT, True)):
        items = [m for m in messages if (m["senderTag"] == view.owner) == mine]
        read = sum(m["isRead"] for m in items)
        low, high = view.dialog(peer).read_range(view.owner, way)
        if not low <= read <= high:
            findings.append(Finding("view-marks", where, f"of {len(items)} {way} {read} are read; known: "
                                    f"{low} to {high}, {view.dialog(peer).marks[way]}"))
    return findings


def _check_view_profile(where, view, tag, user):
    known = view.profile(tag)
    wrong = {field: (known.get(field), user[field]) for field in PROFILE_FIELDS
             if known.get(field) != user[field]}
    return [Finding("view-profile", where, f"of {tag}, known, and what it is: {wrong}")] if wrong else []


# Who is online

def check_presence(where, online, truth):
    """`online`: contact -> whether shown online; `truth`: who has a device connected."""
    wrong = {tag: shown for tag, shown in online.items() if shown != (tag in truth)}
    return [Finding("presence", where, f"shown wrongly: {wrong}")] if wrong else []


def listed_presence(dialogs):
    return {entry["userInfo"]["tag"]: entry["userInfo"]["isOnline"] for entry in dialogs}


# Programs and calls

def check_calls(ledger):
    """The only error is one that allows a retry."""
    return [Finding("call", trouble.device, f"{trouble.method}: {trouble.code} {trouble.message}; "
                    f"broken then: {trouble.broken or 'nothing'}")
            for trouble in ledger.troubles if trouble.code not in PASSING_CODES]


def check_logs(logs):
    """`logs`: program -> all it has written."""
    findings = []
    for program, text in logs.items():
        lines = [line for line in text.splitlines() if BAD_LINES.search(line)]
        if lines:
            findings.append(Finding("log", program, "\n".join(lines[:SHOWN_MOST])))
    return findings
