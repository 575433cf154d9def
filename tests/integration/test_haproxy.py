"""The shipped HAProxy in front of a gateway: whose address is forwarded, and how many connections a client may have."""

import contextlib
import socket

import pytest
import requests

from support.balancer import HAPROXY, Balancer
from support.client import User, login
from support.raw import Connection, RawWebSocket, request_bytes
from support.stack import Stack
from support.wait import wait_until

pytestmark = pytest.mark.skipif(HAPROXY is None, reason="haproxy is not installed")


def log_in(balancer, forwarded=None):
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    return login(balancer.url(), "a@b.c", "password", headers=headers).status_code


SETTINGS = {"limits.loginsPerMinute": 3, "gateway.trustedProxies": "127.0.0.0/8"}


def test_what_a_client_says_of_its_address_is_replaced():
    with Stack(settings=SETTINGS) as own, Balancer(own) as balancer:
        assert [log_in(balancer, f"192.0.2.{number}") for number in range(4)] == [401, 401, 401, 429]
        secure = requests.post(balancer.url("/exit"), headers={"X-Forwarded-Proto": "https"})
        assert "Secure" not in secure.headers["Set-Cookie"]


def test_what_a_trusted_proxy_says_is_appended_to():
    with Stack(settings=SETTINGS) as own, Balancer(own, TRUSTED_PROXIES="192.0.2.0/24 127.0.0.1") as balancer:
        assert [log_in(balancer, "198.51.100.1") for _ in range(4)] == [401, 401, 401, 429]
        assert log_in(balancer, "198.51.100.2") == 401
        assert log_in(balancer, "198.51.100.2, 198.51.100.1") == 429, "the right-most is what our proxy has seen"
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
