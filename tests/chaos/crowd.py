"""Users who do nothing but connect and disconnect, through whatever happens; and one whose contacts they are, who says
whether their presence is right."""

import random
import threading
import time

from chaos.checker import listed_presence
from chaos.ledger import OFFLINE, ONLINE
from chaos.line import BROKEN, Again, Line, Refused
from support.client import signup, token_of
from support.herd import Herd

COUNT = 20
CHURN_SECONDS = (0.02, 0.3)
STAYS_SECONDS, POLL_SECONDS = 1, 0.1


class Crowd:
    """`url` of a gateway's number, `ports` of all gateways."""

    def __init__(self, seed, url, ports):
        self._rng = random.Random(f"crowd {seed}")
        self._url, self._ports = url, ports
        self._over, self._churning, self._moved = threading.Event(), threading.Event(), threading.Event()
        self._wanted = {}  # tag -> port or None
        self._lines, self._online = {}, {}
        self._thread = threading.Thread(target=self._churn, daemon=True)

    def start(self):
        self.token = token_of(signup(self._url(0), _fields("@watcher")))
        tokens = {tag: token_of(signup(self._url(0), _fields(tag)))
                  for tag in (f"@crowd{number:02}" for number in range(COUNT))}
        with Line(self._url(0), self.token, lambda code, body: None) as line:
            for tag in tokens:
                line.ask("sendMessageToUser", [tag, "hello"], lambda code, message: None)
        self._wanted, self._herd = dict.fromkeys(tokens), Herd(tokens)
        self._churning.set()
        self._thread.start()

    def end(self):
        self._over.set()
        self._thread.join(10)
        self._herd.__exit__()
        for line in self._lines.values():
            line.close(1)

    # Coming and going

    def _churn(self):
        tags = list(self._wanted)
        while not self._over.wait(self._rng.uniform(*CHURN_SECONDS)):
            if self._churning.is_set():
                tag = self._rng.choice(tags)
                self._wanted[tag] = self._rng.choice(self._ports) if self._wanted[tag] is None else None
                self._move(tag)
            else:
                if all([self._move(tag) for tag in tags]):  # each has its try
                    self._moved.set()
                else:
                    self._moved.clear()

    def _move(self, tag):
        """One try; True when it is where it wants to be."""
        port = self._wanted[tag]
        if port is None or not self._herd.is_open(tag, port):
            self._herd.close(tag)
            try:
                return port is None or self._herd.open(tag, port)
            except OSError:
                return False
        return True

    # What the watcher sees

    def wait_right(self, deadline):
        """Nobody comes or goes any more; None when their presence is right by the deadline and stays so, else what is
        wrong. Then they go on."""
        self._moved.clear()
        self._churning.clear()
        right_since = None
        try:
            while True:
                problem, now = self._problem(), time.monotonic()
                right_since = (right_since or now) if problem is None else None
                if right_since is not None and now - right_since >= STAYS_SECONDS:
                    return None
                if now > deadline and right_since is None:
                    return problem
                time.sleep(POLL_SECONDS)  # a poll; the limit is above
        finally:
            self._churning.set()

    def _problem(self):
        if not self._moved.is_set():
            return "not everyone could connect"
        truth = {tag: port is not None for tag, port in self._wanted.items()}
        try:
            for gateway in range(len(self._ports)):
                line = self._line(gateway)
                shown = listed_presence(line.ask("getDialogsList", [0, 1000], lambda code, message: None))
                for how, known in (("list", shown), ("pushes", dict(self._online[gateway]))):
                    wrong = {tag: known.get(tag) for tag in truth if known.get(tag) != truth[tag]}
                    if wrong:
                        return f"by {how} at gateway-{gateway}: {wrong}"
        except (Again, Refused, *BROKEN) as error:
            return f"gateway-{gateway}: {error}"
        return None

    def _line(self, gateway):
        """Open; with what the list said at first, and all notifications since."""
        line = self._lines.get(gateway)
        if line is None or not line.open:
            online, since = {}, {}

            def note(code, body):
                if code in (OFFLINE, ONLINE):
                    tag, = body.values()
                    online[tag] = since[tag] = code == ONLINE
            line = Line(self._url(gateway), self.token, note)
            online |= {**listed_presence(line.ask("getDialogsList", [0, 1000], lambda code, message: None)), **since}
            self._lines[gateway], self._online[gateway] = line, online
        return line


def _fields(tag):
    return {"tag": tag, "firstName": "Crowd", "lastName": "Person", "password": "password",
            "email": f"{tag[1:]}@example.com"}
