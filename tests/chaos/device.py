"""One device of a user: a correct client that lives by its plan through whatever happens.

On its first connection it reads everything; on each later one it asks `sync` for what it has missed;
in between it lives by what is pushed.
"""

import contextlib
import dataclasses
import random
import threading
import time

from chaos import ledger as books
from chaos import snapshot as snapshots
from chaos.line import BROKEN, PASSING_STATUS, Again, Line, Refused
from chaos.view import IN, OUT, View
from support.client import HandshakeRefused

SYNC_LIMIT = 100
OLD_PAGE = 50
BACKOFF_SECONDS = (0.05, 1.5)
REMEMBER_CHANCE, REMEMBER_MOST = 0.03, 2


class Over(Exception):
    """All is over, and still not connected."""


@dataclasses.dataclass(frozen=True)
class Own:
    """A change of its own: no notification says that a position covers it. `before`: the position when it was asked
    for. `id` of a message, None for a mark."""
    peer: str
    before: int
    id: str = None


def lost_of(own, first, pages):
    """Those of own changes after the position `first` that the pages of `sync` from there do not have: they were lost
    with a store that was turned back. A mark may have changed nothing."""
    dialogs = {entry["userInfo"]["tag"] for page in pages for entry in page["dialogs"]}
    ids = {message["_id"] for page in pages for entry in page["dialogs"] for message in entry["messages"]}
    return [one for one in own if one.before == first and
            (one.id not in ids if one.id else one.peer not in dialogs)]


@dataclasses.dataclass
class Memory:
    """What a device knew at a position."""
    device: str
    epoch: str
    position: int
    since: float  # when it received the position
    view: View
    own: list


