"""The books of a run: what was sent, answered and pushed. The checker reads nothing else."""

import collections
import dataclasses
import threading
import time

from chaos.turn_back import NEVER

NEW_MESSAGE, MESSAGE_SENT = 3001, 3002
OFFLINE, ONLINE = 3100, 3101
CONTACT_CHANGED, SELF_CHANGED = 3200, 3201
WAS_READ, DIALOG_READ = 3300, 3301


@dataclasses.dataclass
class Ack:
    """The message in an answer to a send; when the send was made, and when it was answered."""
    message: dict
    asked: float = NEVER
    at: float = NEVER


@dataclasses.dataclass
class Sent:
    """One message to be sent; more than one Ack if it was sent again."""
    key: str  # the clientMessageId, and the first word of the text
    sender: str
    receiver: str
    text: str
    acks: list = dataclasses.field(default_factory=list)
    attempts: int = 0


@dataclasses.dataclass
class SocketBook:
    """One socket and every notification that came on it, as (code, body); `closed`: code and reason, if
    the server has said them, and `closed_at`, when; `at_rest`: it was lost after all had come to rest."""
    device: str
    user: str
    gateway: int
    pushes: list = dataclasses.field(default_factory=list)
    closed: tuple = (None, None)
    at_rest: bool = False
    opened_at: float = 0.0
    closed_at: float = 0.0


@dataclasses.dataclass(frozen=True)
class Change:
    """Something of its own that a user has changed with success. `kind`: send, mark or name, with its `value`."""
    user: str
    kind: str
    asked: float
    at: float
    value: str = ""


@dataclasses.dataclass(frozen=True)
class Sync:
    """A call of `sync`, and whether it was answered with `reset`. `since`: when the position was received."""
    where: str
    user: str
    position: int
    since: float
    asked: float
    at: float
    reset: bool


@dataclasses.dataclass(frozen=True)
class Slow:
    """A device that did not read, or could not, for some time: the gateway may have closed its socket."""
    device: str
    begin: float
    end: float


@dataclasses.dataclass(frozen=True)
class Trouble:
    """A call that was not answered as it should be; `broken` lists the faults at that time."""
    device: str
    method: str
    code: object  # of the error; None: no answer, or a wrong one
    message: str
    broken: str = ""


class Ledger:
    """Written by the devices' threads."""

    def __init__(self):
        self._lock = threading.Lock()
        self.sent = {}
        self.sockets = []
        self.troubles = []
        self.turn_backs = []
        self.changes, self.syncs, self.slow = [], [], []
        self.counts = collections.Counter()

    def open_socket(self, device, user, gateway):
        book = SocketBook(device, user, gateway, opened_at=time.monotonic())
        with self._lock:
            self.sockets.append(book)
        return book

    def note_attempt(self, key, sender, receiver, text):
        with self._lock:
            sent = self.sent.setdefault(key, Sent(key, sender, receiver, text))
            sent.attempts += 1

    def note_ack(self, key, message, asked=NEVER, at=NEVER):
        with self._lock:
            self.sent[key].acks.append(Ack(message, asked, at))

    def note_change(self, user, kind, asked, value=""):
        with self._lock:
            self.changes.append(Change(user, kind, asked, time.monotonic(), value))

    def note_sync(self, sync):
        with self._lock:
            self.syncs.append(sync)

    def note_turn_back(self, turn_back):
        with self._lock:
            self.turn_backs.append(turn_back)

    def newest_numbers(self):
        """tag -> the largest user sequence of a notification."""
        newest = collections.defaultdict(int)
        for book in list(self.sockets):
            for _, body in list(book.pushes):
                newest[book.user] = max(newest[book.user], body.get("userSeq") or 0)
        return newest

    def note_slow(self, slow):
        with self._lock:
            self.slow.append(slow)

    def note_trouble(self, trouble):
        with self._lock:
            self.troubles.append(trouble)

    def count(self, what, number=1):
        with self._lock:
            self.counts[what] += number


def key_of(text):
    """The key of the message with this text."""
    return text.partition(" ")[0]
