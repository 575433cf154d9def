"""The books of a run: what was sent, answered and pushed. The checker reads nothing else."""

import collections
import dataclasses
import threading

NEW_MESSAGE, MESSAGE_SENT = 3001, 3002
OFFLINE, ONLINE = 3100, 3101
CONTACT_CHANGED, SELF_CHANGED = 3200, 3201
WAS_READ, DIALOG_READ = 3300, 3301


@dataclasses.dataclass
class Sent:
    """One message to be sent; `acks` are the messages in the answers to it, more
    than one if it was sent again."""
    key: str  # the clientMessageId, and the first word of the text
    sender: str
    receiver: str
    text: str
    acks: list = dataclasses.field(default_factory=list)
    attempts: int = 0


@dataclasses.dataclass
class SocketBook:
    """One socket and every notification that came on it, as (code, body); `closed`: code and reason, if
    the server has said them; `at_rest`: it was lost after all had come to rest."""
    device: str
    user: str
    gateway: int
    pushes: list = dataclasses.field(default_factory=list)
    closed: tuple = (None, None)
    at_rest: bool = False


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
        self.counts = collections.Counter()

    def open_socket(self, device, user, gateway):
        book = SocketBook(device, user, gateway)
        with self._lock:
            self.sockets.append(book)
        return book

    def note_attempt(self, key, sender, receiver, text):
        with self._lock:
            sent = self.sent.setdefault(key, Sent(key, sender, receiver, text))
            sent.attempts += 1

    def note_ack(self, key, message):
        with self._lock:
            self.sent[key].acks.append(message)

    def note_trouble(self, trouble):
        with self._lock:
            self.troubles.append(trouble)

    def count(self, what, number=1):
        with self._lock:
            self.counts[what] += number


def key_of(text):
    """The key of the message with this text."""
    return text.partition(" ")[0]
