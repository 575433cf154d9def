"""A load that lives through faults, and the books of it: what was sent, acknowledged, received, kept."""

import collections
import itertools
import threading
import time

import requests
import websocket

from support.client import HandshakeRefused, RpcError, Socket, SocketClosed, result_of
from support.wait import wait_until

# The stand-in for MongoDB looks at every document there is: with thousands of them it is no more use.
PAUSE_SECONDS = 0.4

# What a client meets while something restarts. It connects again and sends again.
PASSING = (SocketClosed, HandshakeRefused, OSError, websocket.WebSocketException,
           requests.RequestException)


class Line:
    """One user's socket, opened again whenever it breaks. Keeps every message that was pushed."""

    def __init__(self, user):
        self.user, self.pushed, self.reconnects = user, [], -1
        self._socket = None

    def socket(self):
        while self._socket is None or not self._socket.open:
            self.drop()
            try:
                self._socket = Socket(self.user.stack.url(), self.user.token)
                self.reconnects += 1
            except PASSING:
                wait_until(lambda: self.user.stack.reachable(), "the balancer to take connections")
        return self._socket

    def drop(self):
        if self._socket is not None:
            self.pushed += [n.body for n in self._socket.seen(3001)]
            self._socket.close(1)
            self._socket = None


class Sender(threading.Thread):
    """Sends one message after the other. Each is repeated, with its clientMessageId, until it is
    acknowledged, through whichever gateway the socket then is at."""

    def __init__(self, user, receiver):
        super().__init__(daemon=True)
        self.user, self.receiver, self.line = user, receiver, Line(user)
        self.acknowledged, self.repeats = [], 0
        self.enough, self.error = threading.Event(), None

    def run(self):
        try:
            for number in itertools.count():
                if self.enough.wait(PAUSE_SECONDS):
                    return
                self.acknowledged.append(self._send(number))
        except (AssertionError, RpcError) as error:
            self.error = f"{self.user.tag}: {type(error).__name__}: {error}"

    def _send(self, number):
        params = [self.receiver.tag, f"{self.user.tag} {number}", f"{self.user.tag}-{number}"]
        deadline = time.monotonic() + 90
        while True:
            try:
                socket = self.line.socket()
                id = socket.start_call("sendMessageToUser", params)
                return result_of(socket.wait_answer(id, 15))["message"]
            except RpcError as error:
                if error.code != -32001 or time.monotonic() > deadline:
                    raise
                self.enough.wait(error.retry_after_ms / 1000)
            except PASSING:
                assert time.monotonic() < deadline, f"{params[1]} is not acknowledged"
            self.repeats += 1


class Listener(threading.Thread):
    """Somebody who only listens, and connects again when the socket breaks."""

    def __init__(self, user):
        super().__init__(daemon=True)
        self.line, self.enough, self.error = Line(user), threading.Event(), None

    def run(self):
        try:
            while not self.enough.is_set():
                socket = self.line.socket()
                wait_until(lambda: self.enough.is_set() or not socket.open, "the end", timeout=600)
        except AssertionError as error:
            self.error = str(error)


class Ledger:
    """Pairs of users: the first of each sends to the second, who listens."""

    def __init__(self, pairs):
        self.senders = [Sender(first, second) for first, second in pairs]
        self.listeners = [Listener(second) for _, second in pairs]

    def __enter__(self):
        for thread in (*self.listeners, *self.senders):
            thread.start()
        self.wait_progress()
        return self

    def __exit__(self, *exception):
        for thread in (*self.senders, *self.listeners):
            thread.enough.set()
        for thread in (*self.senders, *self.listeners):
            thread.join(100)
            thread.line.drop()

    def wait_progress(self):
        """Every sender has had two more messages acknowledged."""
        before = [len(sender.acknowledged) for sender in self.senders]

        def got_on():
            errors = [thread.error for thread in (*self.senders, *self.listeners) if thread.error]
            assert not errors, errors
            return all(len(s.acknowledged) > n + 1 for s, n in zip(self.senders, before))
        wait_until(got_on, lambda: "every sender to get on: "
                   f"{[len(s.acknowledged) - n for s, n in zip(self.senders, before)]}")

    def totals(self):
        sent = sum(len(sender.acknowledged) for sender in self.senders)
        repeats = sum(sender.repeats for sender in self.senders)
        lines = [thread.line for thread in (*self.senders, *self.listeners)]
        pushed = sum(len(listener.line.pushed) for listener in self.listeners)
        return (f"{sent} messages acknowledged, {repeats} sends repeated, {pushed} pushed at once, "
                f"{sum(line.reconnects for line in lines)} reconnects")

    def check(self):
        """After the end: what was acknowledged is there for both, once, in order, and nothing else."""
        for sender, listener in zip(self.senders, self.listeners):
            wanted = [(m["_id"], m["text"], m["seq"]) for m in sender.acknowledged]
            assert [seq for _, _, seq in wanted] == list(range(1, len(wanted) + 1)), "holes, or doubles"
            for reader, peer in ((sender.user, sender.receiver), (sender.receiver, sender.user)):
                assert whole_history(reader, peer) == wanted
            pushes = collections.Counter(m["_id"] for m in listener.line.pushed)
            assert not [id for id, count in pushes.items() if count > 1], "pushed twice"
            assert set(pushes) <= {id for id, _, _ in wanted}, "pushed, but not acknowledged"


def whole_history(reader, peer):
    """Oldest first."""
    pages = []
    with Socket(reader.stack.url(), reader.token) as socket:
        for start in itertools.count(0, 500):
            page = socket.call("getMessagesWithUser", [peer.tag, start, start + 500])
            pages += [(m["_id"], m["text"], m["seq"]) for m in page]
            if len(page) < 500:
                return pages[::-1]
