"""The opening handshake of a WebSocket by RFC 6455, the credentials that it carries, and the origins that may make it."""

import base64
import socket

import pytest
import requests

from support.client import Socket, auth_cookie, bearer, login
from support.images import png
from support.raw import Connection, HttpAnswer, RawWebSocket, upgrade_request
from support.stack import Stack
from support.wait import wait_until

pytestmark = pytest.mark.usefixtures("witness")

NOBODY = "eyJhbGciOiJIUzI1NiJ9.e30.e30"


def handshake(stack, user, headers=None, path="/api", change=lambda request: request):
    """The answer to an upgrade with these headers beside, or instead of, the right ones."""
    request = change(upgrade_request(user.token, path, headers))
    with Connection(stack.ports[0]) as connection:
        connection.send(request)
        while b"\r\n\r\n" not in connection.received:
            assert connection.read_more(10), "no answer"
        return HttpAnswer(connection.received)


# What the answer says

def test_the_answer_to_a_handshake(stack, alice):
    answer = handshake(stack, alice, {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="})
    assert answer.status == 101
    assert answer.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "the example of RFC 6455"
    assert answer.headers["upgrade"].lower() == "websocket" and answer.headers["connection"].lower() == "upgrade"
    assert "date" in answer.headers and "content-length" not in answer.headers


@pytest.mark.parametrize("offer", ["a", "a, b", "chat, superchat", "mqtt", "jsonrpc"])
def test_no_subprotocol_and_no_extension_is_spoken(stack, alice, offer):
    headers = {"Sec-WebSocket-Protocol": offer, "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}
    answer = handshake(stack, alice, headers)
    assert answer.status == 101
    assert "sec-websocket-protocol" not in answer.headers and "sec-websocket-extensions" not in answer.headers


# What is refused

KEYS = {"none": None, "empty": "", "words": "hello", "15 bytes": base64.b64encode(bytes(15)).decode(), "17 bytes": base64.b64encode(bytes(17)).decode(),
        "16 characters": "a" * 16, "24 characters": "a" * 24, "no padding": "dGhlIHNhbXBsZSBub25jZQ", "one sign of padding": "dGhlIHNhbXBsZSBub25jZQA=",
        "not base64": "dGhlIHNhbXBsZSBub25j!!==", "a space inside": "dGhlIHNhbXBs SBub25jZQ==", "URL base64": "____________________-w==",
        "padding inside": "dGhlIHNhbXBs==Bub25jZQ==", "long": base64.b64encode(bytes(300)).decode()}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS.keys())
def test_a_key_that_is_not_16_bytes(stack, alice, key):
    assert handshake(stack, alice, {"Sec-WebSocket-Key": key}).status == 400


@pytest.mark.parametrize("version", [None, "", "8", "12", "14", "13, 8", "013", "13.0", "x"])
def test_another_version(stack, alice, version):
    answer = handshake(stack, alice, {"Sec-WebSocket-Version": version})
    assert answer.status == 426
    assert answer.headers["sec-websocket-version"] == "13" and answer.headers["upgrade"] == "websocket"
    assert "upgrade" in answer.headers["connection"].lower()


WRONG = {
    "POST": lambda request: request.replace(b"GET", b"POST"), "HEAD": lambda request: request.replace(b"GET", b"HEAD"),
    "HTTP/1.0": lambda request: request.replace(b"HTTP/1.1", b"HTTP/1.0"), "no Connection": lambda request: request.replace(b"Connection: Upgrade\r\n", b""),
    "Connection: close": lambda request: request.replace(b"Connection: Upgrade", b"Connection: close"),
    "Connection: upgraded": lambda request: request.replace(b"Connection: Upgrade", b"Connection: Upgraded"),
    "two keys": lambda request: request.replace(b"Upgrade: w", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nUpgrade: w"),
    "a body": lambda request: request.replace(b"Upgrade: w", b"Content-Length: 3\r\nUpgrade: w") + b"abc",
    "a chunked body": lambda request: request.replace(b"Upgrade: w", b"Transfer-Encoding: chunked\r\nUpgrade: w") + b"0\r\n\r\n",
    "a frame at once": lambda request: request + b"\x89\x80\0\0\0\0", "no Host": lambda request: request.replace(b"Host: 127.0.0.1\r\n", b""),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG.keys())
def test_a_handshake_that_is_none(stack, alice, change):
    assert handshake(stack, alice, change=change).status == 400


def test_a_path_of_sockets_without_an_upgrade(stack, alice):
    answer = requests.get(stack.url(path="/api"), headers=auth_cookie(alice.token))
    assert answer.status_code == 426 and answer.headers["Sec-WebSocket-Version"] == "13"
    assert handshake(stack, alice, {"Upgrade": "h2c"}).status == 426
    assert handshake(stack, alice, {"Upgrade": "h2c"}, path="/").status == 200, "an upgrade that is not ours is ignored"


RIGHT = {"lists": {"Connection": "keep-alive, Upgrade", "Upgrade": "h2c, websocket"}, "other case": {"Connection": "UPGRADE", "Upgrade": "WebSocket"},
         "a length of zero": {"Content-Length": "0"}, "tabs": {"Connection": "\tUpgrade\t,\tx"}}


@pytest.mark.parametrize("headers", RIGHT.values(), ids=RIGHT.keys())
def test_a_handshake_in_other_words(stack, alice, headers):
    assert handshake(stack, alice, headers).status == 101


# Credentials

def good(stack, user, headers):
    """Whether both the socket and the upload know the user."""
    with Socket(stack.url(), headers=headers) as opened:
        try:
            known = opened.call("getSelfInfo")["tag"] == user.tag
        except AssertionError:
            known = False
    response = requests.post(stack.url(path="/upload-image"), headers=headers, files={"image": ("a.png", png(8, 8), "image/png")})
    assert (response.status_code == 200) == known
    return known


COOKIES = ["auth={}", "a=b;auth={}", "a=b; auth={}", "a=b;auth={};c=d", "auth={};", "auth = {}", 'auth="{}"', "a=b;\tauth={}", ";;auth={}", "a;auth={}",
           "auth=; auth={}", "auth=x; auth={}", "auth={}; auth=x", "auth=" + NOBODY + ";auth={}", "auth={}; auth=" + NOBODY, "auth=x;auth=y;auth=z;auth={};auth=",
           "Auth=x; auth={}", "xauth=x; auth={}", 'a="b; auth={}', "auth=a=b; auth={}", "=x;auth={}", "auth=" + "x" * 3000 + "; auth={}"]


@pytest.mark.parametrize("cookie", COOKIES, ids=[cookie[:60] for cookie in COOKIES])
def test_a_cookie_by_rfc_6265(stack, alice, cookie):
    assert good(stack, alice, {"Cookie": cookie.replace("{}", alice.token)})


@pytest.mark.parametrize("cookie", ["Auth={}", "xauth={}", "auth{}", "auth={}x", "a=auth={}", 'auth="{}', "auth x={}", "auth={} x"])
def test_a_cookie_that_is_another(stack, alice, cookie):
    assert not good(stack, alice, {"Cookie": cookie.replace("{}", alice.token)})


@pytest.mark.parametrize("foreign", ["Bearer x", "Bearer " + NOBODY, "Basic YTpi", "Bearer", "Negotiate abc", 'Digest username="a"'])
def test_a_foreign_authorization_beside_a_good_cookie(stack, alice, foreign):
    assert good(stack, alice, {"Authorization": foreign, **auth_cookie(alice.token)})


@pytest.mark.parametrize("stale", ["x", "", NOBODY])
def test_a_stale_cookie_beside_a_good_bearer(stack, alice, stale):
    assert good(stack, alice, {**bearer(alice.token), "Cookie": "auth=" + stale})


def test_a_revoked_credential_beside_a_good_one(stack, crowd):
    user = crowd.user(stack)
    left, other = user.token, user.login()
    requests.get(stack.url(path="/exit"), headers=auth_cookie(left))
    assert not good(stack, user, auth_cookie(left))
    for headers in ({"Cookie": f"auth={left}; auth={other}"}, {"Cookie": f"auth={other}; auth={left}"}, {**bearer(left), **auth_cookie(other)}):
        assert good(stack, user, headers)


def test_log_out_ends_every_token_that_was_sent(stack, crowd):
    user = crowd.user(stack)
    tokens = [user.token, user.login(), user.login()]
    requests.post(stack.url(path="/exit"), headers={"Cookie": f"auth=x;auth={tokens[0]}; auth={tokens[1]}"})
    assert [good(stack, user, auth_cookie(token)) for token in tokens] == [False, False, True]


# Origins

@pytest.fixture(scope="module")
def slashed():
    with Stack(settings={"client.url": "HTTP://Client.Test:80/", "webSocket.allowedOrigins": "https://b.test:443/, http://c.test:81"}) as own:
        yield own


ALLOWED = {"http://client.test": True, "http://client.test:80": True, "https://b.test": True, "https://b.test:443": True, "http://c.test:81": True,
           "HTTP://CLIENT.TEST": True, "https://client.test": False, "http://client.test:8080": False, "http://b.test": False, "http://c.test": False,
           "http://b.test:443": False, "https://c.test:81": False, "http://xclient.test": False, "http://client.test.evil.test": False, "null": False,
           "client.test": False, "": False, "http://": False, "http://client.test@evil.test": False, "file://": False}


@pytest.mark.parametrize("origin, allowed", ALLOWED.items(), ids=ALLOWED.keys())
def test_origins_are_compared_as_scheme_host_and_port(slashed, origin, allowed):
    with RawWebSocket(slashed.ports[0], headers={"Origin": origin}) as raw:
        assert raw.status == (101 if allowed else 403)


def test_the_cors_header_is_the_origin_and_not_the_text(slashed):
    for response in (login(slashed.url(), "a@b.c", "password"), requests.options(slashed.url(path="/login")), requests.get(slashed.url(path="/nope"))):
        assert response.headers["Access-Control-Allow-Origin"] == "http://client.test"
        assert response.headers["Access-Control-Allow-Credentials"] == "true" and response.headers["Vary"] == "Origin"


@pytest.mark.parametrize("host, origin, status", [
    ("a.test", "http://a.test", 101), ("a.test:80", "http://A.test", 101), ("a.test", "https://a.test", 101), ("a.test:8000", "http://a.test:8000", 101),
    ("[::1]:8000", "http://[::1]:8000", 101), ("a.test:8000", "http://a.test", 403), ("a.test", "http://a.test:8000", 403), ("a.test", "http://b.test", 403)])
def test_the_servers_own_origin(stack, alice, host, origin, status):
    assert handshake(stack, alice, {"Host": host, "Origin": origin}).status == status


# IPv6

def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("host", ["::", "", "::1", "[::1]", "localhost"])
def test_a_gateway_on_ipv6(host):
    with Stack(settings={"webSocket.host": "127.0.0.1"}) as own:
        own.restart("gateway", settings={"webSocket.host": host}, ready=False)
        environment = {"MESSENGER_WEB_SOCKET_HOST": host}
        wait_until(lambda: own.run_once("gateway", "--healthcheck", env=environment).returncode == 0, "the gateway to be healthy")
        families = {"::": ["[::1]", "127.0.0.1"], "": ["[::1]", "127.0.0.1"], "::1": ["[::1]"], "[::1]": ["[::1]"], "localhost": ["127.0.0.1"]}[host]
        for address in families:
            assert requests.get(f"http://{address}:{own.ports[0]}/healthz").status_code == 200


def test_an_address_that_is_not_ours_is_named_at_the_start():
    with Stack() as own:
        for host in ("2001:db8::1", "192.0.2.1", "no.such.host.invalid"):
            done = own.run_once("gateway", env={"MESSENGER_WEB_SOCKET_HOST": host, "MESSENGER_APP_PORT": "0"})
            assert done.returncode != 0 and f"cannot listen on {host} port 0: " in done.stderr
