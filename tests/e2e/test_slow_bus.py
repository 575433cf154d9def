"""Programs whose line to NATS is slow, or stalls: they end in order all the same, within ten seconds."""

import threading
import time

import pytest

from support.client import befriend
from support.proxy import Proxy
from support.stack import Stack

END_SECONDS = 10
DELAY_SECONDS = 0.2


class Line:
    """Between some programs of a stack and NATS; slow from slow_down() on."""

    def __init__(self, stack, *programs):
        self.proxy, self._ended, self._thread = Proxy(stack.nats_port), threading.Event(), None
        for program in programs:
            program.env["MESSENGER_NATS_URL"] = f"nats://127.0.0.1:{self.proxy.port}"

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._ended.set()
        self.proxy.close()
        if self._thread:
            self._thread.join()

    def slow_down(self, flows=0.0, stalls=0.0):
        """Delays what passes, each way; and in turns it flows for a while, and stalls for a while."""
        self.proxy.delay(DELAY_SECONDS)
        if stalls:
            self._thread = threading.Thread(target=self._stutter, args=(flows, stalls), daemon=True)
            self._thread.start()

    def _stutter(self, flows, stalls):
        while not self._ended.is_set():
            self.proxy.swallow()
            if self._ended.wait(stalls):
                break
            self.proxy.let_pass()
            self._ended.wait(flows)


@pytest.mark.slow
@pytest.mark.parametrize("flows, stalls", [(0, 0), (0.3, 1), (1, 4), (0, 3600)])
@pytest.mark.parametrize("kinds", [["gateway"], ["user", "message", "presence"]], ids=lambda kinds: kinds[0])
def test_a_program_on_a_slow_line_ends_in_order(crowd, kinds, flows, stalls):
    """With users online, and calls in progress. The others are not on that line."""
    stack = Stack()
    programs = [stack.program(kind) for kind in kinds]
    with Line(stack, *programs) as line:
        try:
            stack.start()
            anna, *others = crowd.users(stack, 30)
            hers = anna.socket()
            for other in others:
                other.socket()
                befriend(hers, other)
            line.slow_down(flows, stalls)
            for number in range(200):
                hers.start_call("sendMessageToUser", [others[number % len(others)].tag, "x" * 5000])
            began = time.monotonic()
            for program in programs:
                program.terminate()
            codes = [program.wait(2 * END_SECONDS) for program in programs]
            assert codes == [0] * len(programs)
            assert time.monotonic() - began <= END_SECONDS
        finally:
            stack.destroy()
