"""Clients that ask for more than they read: memory stays bounded in bytes, and others do not notice."""

import json
import threading
import time

import pytest

from support.client import RpcError, User, send
from support.load import percentile
from support.memory_cgroup import memory_cgroup
from support.process import MEMORY_FACTOR, TIME_FACTOR
from support.raw import TEXT, RawWebSocket
from support.stack import Stack
from support.wait import PATIENCE_SECONDS, wait_until

SETTINGS = {"store.users": None, "store.messages": None, "limits.callsPerSecond": 0,
            "rpc.timeoutMs": 5000 * TIME_FACTOR}
TEXTS, TEXT_BYTES = 1000, 16 * 1024
GREEDY_SOCKETS, READ_BYTES_A_SECOND = 31, 100_000
CONTAINER_MIB, PEAK_MAX_MIB = 512 * MEMORY_FACTOR, 384 * MEMORY_FACTOR
GREEDY_SECONDS = 45
PAGE = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "getMessagesWithUser", "params": ["{peer}", 0, TEXTS]})


@pytest.fixture(scope="module")
def stack():
    with Stack(settings=SETTINGS) as stack:
        yield stack


def fill(stack, text, count=TEXTS):
    """A conversation of `count` texts; returns the receiver and the sender."""
    reader, writer = User(stack), User(stack)
    with writer.socket() as socket:
        for _ in range(count):
            send(socket, reader, text)
    return reader, writer


@pytest.fixture(scope="module")
def filled(stack):
    return fill(stack, "x" * TEXT_BYTES)


