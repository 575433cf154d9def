"""Clients that send or receive as slowly as they can hold up nobody, and are disconnected by one deadline for the whole request."""

import selectors
import socket
import threading
import time

import pytest
import requests

from support import images
from support.client import User, login, upload
from support.raw import Connection, HttpAnswer, RawWebSocket, request_bytes
from support.stack import Stack
from support.wait import pass_time

DEADLINE_SECONDS = 30
JSON = {"Content-Type": "application/json"}


def head():
    return b"GET /healthz HTTP/1.1\r\nHost: a\r\nA: ", b"a" * 10000


def body():
    return request_bytes("POST", "/login", b"", {**JSON, "Content-Length": 60000}), b" " * 60000


def chunked():
    return request_bytes("POST", "/login", b"", {**JSON, "Content-Length": None, "Transfer-Encoding": "chunked"}).replace(
        b"Content-Length: None\r\n", b""), b"1\r\n \r\n" * 10000


def uploading(user):
    headers = {"Content-Type": "multipart/form-data; boundary=border", "Content-Length": 15 << 20, "Cookie": f"auth={user.token}"}
    return request_bytes("POST", "/upload-image", b"", headers), b"--border\r\n" + b"x" * 10000


class Drips:
    """Many connections that each send a beginning, and then a byte now and then, until they are disconnected."""

    def __init__(self, port, kinds, count, every=2.0):
        self.lifetimes, self.answers, self.failed = [], set(), 0
        self._port, self._kinds, self._count, self._every = port, kinds, count, every
        self._stop, self.opened = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._stop.set()
        self._thread.join()

    def wait(self, timeout):
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _open(self, selector, number):
        begin, rest = self._kinds[number % len(self._kinds)]
        connection = socket.create_connection(("127.0.0.1", self._port))
        connection.setblocking(False)
        connection.sendall(begin)
        now = time.monotonic()
        selector.register(connection, selectors.EVENT_READ, [now, now + self._every * (number % 20) / 20, rest, 0])

    def _run(self):
        selector = selectors.DefaultSelector()
        for number in range(self._count):
            self._open(selector, number)
        self.opened.set()
        while selector.get_map() and not self._stop.is_set():
            for key, _ in selector.select(0.05):
                self._read(selector, key)
            self._drip(selector)
        for key in list(selector.get_map().values()):
            key.fileobj.close()

    def _read(self, selector, key):
        try:
            data = key.fileobj.recv(65536)
        except OSError:
            data = b""
        if data:
            self.answers.add(data.split()[1])
            return
        self.lifetimes.append(time.monotonic() - key.data[0])
        selector.unregister(key.fileobj)
        key.fileobj.close()

    def _drip(self, selector):
        now = time.monotonic()
        for key in list(selector.get_map().values()):
            state = key.data
            if state[1] > now:
                continue
            state[1] = now + self._every
            try:
                key.fileobj.send(state[2][state[3]:state[3] + 1])
                state[3] += 1
            except OSError:
                pass


def health_seconds(stack, count=100):
    """The times of so many health checks, each on a connection of its own."""
    times = []
    for _ in range(count):
        begin = time.monotonic()
        assert requests.get(stack.url(path="/healthz"), timeout=10).status_code == 200
        times.append(time.monotonic() - begin)
    return times