class Device(threading.Thread):
    """`world` has plan, url(gateway, narrow), gateways, tokens, has_joined(user), ledger, broken() and the events
    ending and over."""

    def __init__(self, plan, actions, world):
        super().__init__(daemon=True, name=plan.name)
        self.plan, self.user, self.token, self.world = plan, plan.user, None, world
        self.ledger = world.ledger
        self._actions = actions
        self._rng = random.Random(f"way {world.plan.seed} {plan.name}")  # which gateway, how long to wait
        self.view = View(plan.user)
        self.epoch, self.position, self.since = "", 0, 0.0
        self._own = []  # acknowledged since it connected
        self._turned_back = False  # the last socket was closed because it was ahead of the store
        self._pushed_position = 0  # while a sync is under way: of the newest push
        self._catching_up = False
        self._presence_since = {}  # what came while a list with presence was asked for
        self._lock = threading.RLock()
        self.line, self.memories = None, []
        self.settled, self.error = threading.Event(), None
        self._slow_since = None

    # Life

    def run(self):
        try:
            self._arrive()
            for action in self._actions:
                if self.world.ending.wait(action.pause):
                    break
                self._do(action)
            self._settle()
        except Over as error:
            self.error = f"could not connect: {error}"
        except Exception as error:  # of any kind: the run must report it
            self.error = f"{type(error).__name__}: {error}"
            self.settled.set()

    def _arrive(self):
        while not self.world.has_joined(self.user) and not self.world.over.wait(0.1):
            pass
        self.token = self.world.tokens.get(self.user)

    def _settle(self):
        """Stays connected, or away, until all is over."""
        if self.plan.ends_offline or not self.token:  # the run was over before it had an account
            self.hang_up()
            self.settled.set()
            return
        while not self.world.over.is_set():
            if self.settled.is_set() and not self.line.open:
                self.line.book.at_rest = True
            self.connected()
            with contextlib.suppress(Again):
                self._meet()
                self.settled.set()
            self.world.over.wait(0.1)
        self.hang_up()

    @property
    def is_connected(self):
        line = self.line
        return line is not None and line.open and not self._catching_up

    # The connection

    def connected(self):
        """The line, reconnected and caught up if necessary."""
        attempt = 0
        while self.line is None or not self.line.open:
            self.hang_up(drop=True)
            try:
                self._connect()
            except (Again, Refused) as error:
                if isinstance(error, Refused):
                    self.note_trouble("connecting")(error.code, str(error))
                self.hang_up(drop=True)
                if self.world.over.is_set():
                    raise Over(str(error)) from None
                self._back_off(attempt, getattr(error, "seconds", 0))
                attempt += 1
        return self.line

    def _back_off(self, attempt, least):
        low, high = BACKOFF_SECONDS
        self.world.over.wait(max(least, min(high, low * 2 ** attempt) * self._rng.uniform(0.5, 1.5)))

    def _connect(self):
        gateway = self._rng.randrange(self.world.gateways)
        book = self.ledger.open_socket(self.plan.name, self.user, gateway)
        with self._lock:
            self._catching_up, self._presence_since = True, {}
            self._pushed_position = self.position
        try:
            self.line = Line(self.world.url(gateway, self.plan.narrow), self.token,
                             lambda code, body: self._on_push(book, code, body), book)
        except BROKEN as error:
            if isinstance(error, HandshakeRefused) and error.status != PASSING_STATUS:
                self.note_trouble("upgrade")(error.status, str(error))
            raise Again(str(error)) from None
        self.ledger.count("connections")
        if not self.epoch:
            self._read_everything()
        else:
            self._sync()
        with self._lock:
            self._advance(self._pushed_position)
            self._catching_up = False

    def _advance(self, position):
        if position > self.position:
            self.position, self.since = position, time.monotonic()

    def _read_everything(self):
        hello = self.ask("hello")
        snapshot = snapshots.read(self.ask)
        with self._lock:
            self.view.take_snapshot(snapshot, hello["position"])
            self._take_presence_since()
            self.epoch, self.position, self.since = hello["epoch"], hello["position"], time.monotonic()
            self._own.clear()

    def _sync(self):
        more, pages, first = True, [], self.position
        while more:
            position, since, asked = self.position, self.since, time.monotonic()
            page = self.ask("sync", [self.epoch, position, SYNC_LIMIT])
            self.ledger.count("sync pages")
            self.ledger.note_sync(books.Sync(self.plan.name, self.user, position, since, asked, time.monotonic(),
                                             page["reset"]))
            if page["reset"]:
                self.ledger.count("resets")
                self._read_again()
                return
            with self._lock:
                self.view.take_page(page)
                if not page["more"]:
                    self._take_presence_since()
                self._advance(page["position"])
            pages.append(page)
            more = page["more"]
        self._confirm_own(first, pages)

    def _confirm_own(self, first, pages):
        own, self._own = self._own, []
        lost = lost_of(own, first, pages)
        if any(one.id for one in lost) or (own and self._turned_back):
            self.ledger.count("own changes lost")
            self._read_again()
        elif lost:
            with self._lock:
                for one in lost:
                    self.view.forget_marks(one.peer)
            for entry in snapshots.pages(self.ask, "getDialogsList"):
                with self._lock:
                    self.view.take_row(entry)

    def _read_again(self):
        with self._lock:
            self.view, self.epoch = View(self.user), ""
            self.position = self._pushed_position = 0
        self._read_everything()

    def hang_up(self, drop=False):
        line, self.line = self.line, None
        if line is not None:
            line.resume_reading()
            line.drop() if drop else line.close(1)
            line.book.closed = (line.close_code, line.close_reason)
            self._turned_back = line.close_code == 1012
            line.book.closed_at = line.closed_at or time.monotonic()

    # A client that hangs

    def freeze(self, flood):
        """Does not read any more, after `flood` large answers were asked for."""
        line, self._slow_since = self.line, time.monotonic()
        if line is None:
            return
        with contextlib.suppress(*BROKEN):
            line.stop_reading()
            line.flood("getMessagesWithUser", [self.world.plan.peers(self.user)[0], 0, 1000], flood)

    def thaw(self):
        line = self.line
        self.note_slow(self._slow_since)
        if line is not None:
            line.resume_reading()

    def note_slow(self, since):
        """It, or its link, was slow until now."""
        self.ledger.note_slow(books.Slow(self.plan.name, since, time.monotonic()))

    # Asking

    def note_trouble(self, method):
        return lambda code, message: self.ledger.note_trouble(
            books.Trouble(self.plan.name, method, code, message, self.world.broken()))

    def ask(self, method, params=None):
        """On the line as it is; raises Again or Refused."""
        line = self.line
        if line is None:
            raise Again("not connected")
        self.ledger.count("calls")
        return line.ask(method, params, self.note_trouble(method))

    def persist(self, method, attempt):
        """Calls attempt() until it is answered; None if it is refused, which goes into the books."""
        while True:
            try:
                self.connected()
                return attempt()
            except Refused as error:
                self.note_trouble(method)(error.code, str(error))
                return None
            except Again as error:
                self.ledger.count("repeats")
                self.world.over.wait(error.seconds)

    # What is pushed; on the line's own thread

    def _on_push(self, book, code, body):
        book.pushes.append((code, body))
        with self._lock:
            if code in (books.OFFLINE, books.ONLINE):
                tag = body["loggedOutUserTag" if code == books.OFFLINE else "loggedInUserTag"]
                self.view.online[tag] = self._presence_since[tag] = code == books.ONLINE
                return
            user_seq = body.get("userSeq")
            if user_seq is not None and user_seq <= self.position:
                return  # known
            self._take_push(code, body, user_seq)
            if user_seq is not None:
                self._pushed_position = max(self._pushed_position, user_seq)
                if not self._catching_up:
                    self._advance(user_seq)

    def _take_push(self, code, body, user_seq):
        if code in (books.NEW_MESSAGE, books.MESSAGE_SENT):
            self.view.add_message(body, user_seq)
        elif code == books.WAS_READ:
            self.view.mark(body["receiverTag"], OUT, user_seq)
        elif code == books.DIALOG_READ:
            self.view.mark(body["senderTag"], IN, user_seq)
        elif code in (books.CONTACT_CHANGED, books.SELF_CHANGED):
            self.view.take_profile(body["tag"], body, user_seq or 0)

    def _take_presence_since(self):
        """A list is of before it came: what was pushed meanwhile is newer."""
        self.view.online.update(self._presence_since)

    # What it does

    def _do(self, action):
        if action.peer and not self.world.has_joined(action.peer):
            return
        self.persist("getDialogsList", self._meet)
        getattr(self, "_do_" + action.kind.replace("-", "_"))(action)
        self.ledger.count("actions")
        if self._rng.random() < REMEMBER_CHANCE and self.is_connected:
            self._remember()

    def _meet(self):
        """Reads who a new contact is, of whom a message has been pushed."""
        with self._lock:
            if all(peer in self.view.profiles for peer in self.view.dialogs):
                return
            position, self._presence_since = self.position, {}
        entries = snapshots.pages(self.ask, "getDialogsList")
        with self._lock:
            self.view.take_list(entries, position)
            self._take_presence_since()

    def leave_off(self):
        """What it knows now."""
        with self._lock:
            return Memory(self.plan.name, self.epoch, self.position, self.since, self.view.copy(), list(self._own))

    def _remember(self):
        """One of what it knew, at random: the last may replace any."""
        memory = self.leave_off()
        if len(self.memories) == REMEMBER_MOST:
            self.memories.pop(self._rng.randrange(REMEMBER_MOST))
        self.memories.append(memory)

    def _start_send(self, action, text):
        key = books.key_of(text)
        self.ledger.note_attempt(key, self.user, action.peer, text)
        try:
            return time.monotonic(), self.position, self.line.start_call("sendMessageToUser", [action.peer, text, key])
        except BROKEN as error:
            raise Again(str(error)) from None

    def _finish_send(self, started, action):
        asked, before, id = started
        result = self.line.answer(id, self.note_trouble("sendMessageToUser"))
        message = result["message"]
        self.ledger.note_ack(books.key_of(action.word), message, asked, time.monotonic())
        self.ledger.note_change(self.user, "send", asked)
        self._own.append(Own(action.peer, before, message["_id"]))
        with self._lock:
            user_seq = result.get("userSeq") or message.get("userSeq") or None
            self.view.add_message(message, user_seq)

    def _do_send(self, action):
        self.persist("sendMessageToUser", lambda: self._finish_send(
            self._start_send(action, action.word), action))
        self.ledger.count("sent")

    def _do_send_twice(self, action):
        def attempt():
            for started in [self._start_send(action, action.word) for _ in range(2)]:
                self._finish_send(started, action)
        self.persist("sendMessageToUser", attempt)
        self.ledger.count("sent")

    def _do_send_and_drop(self, action):
        self.connected()
        with contextlib.suppress(Again):
            self._start_send(action, action.word)
        self.hang_up(drop=True)
        self._do_send(action)

    def _do_mark(self, action):
        def attempt():
            with self._lock:
                floor, before = self.view.newest_incoming(action.peer), self.position
            asked = time.monotonic()
            result = self.ask("markMessagesWithUserAsRead", [action.peer])
            self.ledger.note_change(self.user, "mark", asked)
            self._own.append(Own(action.peer, before))
            with self._lock:
                self.view.own_mark(action.peer, floor, result.get("userSeq"))
        self.persist("markMessagesWithUserAsRead", attempt)

    def _do_name(self, action):
        def attempt():
            asked = time.monotonic()
            result = self.ask("setSelfInfo", [action.word])
            self.ledger.note_change(self.user, "name", asked, action.word)
            with self._lock:
                self.view.take_profile(self.user, result, result.get("userSeq") or self.position)
        self.persist("setSelfInfo", attempt)

    def _do_list(self, action):
        entries = self.persist("getDialogsList", lambda: self.ask("getDialogsList")) or []
        if any(e["unreadCount"] != e["unreadIncoming"] + e["unreadOutgoing"] for e in entries):
            self.note_trouble("getDialogsList")(None, f"the unread counts do not add up: {entries}")

    def _do_old(self, action):
        """A page of old messages: each is there, and as it is known."""
        with self._lock:
            known = dict(self.view.dialog(action.peer).messages)
        start = self._rng.randrange(len(known) + 1)
        page = self.persist("getMessagesWithUser", lambda: self.ask(
            "getMessagesWithUser", [action.peer, start, start + OLD_PAGE])) or []
        seqs = [message["seq"] for message in page]
        if any(newer != older + 1 for newer, older in zip(seqs, seqs[1:])):
            self.note_trouble("getMessagesWithUser")(None, f"a list with a hole: {seqs}")

    def _do_away(self, action):
        self.hang_up()
        self.world.ending.wait(action.seconds)
        self.connected()

    def _do_drop(self, action):
        self.hang_up(drop=True)
        self.connected()
