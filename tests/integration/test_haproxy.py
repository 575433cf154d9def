"""The shipped HAProxy in front of a gateway: whose address is forwarded, and how many connections a client may have."""

import contextlib
import os
import re
import shutil
import socket

import pytest
import requests

from support.client import User, login
from support.ports import free_port
from support.process import REPOSITORY, Program, clean_environment
from support.raw import Connection, RawWebSocket, request_bytes
from support.stack import Stack
from support.wait import wait_until

HAPROXY = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin")
pytestmark = pytest.mark.skipif(HAPROXY is None, reason="haproxy is not installed")


def configuration(port, gateway):
    """deploy/haproxy.cfg with a gateway of this machine in the place of Docker's names."""
    text = (REPOSITORY / "deploy" / "haproxy.cfg").read_text()
    text = re.sub(r"^resolvers docker\n(?: .*\n)*", "", text, flags=re.MULTILINE)
    text = re.sub(r" resolvers docker .*$", "", text, flags=re.MULTILINE)
    text, servers = re.subn(r"server-template .*", f"server one 127.0.0.1:{gateway}", text)
    text, binds = re.subn(r"bind :8000", f"bind 127.0.0.1:{port}", text)
    assert (servers, binds) == (1, 1)
    return text


class Balancer:
    def __init__(self, stack, **environment):
        self.port = free_port()
        self._path = stack.directory / "haproxy.cfg"
        self._path.write_text(configuration(self.port, stack.ports[0]))
        self._program = Program("haproxy", [HAPROXY, "-db", "-f", str(self._path)], {**clean_environment(), **environment},
                                stack.directory / "haproxy.log")

    def __enter__(self):
        self._program.start()
        wait_until(self._serves, "HAProxy to find its gateway")
        return self

    def __exit__(self, *exception):
        self._program.kill()

    def _serves(self):
        try:
            return requests.get(self.url("/healthz"), timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def url(self, path=""):
        return f"http://127.0.0.1:{self.port}{path}"

    def log_in(self, forwarded=None):
        headers = {"X-Forwarded-For": forwarded} if forwarded else {}
        return login(self.url(), "a@b.c", "password", headers=headers).status_code


SETTINGS = {"limits.loginsPerMinute": 3, "gateway.trustedProxies": "127.0.0.0/8"}


def test_what_a_client_says_of_its_address_is_replaced():
    with Stack(settings=SETTINGS) as own, Balancer(own) as balancer:
        assert [balancer.log_in(f"192.0.2.{number}") for number in range(4)] == [401, 401, 401, 429]
        secure = requests.post(balancer.url("/exit"), headers={"X-Forwarded-Proto": "https"})
        assert "Secure" not in secure.headers["Set-Cookie"]


def test_what_a_trusted_proxy_says_is_appended_to():
    with Stack(settings=SETTINGS) as own, Balancer(own, TRUSTED_PROXIES="192.0.2.0/24 127.0.0.1") as balancer:
        assert [balancer.log_in("198.51.100.1") for _ in range(4)] == [401, 401, 401, 429]
        assert balancer.log_in("198.51.100.2") == 401
        assert balancer.log_in("198.51.100.2, 198.51.100.1") == 429, "the right-most is what our proxy has seen"
        secure = requests.post(balancer.url("/exit"), headers={"X-Forwarded-Proto": "https"})
        assert "Secure" in secure.headers["Set-Cookie"]


def answered_of(port, count):
    """How many of so many connections that are open at a time are answered."""
    held, answered = [], 0
    for _ in range(count):
        with contextlib.suppress(OSError):  # the others are reset, perhaps at once
            held.append(socket.create_connection(("127.0.0.1", port), 10))
    for connection in held:
        with contextlib.suppress(OSError):
            connection.sendall(request_bytes("GET", "/healthz", headers={"Connection": "keep-alive"}))
            answered += connection.recv(65536).startswith(b"HTTP/1.1 200")
    for connection in held:
        connection.close()
    return answered


def test_connections_of_a_source_are_bounded_but_not_those_of_a_trusted_proxy():
    with Stack() as own:
        for environment, admitted in (({}, 5), ({"TRUSTED_PROXIES": "127.0.0.1"}, 12)):
            with Balancer(own, CONNECTIONS_PER_SOURCE="5", **environment) as balancer:
                wait_until(lambda: answered_of(balancer.port, 12) == admitted, f"{admitted} of 12 connections to be admitted")


def test_a_request_that_trickles_does_not_reach_a_gateway():
    with Stack(settings={"limits.connectionsPerAddress": 1, **SETTINGS}) as own, Balancer(own) as balancer:
        slow = [Connection(balancer.port) for _ in range(20)]
        for connection in slow:
            connection.send(request_bytes("POST", "/login", b"", {"Content-Type": "application/json", "Content-Length": 100}) + b"{")
        assert [requests.get(balancer.url("/readyz")).status_code for _ in range(3)] == [200] * 3
        for connection in slow:
            connection.close()


def test_sockets_and_pictures_work_through_it():
    with Stack(settings=SETTINGS) as own, Balancer(own) as balancer:
        user = User(own)
        with RawWebSocket(balancer.port, user.token) as raw:
            assert raw.status == 101
            raw.send_frame('{"jsonrpc":"2.0","method":"getSelfInfo","id":1.0}')
            assert raw.next_text().endswith('"id":1.0}')
        assert requests.get(balancer.url("/img/default.jpg")).status_code == 200
        with Connection(balancer.port) as connection:
            connection.send(b"GET /healthz HTTP/1.0\r\n\r\n")
            assert connection.wait_end() and connection.received.split()[1] == b"200", "the check of its container"
