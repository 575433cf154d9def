#!/usr/bin/python3
"""Very many messages in one run: each arrives once and in order, and no program grows.

    make soak                       # 1,000,000 messages, on a messenger of its own
    tests/soak/run.py --messages 200000 --pairs 50
"""

import argparse
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from support.client import User  # noqa: E402  (needs the path above)
from support.load import MARK, Load, client_frame  # noqa: E402
from support.stack import Stack  # noqa: E402

SETTLED_PART = 0.1  # of the messages, after which the programs have taken the memory they need
GROWTH_MOST = 1.10
REPORT_EVERY = 100_000


class Soak(Load):
    """Each pair's messages are numbered. What arrives must be the next of its pair: that says of
    every message that it came, once, and in order, without remembering any."""

    def __init__(self, ports, pairs, size):
        super().__init__(ports, pairs, size)
        self.acknowledged, self.delivered = [0] * len(pairs), [0] * len(pairs)
        self.problems = []

    def send_until(self, total):
        """Sends until so many are acknowledged in all, and all of them have arrived."""
        self._total = total
        for number in range(len(self._pairs)):
            if self._next[number] == self.acknowledged[number]:
                self._send(number)
        silent_since = time.monotonic()
        before = None
        while self.delivered != self._next or self.acknowledged != self._next:
            self._turn(0.05)
            state = (sum(self.delivered), sum(self.acknowledged))
            if state != before:
                before, silent_since = state, time.monotonic()
            if time.monotonic() - silent_since > 30:
                self.problems.append(f"nothing came for 30 s: {sum(self._next)} sent, {state[1]} acknowledged, "
                                     f"{state[0]} delivered")
            if self.problems:
                return

    def _send(self, number):
        index = self._next[number]
        self._next[number] += 1
        request = {"jsonrpc": "2.0", "method": "sendMessageToUser", "id": index,
                   "params": [self._pairs[number][2], f"load {number} {index} {self._filler}", f"{index}"]}
        self._senders[number].socket.sendall(client_frame(json.dumps(request).encode()))

    def _receive(self, connection, opcode, payload, now):
        if opcode == 1 and b'"code":3001' in payload:
            self._note(self.delivered, "delivered", *map(int, MARK.search(payload).groups()))
        else:
            super()._receive(connection, opcode, payload, now)

    def _answered(self, number, payload, now):
        found = MARK.search(payload)
        if not found:
            self.problems.append(f"pair {number}: {payload.decode()}")
            return
        self._note(self.acknowledged, "acknowledged", number, int(found.group(2)))
        if sum(self._next) < self._total:
            self._send(number)

    def _note(self, counts, what, number, index):
        if index != counts[number]:
            self.problems.append(f"pair {number}: message {index} was {what}, {counts[number]} was due")
        counts[number] = index + 1


def resident_mib(stack):
    return {program.name: program.resident_kib() / 1024 for program in stack.programs()}


def stored(stack, users):
    """How many messages the conversations of the receivers hold, by their last seq."""
    total = 0
    for user in users:
        with user.socket() as socket:
            total += sum(dialog["seq"] for dialog in socket.call("getDialogsList"))
    return total


def run(messages, pairs, size, report):
    with Stack(settings={"webSocket.maxConnections": 2000, "log.level": "info"}) as stack:
        users = [(User(stack), User(stack)) for _ in range(pairs)]
        soak = Soak(stack.ports, [(a.token, b.token, b.tag) for a, b in users], size)
        begin, early, done = time.monotonic(), None, 0
        settled = int(messages * SETTLED_PART)
        while done < messages and not soak.problems:
            step = settled if done < settled else REPORT_EVERY
            done = min(messages, done + step)
            soak.send_until(done)
            now = resident_mib(stack)
            early = early or now
            report(f"{sum(soak.delivered):9} delivered in {time.monotonic() - begin:5.0f} s; resident MiB: "
                   + ", ".join(f"{name} {mib:.1f}" for name, mib in now.items()))
        kept = stored(stack, [b for _, b in users])
        problems = soak.problems + judge(messages, soak, kept, early, resident_mib(stack))
        report(f"{sum(soak.acknowledged)} acknowledged, {sum(soak.delivered)} delivered, {kept} stored, "
               f"{sum(soak.delivered) / (time.monotonic() - begin):.0f} a second; {len(problems)} problems")
        soak.close()
    return problems


def judge(messages, soak, kept, early, late):
    problems = []
    for what, count in (("acknowledged", sum(soak.acknowledged)), ("delivered", sum(soak.delivered)),
                        ("stored", kept)):
        if count != messages:
            problems.append(f"{count} {what} of {messages}")
    for name, mib in late.items():
        if mib > early[name] * GROWTH_MOST:
            problems.append(f"{name} grew from {early[name]:.1f} to {mib:.1f} MiB")
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--pairs", type=int, default=50)
    parser.add_argument("--size", type=int, default=100, help="bytes of text")
    options = parser.parse_args()
    problems = run(options.messages, options.pairs, options.size, lambda line: print(line, flush=True))
    for problem in problems[:20]:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
