"""Rate limits and the limits on connections: excess gets a clear error, and no other client is affected."""

import json
import time

import pytest
import requests

from support.client import HandshakeRefused, RpcError, User, error_name, login, signup, unique
from support.raw import RawWebSocket
from support.stack import Stack
from support.wait import wait_until


def new_account():
    name = unique()
    return {"tag": "@" + name, "firstName": "Test", "lastName": "User",
            "email": name + "@example.com", "password": "password"}


def test_sign_ups_a_minute():
    with Stack(settings={"limits.signupsPerMinute": 3}) as own:
        responses = [signup(own.url(), new_account()) for _ in range(4)]
        assert [r.status_code for r in responses] == [200, 200, 200, 429]
        assert error_name(responses[-1]) == "RateLimitError"
        assert requests.get(own.url(path="/healthz")).status_code == 200


def test_log_ins_a_minute():
    with Stack(settings={"limits.loginsPerMinute": 3}) as own:
        user = User(own)
        responses = [login(own.url(), user.email, "wrong-password") for _ in range(3)]
        assert [r.status_code for r in responses] == [401] * 3
        refused = login(own.url(), user.email, user.password)
        assert refused.status_code == 429 and error_name(refused) == "RateLimitError"
        with user.socket() as socket:
            assert socket.call("getSelfInfo")["tag"] == user.tag, "the token from before works on"


def test_a_forged_address_does_not_evade_the_limit():
    """X-Forwarded-For counts only from a trusted proxy."""
    with Stack(settings={"limits.loginsPerMinute": 3}) as own:
        statuses = [login(own.url(), "a@b.c", "password",
                          headers={"X-Forwarded-For": f"10.0.0.{number}"}).status_code
                    for number in range(4)]
        assert statuses == [401, 401, 401, 429]


def test_addresses_behind_a_trusted_proxy_are_distinguished():
    with Stack(settings={"limits.loginsPerMinute": 3, "gateway.trustedProxies": "127.0.0.1"}) as own:
        def attempt(address):
            return login(own.url(), "a@b.c", "password", headers={"X-Forwarded-For": address}).status_code
        assert [attempt("10.0.0.1") for _ in range(4)] == [401, 401, 401, 429]
        assert attempt("10.0.0.2") == 401


def test_the_client_is_found_behind_several_proxies():
    """The right-most address that is no trusted proxy, however the headers are written."""
    settings = {"limits.loginsPerMinute": 3, "gateway.trustedProxies": "127.0.0.0/8,10.0.0.0/8"}
    with Stack(settings=settings) as own:
        def attempt(forwarded):
            headers = {"X-Forwarded-For": forwarded}
            return login(own.url(), "a@b.c", "password", headers=headers).status_code
        ways = ["192.0.2.1", "192.0.2.1, 10.0.0.1", "203.0.113.7, 192.0.2.1, 10.0.0.1,10.0.0.2"]
        assert [attempt(way) for way in (*ways, "198.51.100.9, 192.0.2.1")] == [401, 401, 401, 429]
        assert attempt("192.0.2.1, 192.0.2.2") == 401


def test_an_invalid_proxy_address_prevents_the_start():
    with Stack() as own:
        done = own.run_once("gateway", env={"MESSENGER_GATEWAY_TRUSTED_PROXIES": "10.0.0.0/33"})
        assert done.returncode == 2
        assert 'gateway.trustedProxies: "10.0.0.0/33" is neither' in done.stderr


def test_calls_a_second():
    """A burst of twice the limit passes, the rest is refused; then the user may call again."""
    with Stack(settings={"limits.callsPerSecond": 10}) as own:
        user, other = User(own), User(own)
        sockets = [user.socket(), user.socket()]
        calm = other.socket()
        begin = time.monotonic()
        ids = [(socket, socket.start_call("getSelfInfo")) for _ in range(50) for socket in sockets]
        answers = [socket.wait_answer(id) for socket, id in ids]
        seconds = time.monotonic() - begin
        errors = [answer["error"] for answer in answers if "error" in answer]
        good = len(answers) - len(errors)
        assert 20 <= good <= 21 + 10 * seconds, f"{good} of 100 calls were answered in {seconds:.2f} s"
        for error in errors:
            assert (error["code"], error["message"]) == (-32002, "Too many requests")
            assert type(error["data"]["retryAfterMs"]) is int and error["data"]["retryAfterMs"] > 0
        assert calm.call("getSelfInfo")["tag"] == other.tag
        wait_until(lambda: may_call(sockets[0]), "calls to be answered again")
        user.close()
        other.close()


