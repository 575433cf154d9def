"""Sessions: seeing them, ending them, another password, tokens that are renewed."""

import base64
import contextlib
import json
import re
import sqlite3
import time

import jwt
import pytest
import requests

from support.client import (NO_AUTH_REASON, RpcError, Socket, User, auth_cookie, bearer, error_name, leave, login, token_of,
                            upload)
from support.protobuf import message
from support.stack import Stack
from support.wait import wait_until

ENDED = (1000, NO_AUTH_REASON)
NOT_HERE = "0123456789abcdef0123456789abcdef"


def claims_of(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def log_in(user, gateway=0, device=None, agent=None):
    """The token of a new session."""
    body = {"email": user.email, "password": user.password, **({} if device is None else {"device": device})}
    headers = {} if agent is None else {"User-Agent": agent}
    return token_of(requests.post(user.stack.url(gateway) + "/login", json={"user": body}, headers=headers, timeout=30))


def is_refused(stack, token, gateway=0):
    """By HTTP and by the WebSocket, which agree."""
    with Socket(stack.url(gateway), token) as socket:
        try:
            socket.call("getSelfInfo")
            refused = False
        except AssertionError:
            assert socket.wait_closed() == ENDED
            refused = True
    assert (upload(stack.url(gateway), token, b"no picture").status_code == 401) == refused
    return refused


@contextlib.contextmanager
def database(stack):
    """Its store of users, which is SQLite."""
    with contextlib.closing(sqlite3.connect(stack.directory / "data" / "users.db")) as db, db:
        yield db


@pytest.fixture(scope="module")
def on_sqlite():
    cheap = {"password.hashMemoryKib": "64", "password.hashPasses": "1"}
    with Stack(settings={"store.users": "", **cheap}) as stack:
        yield stack


def sessions(socket):
    return {entry["id"]: entry for entry in socket.call("listSessions")}


# Seeing

def test_each_log_in_is_a_session_with_device_address_and_times(stack, alice):
    before = time.time() * 1000 - 1000
    tokens = [alice.token, log_in(alice, agent="Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"),
              log_in(alice, device="Küche")]
    with alice.socket() as socket:
        listed = socket.call("listSessions")
        assert len(listed) == 3
        assert {entry["id"] for entry in listed} == {claims_of(token)["sid"] for token in tokens}
        for entry in listed:
            assert set(entry) == {"id", "device", "address", "created", "lastSeen", "expires", "isCurrent"}
            assert before < entry["created"] <= entry["lastSeen"] < time.time() * 1000 + 1000
            assert entry["address"] == "127.0.0.1"
            assert entry["isCurrent"] == (entry["id"] == claims_of(alice.token)["sid"])
            assert entry["expires"] > time.time() * 1000
        assert [sessions(socket)[claims_of(token)["sid"]]["device"] for token in tokens[1:]] \
            == ["Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", "Küche"]


def test_nobody_sees_or_ends_the_session_of_somebody_else(stack, alice, bob):
    with alice.socket() as hers, bob.socket() as his:
        own = claims_of(alice.token)["sid"]
        assert own not in sessions(his)
        for id in (own, claims_of(alice.token)["jti"]):
            with pytest.raises(RpcError) as raised:
                his.call("revokeSession", [id])
            assert (raised.value.code, raised.value.reason) == (-32602, "id: no such session")
        his.call("revokeOtherSessions")
        hers.call("getSelfInfo")
    assert not is_refused(stack, alice.token)


@pytest.mark.parametrize("id", ["", "x", NOT_HERE, "' OR 1=1", "\u0001", "a" * 33, "ü" * 16, "a" * 9999])
def test_an_id_of_no_session_is_refused(alice, id):
    with alice.socket() as socket:
        with pytest.raises(RpcError) as raised:
            socket.call("revokeSession", [id])
        assert raised.value.code == -32602 and raised.value.reason.startswith("id: ")
        assert len(sessions(socket)) == 1


@pytest.mark.parametrize("device", ["", "a" * 101, "ü" * 51, "line\nbreak", "\u007f", 7, ["x"], {}])
def test_a_device_name_that_is_none_is_refused(alice, device):
    body = {"email": alice.email, "password": alice.password, "device": device}
    answer = requests.post(alice.stack.url() + "/login", json={"user": body}, timeout=30)
    assert (answer.status_code, error_name(answer)) == (400, "NoAuthDataProvidedError")
    assert "device" in answer.json()["Error"]["message"]


def test_a_user_agent_of_any_bytes_is_accepted(stack, alice):
    for agent in (b"\xff\xfe\x80", b"a" * 4000, b"a\tb", "Safari ü".encode("utf-8")):
        headers = {"User-Agent": agent}
        body = {"user": {"email": alice.email, "password": alice.password}}
        token_of(requests.post(stack.url() + "/login", json=body, headers=headers, timeout=30))
    with alice.socket() as socket:
        assert sorted(len(entry["device"]) for entry in sessions(socket).values())[-1] == 256


def test_the_session_not_seen_for_the_longest_time_ends_beyond_two_hundred(on_sqlite):
    """As if so many had logged in: with a session that is a day older for each."""
    user = User(on_sqlite)
    now, day = int(time.time() * 1000), 86400 * 1000
    with database(on_sqlite) as db:
        account, = db.execute("SELECT id FROM user WHERE tag = ?", [user.tag]).fetchone()
        db.executemany("INSERT INTO session VALUES (?, ?, 0, 'old', '', 1, ?, 4000000000)",
                       ((f"{user.tag}-{number:03}", account, now - number * day) for number in range(1, 200)))
    with user.socket() as socket:
        assert len(sessions(socket)) == 200
        log_in(user)
        remaining = sessions(socket)
        assert len(remaining) == 200 and f"{user.tag}-199" not in remaining and f"{user.tag}-198" in remaining


# Ending

def test_a_session_that_is_revoked_is_over_at_every_gateway(pair, crowd):
    user = crowd.user(pair)
    other = log_in(user, gateway=1)
    with user.socket() as mine, Socket(pair.url(0), other) as one, Socket(pair.url(1), other) as two:
        for socket in (one, two):
            socket.call("getSelfInfo")
        started = time.monotonic()
        assert mine.call("revokeSession", {"id": claims_of(other)["sid"]}) == {"status": "OK"}
        assert one.wait_closed() == ENDED and two.wait_closed() == ENDED
        print(f"a revoked session was over after {time.monotonic() - started:.3f} s")
        assert claims_of(other)["sid"] not in sessions(mine)
        for gateway in (0, 1):
            assert is_refused(pair, other, gateway)
        with pytest.raises(RpcError):
            mine.call("revokeSession", [claims_of(other)["sid"]])
        mine.call("getSelfInfo")


def test_a_user_may_revoke_the_session_of_the_call(stack, alice):
    socket = alice.socket()
    socket.start_call("revokeSession", [claims_of(alice.token)["sid"]])
    assert socket.wait_closed() == ENDED
    assert is_refused(stack, alice.token)


def test_all_others_end_at_every_gateway(pair, crowd):
    user = crowd.user(pair)
    tokens = [log_in(user, gateway=number % 2) for number in range(4)]
    with user.socket() as mine, user.socket() as mine_too:
        others = [Socket(pair.url(number % 2), token) for number, token in enumerate(tokens)]
        for socket in others:
            socket.call("getSelfInfo")
        assert mine.call("revokeOtherSessions") == {"status": "OK"}
        for socket in others:
            assert socket.wait_closed() == ENDED
            socket.close()
        assert [entry["isCurrent"] for entry in mine.call("listSessions")] == [True]
        mine_too.call("getSelfInfo")
    for number, token in enumerate(tokens):
        assert is_refused(pair, token, number % 2)
    assert not is_refused(pair, user.token, 1)
    assert not is_refused(pair, log_in(user), 1)


def test_the_session_that_was_kept_ends_when_another_one_is_kept(stack, alice):
    with alice.socket() as socket:
        socket.call("revokeOtherSessions")
    later = log_in(alice)
    assert not is_refused(stack, alice.token)
    with Socket(stack.url(), later) as socket:
        socket.call("revokeOtherSessions")
    assert is_refused(stack, alice.token) and not is_refused(stack, later)


def test_a_logout_ends_the_session_and_no_other(stack, alice):
    other = log_in(alice)
    leave(stack.url(), other)
    assert is_refused(stack, other) and not is_refused(stack, alice.token)
    with alice.socket() as socket:
        assert len(sessions(socket)) == 1


# Events that are lost

@pytest.fixture(scope="module")
def silent():
    """A stack whose NATS drops every event of an end of sessions."""
    stack = Stack(gateways=2, authorised=True)
    conf = stack.directory / "nats.conf"
    text, count = re.subn(r', "event\.user\.logged_out",\s+"\$SRV\.PING\.user', ', "$SRV.PING.user', conf.read_text())
    assert count == 1
    conf.write_text(text)
    with stack:
        yield stack


def test_an_end_of_all_others_whose_event_is_lost_is_detected(silent):
    user = User(silent)
    other = log_in(user)
    with user.socket() as mine, Socket(silent.url(0), other) as one, Socket(silent.url(1), other) as two:
        mine.call("revokeOtherSessions")
        assert is_refused(silent, other, 1)
        assert one.wait_closed() == ENDED and two.wait_closed() == ENDED
        mine.call("getSelfInfo")


def test_the_end_of_one_session_whose_event_is_lost_is_detected_after_a_reconnect(silent):
    user = User(silent)
    other = log_in(user)
    with user.socket() as mine, Socket(silent.url(0), other) as one, Socket(silent.url(1), other) as two:
        mine.call("revokeSession", [claims_of(other)["sid"]])
        assert is_refused(silent, other, 1)
        for socket in (one, two):
            socket.call("getSelfInfo")
        silent.stop_nats()
        silent.start_nats()
        assert one.wait_closed() == ENDED and two.wait_closed() == ENDED
        silent.wait_ready()
        mine.call("getSelfInfo")


# Another password

def test_another_password_ends_all_other_sessions(pair, crowd):
    user = crowd.user(pair)
    other = log_in(user, gateway=1)
    with user.socket() as mine, Socket(pair.url(1), other) as theirs:
        theirs.call("getSelfInfo")
        assert mine.call("changePassword", [user.password, "another one"]) == {"status": "OK"}
        assert theirs.wait_closed() == ENDED
        mine.call("getSelfInfo")
        assert len(sessions(mine)) == 1
    assert is_refused(pair, other) and not is_refused(pair, user.token, 1)
    assert login(pair.url(), user.email, user.password).status_code == 401
    user.password = "another one"
    assert not is_refused(pair, log_in(user))


@pytest.mark.parametrize("old, new, reason", [
    ("wrong", "another one", "oldPassword: "), ("", "another one", "oldPassword: "), (None, "short", "newPassword: "),
    (None, "", "newPassword: "), (None, "with\u0007bell", "newPassword: "), (None, "a" * 1025, "newPassword: "),
], ids=["wrong", "empty", "short", "no new one", "control character", "too long"])
def test_a_password_that_cannot_be_changed_stays(stack, alice, old, new, reason):
    other = log_in(alice)
    with alice.socket() as socket:
        with pytest.raises(RpcError) as raised:
            socket.call("changePassword", [alice.password if old is None else old, new])
        assert raised.value.code == -32602 and raised.value.reason.startswith(reason), raised.value
    assert not is_refused(stack, other)
    assert login(stack.url(), alice.email, alice.password).status_code == 200


def test_guessing_the_old_password_is_slowed_like_a_log_in():
    with Stack(settings={"limits.failedLoginsPerAccount": 10}) as stack:
        alice = User(stack)
        assert_guessing_is_slowed(alice, alice.socket())


def assert_guessing_is_slowed(alice, socket):
    with socket:
        for _ in range(12):
            with pytest.raises(RpcError) as raised:
                socket.call("changePassword", ["wrong", "another one"])
            if raised.value.code == -32002:
                break
        assert raised.value.code == -32002 and raised.value.retry_after_ms > 0
        with pytest.raises(RpcError) as raised:
            socket.call("changePassword", [alice.password, "another one"])
        assert raised.value.code == -32002


# Renewal

def renew(stack, token, headers=None):
    return requests.post(stack.url(path="/renew"), headers=headers or auth_cookie(token), timeout=30)


def test_a_renewed_token_is_of_the_same_session(stack, alice):
    for headers in (auth_cookie(alice.token), bearer(alice.token)):
        renewed = token_of(renew(stack, None, headers))
        old, new = claims_of(alice.token), claims_of(renewed)
        assert new["sid"] == old["sid"] and new["jti"] != old["jti"] and new["exp"] >= old["exp"]
        assert new["data"] == old["data"]
        assert not is_refused(stack, renewed) and not is_refused(stack, alice.token)
    with alice.socket(token=renewed) as socket:
        only, = socket.call("listSessions")
        assert only["isCurrent"] and only["expires"] == new["exp"] * 1000
        socket.start_call("revokeSession", [only["id"]])
        socket.wait_closed()
    assert is_refused(stack, renewed) and is_refused(stack, alice.token)


@pytest.mark.parametrize("token", [None, "", "x.y.z"])
def test_what_is_no_token_is_not_renewed(stack, token):
    answer = requests.post(stack.url(path="/renew"), headers=auth_cookie(token) if token is not None else {}, timeout=30)
    assert (answer.status_code, error_name(answer)) == (401, "NoAuthJWTError")
    assert "Set-Cookie" not in answer.headers


def test_a_token_of_a_session_that_is_over_is_not_renewed(stack, alice):
    leave(stack.url(), alice.token)
    assert renew(stack, alice.token).status_code == 401


def aged(stack, token, seconds):
    """The token as if it had been made so long ago."""
    claims = claims_of(token)
    return jwt.encode({**claims, "iat": claims["iat"] - seconds, "exp": claims["exp"] - seconds}, stack.jwt_key,
                      algorithm="HS256")


def test_a_browser_that_opens_a_socket_gets_a_new_token_in_time(stack, alice):
    old = aged(stack, alice.token, 37 * 3600)  # of 72
    with alice.socket(token=old) as socket:
        cookies = socket.response_headers().get("set-cookie", "")
        assert cookies.startswith("auth=") and "HttpOnly" in cookies
        renewed = claims_of(cookies.removeprefix("auth=").split(";")[0])
        assert renewed["sid"] == claims_of(old)["sid"] and renewed["exp"] >= claims_of(alice.token)["exp"]
        only, = socket.call("listSessions")
        assert only["expires"] == renewed["exp"] * 1000
    for early in (alice.token, aged(stack, alice.token, 35 * 3600)):
        with alice.socket(token=early) as socket:
            assert "set-cookie" not in socket.response_headers()


def test_a_bearer_token_is_not_answered_with_a_cookie(stack, alice):
    with Socket(stack.url(), headers=bearer(aged(stack, alice.token, 37 * 3600))) as socket:
        assert "set-cookie" not in socket.response_headers()


def test_a_session_stays_over_when_the_token_it_was_ended_with_has_expired(stack, alice, bob):
    """A token that was renewed from it lives longer; so must the note that the session is over."""
    renewed, claims = token_of(renew(stack, alice.token)), claims_of(alice.token)
    with stack.bus() as bus:
        ended = message("RevokeTokenRequest", {"jti": claims["jti"], "session_id": claims["sid"], "tag": alice.tag,
                                               "expires_at": int(time.time()) - 1})
        assert "Nats-Service-Error" not in bus.request("rpc.user.RevokeToken", ended.SerializeToString()).headers
    leave(stack.url(), bob.token)  # forgets what has expired
    assert is_refused(stack, renewed) and is_refused(stack, alice.token)


# Over TLS

def test_over_tls_there_is_a_cookie_that_no_other_host_can_set():
    with Stack(settings={"cookie.secure": "true"}) as stack:
        user = User(stack)
        answer = login(stack.url(), user.email, user.password)
        cookies = {cookie.name: cookie for cookie in answer.cookies}
        assert set(cookies) == {"auth", "__Host-auth"}
        assert cookies["auth"].value == cookies["__Host-auth"].value
        assert all(cookie.secure and cookie.path == "/" for cookie in cookies.values())
        assert answer.headers["Set-Cookie"].count("Domain") == 0
        token = cookies["__Host-auth"].value
        with Socket(stack.url(), headers={"Cookie": f"__Host-auth={token}; auth=stale"}) as socket:
            socket.call("getSelfInfo")
        other = User(stack)  # somebody who can set cookies of this domain cannot log one in as another user
        with Socket(stack.url(), headers={"Cookie": f"auth={other.token}; __Host-auth={token}"}) as socket:
            assert socket.call("getSelfInfo")["tag"] == user.tag
        answer = requests.get(stack.url(path="/exit"), headers={"Cookie": f"auth={token}; __Host-auth={token}"}, timeout=30)
        cleared = answer.raw.headers.getlist("Set-Cookie")
        assert len(cleared) == 2 and all("Max-Age=0" in cookie and "Secure" in cookie for cookie in cleared)


# Restarts, older versions, hashes

def test_what_has_ended_stays_so_after_a_restart():
    with Stack(gateways=2) as stack:
        user = User(stack)
        one, two = log_in(user), log_in(user)
        with user.socket() as socket:
            socket.call("revokeSession", [claims_of(one)["sid"]])
            socket.call("changePassword", [user.password, "another one"])
        for kind in ("user", "gateway"):
            stack.kill(kind)
            stack.restart(kind, ready=False)
        stack.wait_ready()
        for gateway in (0, 1):
            assert is_refused(stack, one, gateway) and is_refused(stack, two, gateway)
            assert not is_refused(stack, user.token, gateway)


def without_sid(stack, token):
    """A token as an older version has made it, of a session that nobody has recorded."""
    claims = claims_of(token)
    del claims["sid"]
    claims["jti"] = NOT_HERE[:24] + token[-8:].replace("-", "x").replace("_", "y")
    return jwt.encode(claims, stack.jwt_key, algorithm="HS256")


def test_a_token_of_an_older_version_is_good_and_begins_a_session(stack, alice):
    old = without_sid(stack, alice.token)
    assert not is_refused(stack, old)
    with alice.socket() as socket:
        listed = sessions(socket)
        assert set(listed) == {claims_of(alice.token)["sid"], claims_of(old)["jti"]}
        socket.call("revokeSession", [claims_of(old)["jti"]])
    assert is_refused(stack, old) and not is_refused(stack, alice.token)


def test_tokens_of_an_older_version_end_with_all_others(stack, alice):
    seen, unseen = without_sid(stack, alice.token), without_sid(stack, log_in(alice))
    assert not is_refused(stack, seen)
    with alice.socket() as socket:
        socket.call("revokeOtherSessions")
    assert is_refused(stack, seen) and is_refused(stack, unseen)


def test_a_hash_that_has_become_too_cheap_is_made_again_at_the_next_log_in(on_sqlite):
    user = User(on_sqlite)

    def hash_begins_with(parameters):
        with database(on_sqlite) as db:
            encoded, = db.execute("SELECT password_hash FROM user WHERE tag = ?", [user.tag]).fetchone()
        return encoded.startswith(f"$argon2id$v=19${parameters},")

    assert hash_begins_with("m=64,t=1")
    on_sqlite.restart("user", settings={"password.hashMemoryKib": "128", "password.hashPasses": "2"})
    assert login(on_sqlite.url(), user.email, "wrong").status_code == 401
    assert hash_begins_with("m=64,t=1")
    log_in(user)
    assert hash_begins_with("m=128,t=2")
    log_in(user)
    assert not is_refused(on_sqlite, user.token)
