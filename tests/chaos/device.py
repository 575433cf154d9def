"""One device of a user: a correct client that lives by its plan through whatever happens.

On its first connection it reads everything; on each later one it asks `sync` for what it has missed;
in between it lives by what is pushed.
"""

import contextlib
import dataclasses
import random
import threading

from chaos import ledger as books
from chaos import snapshot as snapshots
from chaos.line import BROKEN, PASSING_STATUS, Again, Line, Refused
from chaos.view import IN, OUT, View
from support.client import HandshakeRefused

SYNC_LIMIT = 100
BACKOFF_SECONDS = (0.05, 1.5)
REMEMBER_CHANCE, REMEMBER_MOST = 0.03, 2


class Over(Exception):
    """All is over, and still not connected."""


@dataclasses.dataclass
class Memory:
    """What a device knew at a position."""
    device: str
    epoch: str
    position: int
    view: View


class Device(threading.Thread):
    """`world` has plan, url(gateway), gateways, ledger, broken() and the events ending and over."""

    def __init__(self, plan, actions, token, world):
        super().__init__(daemon=True, name=plan.name)
        self.plan, self.user, self.token, self.world = plan, plan.user, token, world
        self.ledger = world.ledger
        self._actions = actions
        self._rng = random.Random(f"way {world.plan.seed} {plan.name}")  # which gateway, how long to wait
        self.view = View(plan.user)
        self.epoch, self.position = "", 0
        self._pushed_position = 0  # while a sync is under way: of the newest push
        self._catching_up = False
        self._presence_since = {}  # what came while a list with presence was asked for
        self._lock = threading.RLock()
        self.line, self.memories = None, []
        self.settled, self.error = threading.Event(), None

    # Life

    def run(self):
        try:
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

    def _settle(self):
        """Stays connected, or away, until all is over."""
        if self.plan.ends_offline:
            self.hang_up()
            self.settled.set()
            return
        while not self.world.over.is_set():
            if self.settled.is_set() and not self.line.open:
                self.line.book.at_rest = True
            self.connected()
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
            self.line = Line(self.world.url(gateway), self.token,
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
            self.position = max(self.position, self._pushed_position)
            self._catching_up = False

    def _read_everything(self):
        hello = self.ask("hello")
        snapshot = snapshots.read(self.ask)
        with self._lock:
            self.view.take_snapshot(snapshot, hello["position"])
            self._take_presence_since()
            self.epoch, self.position = hello["epoch"], hello["position"]

    def _sync(self):
        more = True
        while more:
            page = self.ask("sync", [self.epoch, self.position, SYNC_LIMIT])
            self.ledger.count("sync pages")
            if page["reset"]:
                self.ledger.count("resets")
                with self._lock:
                    self.view, self.epoch = View(self.user), ""
                    self.position = self._pushed_position = 0
                self._read_everything()
                return
            with self._lock:
                self.view.take_page(page)
                if not page["more"]:
                    self._take_presence_since()
                self.position = max(self.position, page["position"])
            more = page["more"]

    def hang_up(self, drop=False):
        line, self.line = self.line, None
        if line is not None:
            line.drop() if drop else line.close(1)
            line.book.closed = (line.close_code, line.close_reason)

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
                    self.position = max(self.position, user_seq)

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
        getattr(self, "_do_" + action.kind.replace("-", "_"))(action)
        self.ledger.count("actions")
        if self._rng.random() < REMEMBER_CHANCE and self.is_connected:
            self._remember()

    def leave_off(self):
        """What it knows now."""
        with self._lock:
            return Memory(self.plan.name, self.epoch, self.position, self.view.copy())

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
            return self.line.start_call("sendMessageToUser", [action.peer, text, key])
        except BROKEN as error:
            raise Again(str(error)) from None

    def _finish_send(self, id, text):
        result = self.line.answer(id, self.note_trouble("sendMessageToUser"))
        message = result["message"]
        self.ledger.note_ack(books.key_of(text), message)
        with self._lock:
            user_seq = result.get("userSeq") or message.get("userSeq") or None
            self.view.add_message(message, user_seq)

    def _do_send(self, action):
        self.persist("sendMessageToUser", lambda: self._finish_send(
            self._start_send(action, action.word), action.word))
        self.ledger.count("sent")

    def _do_send_twice(self, action):
        def attempt():
            ids = [self._start_send(action, action.word) for _ in range(2)]
            for id in ids:
                self._finish_send(id, action.word)
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
                floor = self.view.newest_incoming(action.peer)
            result = self.ask("markMessagesWithUserAsRead", [action.peer])
            with self._lock:
                self.view.own_mark(action.peer, floor, result.get("userSeq"))
        self.persist("markMessagesWithUserAsRead", attempt)

    def _do_name(self, action):
        def attempt():
            result = self.ask("setSelfInfo", [action.word])
            with self._lock:
                self.view.take_profile(self.user, result, result.get("userSeq") or self.position)
        self.persist("setSelfInfo", attempt)

    def _do_list(self, action):
        entries = self.persist("getDialogsList", lambda: self.ask("getDialogsList")) or []
        if any(e["unreadCount"] != e["unreadIncoming"] + e["unreadOutgoing"] for e in entries):
            self.note_trouble("getDialogsList")(None, f"the unread counts do not add up: {entries}")

    def _do_away(self, action):
        self.hang_up()
        self.world.ending.wait(action.seconds)
        self.connected()

    def _do_drop(self, action):
        self.hang_up(drop=True)
        self.connected()