def may_call(socket):
    try:
        return socket.call("getSelfInfo")
    except RpcError as error:
        assert error.code == -32002
        return None


def test_a_batch_counts_as_its_calls():
    with Stack(settings={"limits.callsPerSecond": 10}) as own:
        user = User(own)
        socket = user.socket()
        begin = time.monotonic()
        socket.send_json([{"jsonrpc": "2.0", "method": "getSelfInfo", "id": n} for n in range(100)])
        answers = socket.wait_batch()
        seconds = time.monotonic() - begin
        refused = [a for a in answers if a.get("error", {}).get("code") == -32002]
        assert len(answers) == 100 and 20 <= 100 - len(refused) <= 21 + 10 * seconds
        user.close()


def test_connections_of_one_user():
    with Stack(settings={"webSocket.maxPerUser": 3}) as own:
        user, other = User(own), User(own)
        sockets = [user.socket() for _ in range(3)]
        for socket in sockets:
            socket.call("getSelfInfo")
        assert not can_open(user), "a fourth socket works"
        assert can_open(other)
        sockets[0].close()
        wait_until(lambda: can_open(user), "a place to be free")
        assert all(socket.call("getSelfInfo")["tag"] == user.tag for socket in sockets[1:])
        user.close()


def can_open(user):
    """Whether a new socket is let in and answers a call; it is closed again."""
    try:
        with user.socket() as socket:
            return socket.call("getSelfInfo")["tag"] == user.tag
    except (AssertionError, HandshakeRefused):
        return False


def test_more_connections_than_there_is_room_for():
    """Beyond the limit an upgrade gets 503 at once; log-in, health and open sockets go on."""
    most = 10
    with Stack(settings={"webSocket.maxConnections": most}) as own:
        users = [User(own) for _ in range(3)]
        opened, refused = [], []
        for number in range(most + 5):
            raw = RawWebSocket(own.ports[0], users[number % 3].token)
            (opened if raw.status == 101 else refused).append(raw)
        assert len(opened) == most
        assert [raw.status for raw in refused] == [503] * 5
        assert requests.get(own.url(path="/healthz")).status_code == 200
        assert login(own.url(), users[0].email, users[0].password).status_code == 200
        opened[0].send_frame('{"jsonrpc":"2.0","method":"getSelfInfo","id":1}')
        assert json.loads(opened[0].next_text())["result"]["tag"] == users[0].tag
        opened.pop().reset()
        wait_until(lambda: can_open(users[0]), "a place to be free")
        for raw in opened + refused:
            raw.close()


def test_the_server_pings_and_closes_a_socket_that_does_not_answer():
    with Stack(settings={"webSocket.pingInterval": "2s"}) as own:
        user = User(own)
        with user.socket() as answering, RawWebSocket(own.ports[0], user.token) as silent:
            ping = silent.next_frame()
            assert ping.opcode == 9
            assert silent.wait_end(), "a client that answers no ping is still connected"
            wait_until(lambda: answering.pings >= 2, "pings")
            assert answering.call("getSelfInfo")["tag"] == user.tag


def test_no_limit_with_zero():
    with Stack(settings={"limits.callsPerSecond": 0}) as own:
        user = User(own)
        socket = user.socket()
        for method, params in (("getSelfInfo", None), ("findUsersByTag", ["a"])):
            ids = [socket.start_call(method, params) for _ in range(500)]
            assert all("result" in socket.wait_answer(id) for id in ids)
        user.close()


# What is no call counts as one

def burst_of(text):
    """How many times of 200 a text is answered with another error than the limit's, at 5 calls a second."""
    with Stack(settings={"limits.callsPerSecond": 5}) as stack:
        with User(stack).socket() as socket:
            for _ in range(200):
                socket.send_text(text)
            wait_until(lambda: len(socket.frames) >= 200, "200 answers")
            codes = [frame["error"]["code"] for frame in socket.frames]
            assert all(frame["error"]["data"]["retryAfterMs"] > 0 for frame in socket.frames
                       if frame["error"]["code"] == -32002)
            return sum(code != -32002 for code in codes)


@pytest.mark.parametrize("text", ["{", "[]", "null", "{}", '"x"', "[" * 100, '{"jsonrpc":"2.0","method":"none","id":1}',
                                  '{"jsonrpc":"2.0","method":1,"id":1}', '{"jsonrpc":"1.0","method":"hello","id":1}'])
def test_texts_that_are_no_calls_are_limited_too(text):
    assert burst_of(text) < 100
