"""Two users who write to each other at a steady pace, in a process of their own, so that an attacker's Python does not
hold them up. Run by `Witness`, which is for tests; as a program:

    witness.py PORT TOKEN TAG TOKEN TAG

It writes "ready", sends until its input ends, and then prints one JSON line: for each message when it was sent
(CLOCK_MONOTONIC, which all processes share), and how long it took to the other's socket; and what was lost, doubled
or out of order."""

import json
import pathlib
import selectors
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from support.load import CLOSE, PING, PONG, TEXT, client_frame, percentile, split_frames  # noqa: E402
from support.raw import RawWebSocket  # noqa: E402
from support.wait import PATIENCE_SECONDS  # noqa: E402

PACE_SECONDS = 0.010
NAME = "witness"


class Writer:
    """One of the two."""

    def __init__(self, port, token, tag):
        raw = RawWebSocket(port, token)
        assert raw.status == 101, f"upgrade answered with {raw.status}"
        self.socket, self.buffer, self.tag = raw._socket, bytearray(raw.received), tag
        self.sent, self.received, self.errors, self.closed = [], [], [], False


class Conversation:
    def __init__(self, port, first, second):
        self.writers = [Writer(port, *first), Writer(port, *second)]
        self.rounds = []  # when it was sent, and how long it took
        self._selector = selectors.DefaultSelector()
        for writer in self.writers:
            self._selector.register(writer.socket, selectors.EVENT_READ, writer)
        self._selector.register(sys.stdin, selectors.EVENT_READ, None)

    def run(self):
        due = time.monotonic()
        going = True
        while going:
            for key, _ in self._selector.select(max(0, due - time.monotonic())):
                if key.data is None:
                    going = False
                else:
                    self._read(key.data)
            if going and time.monotonic() >= due:
                self._send()
                due = max(due + PACE_SECONDS, time.monotonic())
        self._settle()

    def _settle(self):
        self._selector.unregister(sys.stdin)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline and not all(w.closed for w in self.writers) and (
                sum(len(w.received) for w in self.writers) < sum(len(w.sent) for w in self.writers)):
            for key, _ in self._selector.select(0.1):
                self._read(key.data)

    def _send(self):
        number = sum(len(writer.sent) for writer in self.writers)
        writer, other = self.writers[number % 2], self.writers[1 - number % 2]
        call = {"jsonrpc": "2.0", "id": number, "method": "sendMessageToUser",
                "params": [other.tag, f"{NAME} {len(writer.sent)}"]}
        writer.sent.append(time.monotonic())
        writer.socket.setblocking(True)
        writer.socket.sendall(client_frame(json.dumps(call).encode()))
        writer.socket.setblocking(False)

    def _read(self, writer):
        try:
            data = writer.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        now = time.monotonic()
        if not data:
            self._end(writer)
            return
        writer.buffer += data
        for opcode, payload in split_frames(writer.buffer):
            if opcode == PING:
                writer.socket.sendall(client_frame(payload, PONG))
            elif opcode == CLOSE:
                writer.errors.append(payload[2:].decode(errors="replace"))
                self._end(writer)
            elif opcode == TEXT:
                self._receive(writer, json.loads(payload), now)

    def _end(self, writer):
        if not writer.closed:
            writer.closed = True
            self._selector.unregister(writer.socket)

    def _receive(self, writer, frame, now):
        if "error" in frame:
            writer.errors.append(frame["error"])
        text = frame.get("body", {}).get("text", "")
        if frame.get("code") != 3001 or not text.startswith(NAME):
            return
        number = int(text.split()[1])
        sent = self.writers[1 - self.writers.index(writer)].sent[number]
        if number not in writer.received[-1000:]:
            self.rounds.append((sent, now - sent))
        writer.received.append(number)

    def report(self):
        problems = []
        for writer, other in (self.writers, self.writers[::-1]):
            if writer.closed:
                problems.append(f"{writer.tag} was disconnected: {writer.errors[-1:]}")
            if other.received != list(range(len(writer.sent))):
                missing = set(range(len(writer.sent))) - set(other.received)
                problems.append(f"of {len(writer.sent)} to {other.tag}: {len(missing)} lost, "
                                f"{len(other.received) - len(set(other.received))} twice, "
                                f"{'in' if other.received == sorted(other.received) else 'out of'} order")
            problems += [f"{writer.tag} was answered {error}" for error in writer.errors[:3]]
        return {"rounds": self.rounds, "problems": problems}


class Witness:
    """For tests: `between(begin, end)` are the round trips of messages sent then, in milliseconds."""

    def __init__(self, port, first, second):
        argv = [sys.executable, __file__, str(port), first.token, first.tag, second.token, second.tag]
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.rounds, self.problems = [], []

    def __enter__(self):
        assert self._process.stdout.readline() == "ready\n", "the witness could not begin"
        return self

    def __exit__(self, *exception):
        self._process.stdin.close()
        answer = self._process.stdout.read()
        self._process.wait()
        report = json.loads(answer) if answer else {"rounds": [], "problems": ["the witness has ended early"]}
        self.rounds, self.problems = sorted(report["rounds"]), report["problems"]

    def between(self, begin, end):
        return [took * 1000 for sent, took in self.rounds if begin <= sent < end]

    def p99(self, begin, end):
        return percentile(self.between(begin, end), .99)


if __name__ == "__main__":
    conversation = Conversation(int(sys.argv[1]), sys.argv[2:4], sys.argv[4:6])
    print("ready", flush=True)
    conversation.run()
    print(json.dumps(conversation.report()))