def peak_mib(program):
    with open(f"/proc/{program.pid}/status", encoding="ascii") as status:
        line, = [line for line in status if line.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


class Others:
    """Another user, who calls all the time."""

    def __init__(self, stack):
        self._socket, self._stop, self.delays = User(stack).socket(), threading.Event(), []
        self._thread = threading.Thread(target=self._work, daemon=True)

    def _work(self):
        while not self._stop.is_set():
            begin = time.perf_counter()
            self._socket.call("getSelfInfo")
            self.delays.append(time.perf_counter() - begin)
            self._stop.wait(0.01)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._stop.set()
        self._thread.join(PATIENCE_SECONDS)


def greedy_sockets(stack, reader, writer):
    sockets = [RawWebSocket(stack.ports[0], reader.token, receive_buffer=16384) for _ in range(GREEDY_SOCKETS)]
    for socket in sockets:
        socket.send_frame(PAGE.replace("{peer}", writer.tag))
    return sockets


def read_slowly(sockets, seconds):
    """Each at its rate, in pieces."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        turn = time.monotonic()
        for socket in sockets:
            socket.read_some(READ_BYTES_A_SECOND // 10)
        time.sleep(max(0, turn + 0.1 - time.monotonic()))  # the rate itself


@pytest.mark.slow
def test_a_container_of_512_mib_survives_pages_that_are_not_read():
    with memory_cgroup(CONTAINER_MIB) as cgroup, Stack(settings=SETTINGS) as stack:
        gateway = stack.program("gateway")
        if cgroup is not None:
            cgroup.add(gateway.pid)
        reader, writer = fill(stack, "x" * TEXT_BYTES)
        with Others(stack) as others:
            sockets = greedy_sockets(stack, reader, writer)
            read_slowly(sockets, GREEDY_SECONDS)
        charged = f"{cgroup.peak_mib():.0f} MiB charged at most" if cgroup is not None else "this user may make none"
        print(f"gateway: {peak_mib(gateway):.0f} MiB resident at most, control group of {CONTAINER_MIB} MiB: {charged}; "
              f"another's getSelfInfo: p50 {percentile(others.delays, .5) * 1000:.1f} ms, "
              f"p99 {percentile(others.delays, .99) * 1000:.0f} ms of {len(others.delays)}")
        assert gateway.alive
        assert peak_mib(gateway) <= PEAK_MAX_MIB
        assert len(others.delays) > 10
        for socket in sockets:
            socket.close()


def test_a_page_that_does_not_fit_is_refused_with_a_time_to_wait(stack, filled):
    reader, writer = filled
    sockets = greedy_sockets(stack, reader, writer)
    answers = [json.loads(frame.payload) for frame in (socket.next_frame() for socket in sockets) if frame.opcode == TEXT]
    refused = [answer["error"] for answer in answers if "error" in answer]
    assert len(refused) < len(answers)
    assert all(error["code"] == -32002 and error["data"]["retryAfterMs"] > 0 for error in refused)
    for socket in sockets:
        socket.close()

    def answered():
        with reader.socket() as socket:
            try:
                return len(socket.call("getMessagesWithUser", [writer.tag, 0, TEXTS]))
            except RpcError as error:
                assert error.code == -32002
                return 0
    wait_until(lambda: answered() == TEXTS, "the page, once the others are gone")


def test_a_batch_of_pages_is_bounded_in_bytes(stack, filled):
    reader, writer = filled
    batch = json.dumps([json.loads(PAGE.replace("{peer}", writer.tag)) | {"id": number} for number in range(50)])
    sockets = [RawWebSocket(stack.ports[0], reader.token) for _ in range(4)]
    for socket in sockets:
        socket.send_frame(batch)
    for socket in sockets:
        answers = json.loads(socket.next_frame().payload)
        codes = {answer["error"]["code"] for answer in answers if "error" in answer}
        assert -32002 in codes and codes <= {-32001, -32002}  # or the time for the whole text is over
        socket.close()
    assert peak_mib(stack.program("gateway")) <= PEAK_MAX_MIB


def test_text_that_grows_when_it_is_escaped_is_bounded_in_bytes(stack):
    """Each character becomes six bytes of JSON."""
    text = "\x01" * 10_000  # as much as fits into a call
    reader, writer = fill(stack, text, 400)
    with Others(stack) as others:
        sockets = greedy_sockets(stack, reader, writer)
        read_slowly(sockets, 4)
    assert peak_mib(stack.program("gateway")) <= PEAK_MAX_MIB
    assert len(others.delays) > 10
    for socket in sockets:
        socket.close()
    with reader.socket() as socket:
        wait_until(lambda: page_of(socket, writer, 100) == [text] * 100, "a page of them")


def page_of(socket, writer, count):
    try:
        return [message["text"] for message in socket.call("getMessagesWithUser", [writer.tag, 0, count])]
    except RpcError as error:
        assert error.code == -32002
        return None


def test_pages_of_many_pieces_are_whole(stack, filled):
    reader, writer = filled
    with reader.socket() as socket:
        for start, end in ((0, 1000), (0, 100), (900, 1000), (5, 6), (995, 1500)):
            page = wait_until(lambda: socket.call("getMessagesWithUser", [writer.tag, start, end]), "the page")
            assert [m["seq"] for m in page] == list(range(1000 - start, max(1000 - end, 0), -1))


def test_a_large_answer_costs_more_calls_than_a_small_one():
    with Stack(settings={**SETTINGS, "limits.callsPerSecond": 20}) as stack:
        reader, writer = User(stack), User(stack)
        with writer.socket() as socket:
            for _ in range(30):
                wait_until(lambda: sent(socket, reader), "a send to be taken")
        with reader.socket() as socket:
            assert len(wait_until(lambda: page_of(socket, writer, 30), "the page")) == 30
            calls = 0
            with pytest.raises(RpcError) as raised:
                for calls in range(1000):
                    page_of_strictly(socket, writer)
            assert raised.value.code == -32002 and raised.value.retry_after_ms > 0
            assert calls < 100


def page_of_strictly(socket, writer):
    return socket.call("getMessagesWithUser", [writer.tag, 0, 30])


def sent(socket, reader):
    try:
        return send(socket, reader, "x" * TEXT_BYTES)
    except RpcError as error:
        assert error.code == -32002
        return None
