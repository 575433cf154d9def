"""A load generator: pairs of users, each sender with one message under way at a time.

One process with one selector and frames by hand, so that Python holds the server back as little
as it can. As a program it makes its own users on a running messenger:

    python3 tests/support/load.py --url http://127.0.0.1:8000 --pairs 50 --seconds 10
"""

import argparse
import json
import pathlib
import re
import selectors
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from support.raw import RawWebSocket  # noqa: E402  (needs the path above when run as a program)

TEXT, PING, CLOSE, PONG = 1, 9, 8, 10
SETTLE_SECONDS = 60
MARK = re.compile(rb'"text":"load (\d+) (\d+) ')


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] if values else 0.0


class Figures:
    """Times in milliseconds."""

    def __init__(self, seconds, acknowledged, delivered, errors):
        self.seconds, self.acknowledged, self.delivered, self.errors = (
            seconds, acknowledged, delivered, errors)

    def lines(self):
        yield (f"{len(self.acknowledged) / self.seconds:.0f} messages a second acknowledged, "
               f"{len(self.delivered) / self.seconds:.0f} delivered, {self.errors} errors, "
               f"in {self.seconds:.1f} s")
        for name, times in (("send -> acknowledged", self.acknowledged),
                            ("send -> received", self.delivered)):
            yield (f"{name}: p50 {percentile(times, .5):.2f} ms, p99 {percentile(times, .99):.2f} ms, "
                   f"slowest {percentile(times, 1):.2f} ms")


def client_frame(payload, opcode=TEXT):
    """With a mask of zeros, which leaves the payload as it is."""
    length = len(payload)
    if length < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | length)
    else:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, length)
    return head + b"\0\0\0\0" + payload


def split_frames(buffer):
    """Takes whole frames off the front of the buffer; yields opcode and payload."""
    start = 0
    while len(buffer) - start >= 2:
        length, head = buffer[start + 1] & 0x7f, 2
        if length == 126:
            head = 4
        elif length == 127:
            head = 10
        if head > 2:
            if len(buffer) - start < head:
                break
            length = int.from_bytes(buffer[start + 2:start + head], "big")
        end = start + head + length
        if len(buffer) < end:
            break
        yield buffer[start] & 15, bytes(buffer[start + head:end])
        start = end
    del buffer[:start]


class Connection:
    """One open WebSocket in the selector."""

    def __init__(self, port, token, role, number):
        raw = RawWebSocket(port, token)
        assert raw.status == 101, f"upgrade answered with {raw.status}"
        self.socket, self.buffer = raw._socket, bytearray(raw.received)
        self.role, self.number = role, number


class Load:
    """`pairs` is a list of (sender's token, receiver's token, receiver's tag); `ports` those of the
    gateways, which are used in turn."""

    def __init__(self, ports, pairs, size=100):
        self._pairs, self._filler = pairs, "x" * size
        self._selector = selectors.DefaultSelector()
        self._senders, self._next, self._sent_at = [], [], []
        self._acknowledged, self._delivered, self._errors = [], [], 0
        for number, (sender, receiver, _) in enumerate(pairs):
            port = ports[number % len(ports)]
            self._senders.append(self._open(port, sender, "sender", number))
            self._open(ports[(number + 1) % len(ports)], receiver, "receiver", number)
            self._next.append(0)
            self._sent_at.append({})

    def _open(self, port, token, role, number):
        connection = Connection(port, token, role, number)
        self._selector.register(connection.socket, selectors.EVENT_READ, connection)
        return connection

    def run(self, seconds):
        started = time.perf_counter()
        self._until = started + seconds
        for number in range(len(self._pairs)):
            self._send(number)
        while time.perf_counter() < self._until:
            self._turn(0.05)
        elapsed = time.perf_counter() - started
        figures = Figures(elapsed, list(self._acknowledged), list(self._delivered), self._errors)
        self._settle()
        return figures

    def lost(self):
        """How many of those that were sent were not both acknowledged and delivered."""
        return 2 * sum(self._next) - len(self._acknowledged) - len(self._delivered)

    def close(self):
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._selector.close()

    def _send(self, number):
        index = self._next[number]
        self._next[number] += 1
        request = {"jsonrpc": "2.0", "method": "sendMessageToUser", "id": index,
                   "params": [self._pairs[number][2], f"load {number} {index} {self._filler}"]}
        self._sent_at[number][index] = time.perf_counter()
        self._senders[number].socket.sendall(client_frame(json.dumps(request).encode()))

    def _turn(self, timeout):
        for key, _ in self._selector.select(timeout):
            connection = key.data
            data = connection.socket.recv(262144)
            if not data:
                raise ConnectionError(f"{connection.role} {connection.number} was closed")
            connection.buffer += data
            now = time.perf_counter()
            for opcode, payload in split_frames(connection.buffer):
                self._receive(connection, opcode, payload, now)

    def _receive(self, connection, opcode, payload, now):
        if opcode == PING:
            connection.socket.sendall(client_frame(payload, PONG))
        elif opcode == CLOSE:
            raise ConnectionError(f"{connection.role} {connection.number}: closed {payload!r}")
        elif b'"jsonrpc"' in payload:
            self._answered(connection.number, payload, now)
        elif b'"code":3001' in payload:
            number, index = map(int, MARK.search(payload).groups())
            self._delivered.append((now - self._sent_at[number][index]) * 1000)

    def _answered(self, number, payload, now):
        found = MARK.search(payload)
        if found:
            self._acknowledged.append((now - self._sent_at[number][int(found.group(2))]) * 1000)
        else:
            self._errors += 1
        if now < self._until:
            self._send(number)

    def _settle(self):
        """Lets what is under way come in, so that the connections end in good order."""
        deadline = time.perf_counter() + SETTLE_SECONDS
        while self.lost() and time.perf_counter() < deadline:
            self._turn(0.05)


def main():
    from support.client import signup, token_of, unique

    parser = argparse.ArgumentParser(description="Sends messages between pairs of new users.")
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="of a gateway without limits")
    parser.add_argument("--pairs", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--size", type=int, default=100, help="bytes of text")
    options = parser.parse_args()

    def make_user():
        name = unique("load")
        user = {"tag": "@" + name, "firstName": "Load", "lastName": "Test",
                "email": name + "@example.com", "password": name}
        return token_of(signup(options.url, user)), user["tag"]
    pairs = []
    for _ in range(options.pairs):
        (sender, _), (receiver, tag) = make_user(), make_user()
        pairs.append((sender, receiver, tag))
    load = Load([int(options.url.rstrip("/").rsplit(":", 1)[1])], pairs, options.size)
    for line in load.run(options.seconds).lines():
        print(line)
    load.close()


if __name__ == "__main__":
    main()