def nearly_all(times):
    return sorted(times)[len(times) * 99 // 100 - 1]


@pytest.mark.slow
def test_two_thousand_dripping_connections_hold_up_nobody():
    with Stack(settings={"webSocket.maxConnections": None}) as own:
        user, other = User(own), User(own)
        before = nearly_all(health_seconds(own))
        kinds = [head(), body(), chunked(), uploading(user)]
        with Drips(own.ports[0], kinds, 2000) as drips:
            during = []
            while not drips.wait(0.1):
                during += health_seconds(own, 10)
                assert login(own.url(), user.email, user.password).status_code == 200
                with other.socket() as opened:
                    assert opened.call("getSelfInfo")["tag"] == other.tag
                assert len(during) < 100000
            assert upload(own.url(), user.token, images.png(8, 8)).status_code == 200
        assert len(drips.lifetimes) == 2000 and max(drips.lifetimes) <= DEADLINE_SECONDS
        assert drips.answers <= {b"408", b"503"}
        assert nearly_all(during) <= max(0.25, 5 * before), (before, nearly_all(during))


def test_more_connections_than_there_are_files():
    """A new connection takes the place of the one that has been reading for the longest time."""
    with Stack() as own:
        program = own.program("gateway")
        own.terminate("gateway")
        program.argv = ["prlimit", "--nofile=1024", *program.argv]
        program.start()
        own.wait_ready()
        user = User(own)
        with Drips(own.ports[0], [head(), body()], 1500) as drips:
            drips.opened.wait()
            for _ in range(20):
                health_seconds(own, 5)
                assert login(own.url(), user.email, user.password).status_code == 200
        assert "sockets" in program.log()


def test_uploads_that_trickle_leave_others_theirs(stack, crowd):
    slow, other = crowd.user(stack), crowd.user(stack)
    with Drips(stack.ports[0], [uploading(slow)], 20):
        for _ in range(5):
            assert upload(stack.url(), other.token, images.png(8, 8)).status_code == 200
            assert upload(stack.url(), slow.token, images.png(8, 8)).status_code == 200


@pytest.mark.slow
def test_an_upload_on_a_slow_line_is_received_whole(stack, crowd):
    """48 KiB a second for longer than the deadline of a small request; the picture is none, which is said in the end."""
    user = crowd.user(stack)
    pieces, piece = 28, b"x" * (48 << 10)
    part = b'--border\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
    end = b"\r\n--border--\r\n"
    length = len(part) + pieces * len(piece) + len(end)
    headers = {"Content-Type": "multipart/form-data; boundary=border", "Content-Length": length, "Cookie": f"auth={user.token}"}
    with Connection(stack.ports[0]) as connection:
        connection.send(request_bytes("POST", "/upload-image", b"", headers) + part)
        for _ in range(pieces):
            pass_time(1, "a slow line")
            connection.send(piece)
        connection.send(end)
        assert connection.wait_end()
    assert HttpAnswer(connection.received).status == 400, connection.received


def test_answers_that_nobody_reads_hold_up_nobody(stack):
    """Each asks for more than the buffers on the way can take."""
    ask = b"".join(b"GET /assets/example.css HTTP/1.1\r\nHost: a\r\n\r\n" for _ in range(1000))
    idle = [Connection(stack.ports[0], receive_buffer=4096) for _ in range(600)]
    try:
        for connection in idle:
            connection.send_without_reading(ask[:40000])
        assert nearly_all(health_seconds(stack)) < 5
        assert requests.get(stack.url(path="/readyz")).status_code == 200
    finally:
        for connection in idle:
            connection.close()


def test_the_limit_is_asked_before_the_body_is_read():
    with Stack(settings={"limits.loginsPerMinute": 2, "limits.signupsPerMinute": 2, "limits.uploadsPerMinute": 2}) as own:
        user = User(own)
        paths = {"/login": ("application/json", 401), "/signup": ("application/json", 400), "/upload-image": ("multipart/form-data; boundary=b", 400)}
        for path, (kind, status) in paths.items():
            headers = {"Content-Type": kind, "Cookie": f"auth={user.token}"}
            data = b'{"user":{"email":"a@b.c","password":"password"}}'
            first = [requests.post(own.url(path=path), data=data, headers=headers).status_code for _ in range(2)]
            assert first == ([status] * 2 if path != "/signup" else [400, 429])
            with Connection(own.ports[0]) as connection:
                connection.send(request_bytes("POST", path, b"", {**headers, "Content-Length": 60000}))
                assert connection.wait_end(10), "waits for the body"
                assert b" 429 " in connection.received[:20]


def test_an_idle_connection_is_closed_without_a_word(stack):
    with Connection(stack.ports[0]) as connection:
        assert connection.wait_end(DEADLINE_SECONDS)
        assert connection.received == b""


@pytest.mark.parametrize("token", [False, True], ids=["without a token", "with one that is revoked"])
def test_sockets_without_a_token_take_no_place(token):
    """However many of them come, a user with a token gets in each time."""
    with Stack(settings={"webSocket.maxConnections": 20}) as own:
        user, gone = User(own), User(own)
        requests.post(own.url(path="/exit"), headers={"Cookie": f"auth={gone.token}"})
        stop, opened = threading.Event(), []

        def flood():
            while not stop.is_set():
                waiting = [RawWebSocket(own.ports[0], gone.token if token else None) for _ in range(50)]
                opened.extend(raw.status for raw in waiting)
                for raw in waiting:
                    raw.reset()
        threads = [threading.Thread(target=flood) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(50):
                with user.socket() as socket_of_user:
                    assert socket_of_user.call("getSelfInfo")["tag"] == user.tag
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert len(opened) > 200 and set(opened) == {101}


def test_users_with_many_sockets_leave_places_to_those_without():
    with Stack(settings={"webSocket.maxConnections": 64, "webSocket.maxPerUser": 64}) as own:
        greedy, others = [User(own) for _ in range(3)], [User(own) for _ in range(10)]
        raws = [RawWebSocket(own.ports[0], greedy[number % 3].token) for number in range(80)]
        assert [raw.status for raw in raws] == [101] * 48 + [503] * 32
        sockets = [user.socket() for user in others]
        assert [opened.call("getSelfInfo")["tag"] for opened in sockets] == [user.tag for user in others]
        for opened in (*raws, *sockets):
            opened.close()


def test_the_places_of_an_address():
    """An IPv6 network of a customer is one address; proxies and the places of others do not count."""
    settings = {"limits.socketsPerAddress": 3, "limits.connectionsPerAddress": 5, "gateway.trustedProxies": "127.0.0.1"}
    with Stack(settings=settings) as own:
        user = User(own)
        groups = [["192.0.2.7", "192.0.2.7:1", "::ffff:192.0.2.7", "[::ffff:192.0.2.7]:9", "198.51.100.1, 192.0.2.7:65535"],
                  ["2001:db8:1:2::1", "[2001:db8:1:2:ffff::9]:443", "2001:DB8:1:2:0:0:0:1", "[2001:db8:1:2::1]", "2001:db8:1:2:3:4:5:6"]]
        opened = []
        for group in groups:
            raws = [RawWebSocket(own.ports[0], user.token, headers={"X-Forwarded-For": address}) for address in group]
            assert [raw.status for raw in raws] == [101] * 3 + [429] * 2, group
            opened += raws
        for address in ("192.0.2.8", "2001:db8:1:3::1", "192.0.2.8:7"):
            opened.append(RawWebSocket(own.ports[0], user.token, headers={"X-Forwarded-For": address}))
            assert opened[-1].status == 101
        for raw in opened:
            raw.close()
        slow = request_bytes("POST", "/login", b"", {**JSON, "Content-Length": 10, "X-Forwarded-For": "192.0.2.9:1"})
        held = [Connection(own.ports[0]) for _ in range(5)]
        for connection in held:
            connection.send(slow)

        def status(address):
            return requests.get(own.url(path="/example"), headers={"X-Forwarded-For": address}).status_code
        deadline = time.monotonic() + 10
        while status("192.0.2.9:2") != 429:
            assert time.monotonic() < deadline
        assert status("192.0.2.10") == 200 and requests.get(own.url(path="/healthz")).status_code == 200
        for connection in held:
            connection.close()
        while status("192.0.2.9:2") != 200:
            assert time.monotonic() < deadline


@pytest.mark.parametrize("written", ["192.0.2.3:1", "[2001:db8::1]:443", "::ffff:192.0.2.3", "[2001:db8::1]"])
def test_an_address_counts_however_a_proxy_writes_it(written):
    same = {"192.0.2.3:1": "192.0.2.3", "[2001:db8::1]:443": "2001:db8::2", "::ffff:192.0.2.3": "192.0.2.3:9", "[2001:db8::1]": "2001:0DB8::ffff"}
    with Stack(settings={"limits.loginsPerMinute": 3, "gateway.trustedProxies": "127.0.0.1"}) as own:
        def attempt(address):
            return login(own.url(), "a@b.c", "password", headers={"X-Forwarded-For": address}).status_code
        assert [attempt(written), attempt(same[written]), attempt(written), attempt(same[written])] == [401, 401, 401, 429]
        assert attempt("192.0.2.4:1") == 401 and attempt("2001:db8:0:1::1") == 401


def test_the_gateway_names_its_capacity_at_the_start(stack):
    with Stack(settings={"webSocket.maxConnections": None}) as own:
        line = [line for line in own.program("gateway").log().splitlines() if "serves port" in line][0]
        assert "sockets" in line and "open files" in line
