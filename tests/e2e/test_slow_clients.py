"""A hundred clients that do not read: they are closed, and no other client is affected."""

import os
import threading
import time

import pytest

from support.client import User, befriend, send
from support.load import percentile
from support.raw import RawWebSocket
from support.stack import Stack
from support.wait import PATIENCE_SECONDS, wait_until

STUCK_USERS, STUCK_EACH = 4, 25
TEXT = "x" * 16384
FILLING = 40  # of these texts wait for each stuck socket: less than its outbox holds


class Chat:
    """Two who write to each other and read. Measures the time from the acknowledgement of a message
    to its notification: what the gateway needs to push it."""

    def __init__(self, stack):
        first, self.second = User(stack), User(stack)
        self.mine, self.his = first.socket(), self.second.socket()
        self.delays = []

    def write(self, count):
        for _ in range(count):
            number = str(len(self.delays))
            begin = time.perf_counter()
            send(self.mine, self.second, number)
            self.his.wait_notification(3001, {"text": number})
            self.delays.append(time.perf_counter() - begin)

    def write_until(self, done):
        while not done.is_set():
            self.write(1)
            done.wait(0.01)


def open_files(program):
    return len(os.listdir(f"/proc/{program.pid}/fd"))


@pytest.mark.slow
def test_a_hundred_stuck_sockets_delay_no_other():
    with Stack(settings={"log.level": "info"}) as stack:
        chat, writer = Chat(stack), User(stack)
        receivers = [User(stack) for _ in range(STUCK_USERS)]
        his = writer.socket()
        for receiver in receivers:
            befriend(his, receiver)
        chat.write(20)
        alone = max(chat.delays)
        gateway, files = stack.program("gateway"), open_files(stack.program("gateway"))
        stuck = [RawWebSocket(stack.ports[0], receiver.token, receive_buffer=4096)
                 for receiver in receivers for _ in range(STUCK_EACH)]
        chat.delays.clear()
        closed = threading.Event()
        thread = threading.Thread(target=chat.write_until, args=(closed,), daemon=True)
        thread.start()
        for _ in range(FILLING):
            for receiver in receivers:
                send(his, receiver, TEXT)
        # A hundred sockets are blocked now, and each of them is given up after 5 s.
        wait_until(lambda: open_files(gateway) <= files, "all to be given up")
        closed.set()
        thread.join(PATIENCE_SECONDS)
        most = percentile(chat.delays, .99)
        print(f"{len(chat.delays)} messages beside 100 stuck sockets: p50 {percentile(chat.delays, .5) * 1000:.1f} ms, "
              f"p99 {most * 1000:.0f} ms, slowest {max(chat.delays) * 1000:.0f} ms (without: slowest {alone * 1000:.0f} ms)")
        # A gateway that waits for each of them is through with one or two by then.
        assert len(chat.delays) >= 10
        for raw in stuck:
            assert raw.wait_end(), "a stuck socket is still connected"
            raw.close()
