"""WebSocket frames that break the protocol, and odd ones that do not."""

import json

import pytest

from support.client import HandshakeRefused, send
from support.raw import (
    BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Connection, HttpAnswer, RawWebSocket, frame,
    upgrade_request)
from support.stack import CLIENT_URL, Stack
from support.wait import wait_until

pytestmark = pytest.mark.usefixtures("witness")

LIMIT = 64 * 1024
CALL = '{"jsonrpc":"2.0","method":"getSelfInfo","id":1}'


@pytest.fixture
def raw(stack, alice):
    with RawWebSocket(stack.ports[0], alice.token) as raw:
        assert raw.status == 101
        yield raw


def assert_answered(raw, user):
    assert json.loads(raw.next_text())["result"]["tag"] == user.tag


def padded(size):
    return CALL.ljust(size)


# Frames that end the connection

BROKEN = {
    "unmasked text": (frame(CALL, masked=False), 1002),
    "unmasked ping": (frame(b"x", opcode=PING, masked=False), 1002),
    "RSV1": (frame(CALL, rsv=4), 1002),
    "RSV2": (frame(CALL, rsv=2), 1002),
    "RSV3": (frame(CALL, rsv=1), 1002),
    "RSV1 on a ping": (frame(b"", opcode=PING, rsv=4), 1002),
    "RSV1 on a continuation": (frame("{", fin=False) + frame("}", opcode=CONTINUATION, rsv=4), 1002),
    "opcode 3": (frame(CALL, opcode=3), 1002),
    "opcode 7": (frame(b"", opcode=7), 1002),
    "opcode 11": (frame(b"", opcode=11), 1002),
    "opcode 15": (frame(CALL, opcode=15), 1002),
    "ping of 126 bytes": (frame(b"x" * 126, opcode=PING), 1002),
    "pong of 126 bytes": (frame(b"x" * 126, opcode=PONG), 1002),
    "ping in two parts": (frame(b"x", opcode=PING, fin=False), 1002),
    "continuation of nothing": (frame(CALL, opcode=CONTINUATION), 1002),
    "text within a message": (frame("{", fin=False) + frame(CALL), 1002),
    "close of one byte": (frame(b"\x03", opcode=CLOSE), 1002),
    "binary": (frame(CALL, opcode=BINARY), 1003),
    "empty binary": (frame(b"", opcode=BINARY), 1003),
    "binary in parts": (frame(b"a", opcode=BINARY, fin=False) + frame(b"", opcode=CONTINUATION), 1003),
    "not UTF-8": (frame(b'"\xff"'), 1007),
    "not UTF-8 once joined": (frame(b'"\xd0', fin=False) + frame(b'"', opcode=CONTINUATION), 1007),
    "one byte too long": (frame(padded(LIMIT + 1)), 1009),
    "a megabyte of brackets": (frame("[" * (1 << 20)), 1009),
    "too long once joined": (
        frame(padded(LIMIT // 2), fin=False) + frame(" " * (LIMIT // 2 + 1), opcode=CONTINUATION), 1009),
    "too long once joined, and no end": (
        frame(" " * 60000, fin=False) + frame(" " * 60000, opcode=CONTINUATION, fin=False), 1009),
}


@pytest.mark.parametrize("data, code", BROKEN.values(), ids=BROKEN.keys())
def test_broken_frame(raw, data, code):
    raw.send(data)
    assert raw.wait_close()[0] == code
    assert raw.wait_end(), "the connection stays open after the close frame"


@pytest.mark.parametrize("data, code", BROKEN.values(), ids=BROKEN.keys())
def test_broken_frame_after_a_call(raw, alice, data, code):
    """What came before is answered, what comes after is not."""
    raw.send(frame(CALL) + data + frame(CALL))
    assert_answered(raw, alice)
    assert raw.wait_close()[0] == code


# Odd frames that are right

def test_message_of_64_kib(raw, alice):
    raw.send_frame(padded(LIMIT))
    assert_answered(raw, alice)


def test_message_of_64_kib_in_parts(raw, alice):
    raw.send_frame(padded(LIMIT // 2), fin=False)
    raw.send_frame(" " * (LIMIT // 2), opcode=CONTINUATION)
    assert_answered(raw, alice)


def test_fragmented_message(raw, alice):
    for number, letter in enumerate(CALL):
        raw.send_frame(letter, opcode=TEXT if number == 0 else CONTINUATION, fin=False)
    raw.send_frame("", opcode=CONTINUATION)
    assert_answered(raw, alice)


def test_fragments_in_one_packet(raw, alice):
    raw.send(frame(CALL[:10], fin=False) + frame(CALL[10:20], opcode=CONTINUATION, fin=False)
             + frame(CALL[20:], opcode=CONTINUATION))
    assert_answered(raw, alice)


def test_fragments_that_cut_a_character(raw, alice, bob):
    text = json.dumps({"jsonrpc": "2.0", "method": "sendMessageToUser",
                       "params": [bob.tag, "Ж😍"], "id": 1}, ensure_ascii=False).encode()
    cut = text.index("😍".encode()) + 2
    raw.send(frame(text[:cut], fin=False) + frame(text[cut:], opcode=CONTINUATION))
    assert json.loads(raw.next_text())["result"]["message"]["text"] == "Ж😍"


def test_control_frames_between_fragments(raw, alice):
    raw.send_frame(CALL[:10], fin=False)
    raw.send_frame(b"between", opcode=PING)
    answer = raw.next_frame()
    assert (answer.opcode, answer.payload) == (PONG, b"between")
    raw.send_frame(b"", opcode=PONG)
    raw.send_frame(CALL[10:], opcode=CONTINUATION)
    assert_answered(raw, alice)


@pytest.mark.parametrize("payload", [b"", b"a", b"\xff\x00", b"x" * 125],
                         ids=["empty", "one byte", "not text", "125 bytes"])
def test_ping_is_answered_with_its_payload(raw, payload):
    raw.send_frame(payload, opcode=PING)
    answer = raw.next_frame()
    assert (answer.opcode, answer.payload, answer.fin) == (PONG, payload, True)


def test_pong_that_nobody_asked_for_is_ignored(raw, alice):
    raw.send_frame(b"hello", opcode=PONG)
    raw.send_frame(CALL)
    assert_answered(raw, alice)


def test_many_calls_in_one_packet(raw, alice):
    raw.send(frame(CALL) * 50)
    for _ in range(50):
        assert_answered(raw, alice)


def test_bytes_one_by_one(raw, alice):
    for byte in frame(CALL):
        raw.send(bytes([byte]))
    assert_answered(raw, alice)


@pytest.mark.parametrize("length_bytes", [2, 8])
def test_length_in_more_bytes_than_needed(raw, length_bytes):
    """The protocol forbids it; a server may take it or refuse it, but must stay in step."""
    raw.send(frame(CALL, length_bytes=length_bytes) + frame(CALL))
    first = raw.next_frame()
    assert first is not None, "closed without a close frame"
    if first.opcode == CLOSE:
        assert int.from_bytes(first.payload[:2], "big") == 1002
    else:
        assert "result" in json.loads(first.payload)
        assert "result" in json.loads(raw.next_text())


@pytest.mark.parametrize("payload, code", [(b"\x03\xe8", 1000), (b"\x03\xe8bye", 1000),
                                           (b"\x03\xe9", 1001), (b"\x0f\xa0", 4000)],
                         ids=["1000", "1000 with a reason", "1001", "4000"])
def test_close_is_answered(raw, payload, code):
    raw.send_frame(payload, opcode=CLOSE)
    assert raw.wait_close()[0] in (code, 1000)
    assert raw.wait_end()


def test_close_without_a_code_is_answered(raw):
    raw.send_frame(b"", opcode=CLOSE)
    assert raw.wait_close()[0] in (1000, 1005)
    assert raw.wait_end()


def test_call_before_a_close_is_carried_out(stack, raw, alice, bob):
    text = json.dumps({"jsonrpc": "2.0", "method": "sendMessageToUser",
                       "params": [bob.tag, "bye"], "id": 1})
    his = bob.socket()
    raw.send(frame(text) + frame(b"\x03\xe8", opcode=CLOSE))
    assert his.wait_notification(3001)["text"] == "bye"


# Lies about the length

CLAIMS = {"a gigabyte": 1 << 30, "2^31": 1 << 31, "2^32": 1 << 32, "2^62": 1 << 62}


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS.keys())
def test_a_huge_frame_length_closes_the_socket(stack, raw, bob, alice, claim):
    before = stack.program("gateway").resident_kib("VmHWM")
    his = bob.socket()
    raw.send(frame(b"x" * 1000, claim=claim))
    assert raw.wait_close()[0] == 1009
    send(alice.socket(), bob, "all is well")
    assert his.wait_notification(3001)["text"] == "all is well"
    assert stack.program("gateway").resident_kib("VmHWM") - before < 64 * 1024


def test_length_with_the_highest_bit_is_cut_off(raw):
    raw.send(frame(b"x" * 1000, claim=(1 << 63) + 5))
    assert raw.wait_close()[0] in (1002, 1009)


def test_many_huge_claims_at_once(stack, alice, bob, witness):
    sockets = [RawWebSocket(stack.ports[0], alice.token) for _ in range(20)]
    for raw in sockets:
        raw.send(frame(b"x", claim=1 << 30))
    witness.check()
    for raw in sockets:
        assert raw.wait_close()[0] == 1009
        raw.close()
    with RawWebSocket(stack.ports[0], alice.token) as raw:
        raw.send_frame(CALL)
        assert_answered(raw, alice)


def test_a_huge_length_in_a_continuation_closes_the_socket(raw):
    raw.send(frame("{", fin=False) + frame(b"x" * 10, opcode=CONTINUATION, claim=1 << 30))
    assert raw.wait_close()[0] == 1009


# Connections that end in the middle

CUTS = {"in the header": frame(CALL)[:1], "in the mask": frame(CALL)[:4],
        "in the payload": frame(CALL)[:20], "between fragments": frame(CALL[:10], fin=False)}


@pytest.mark.parametrize("data", CUTS.values(), ids=CUTS.keys())
@pytest.mark.parametrize("how", ["reset", "close"])
def test_a_connection_that_ends_within_a_frame(stack, crowd, alice, data, how):
    """Its user goes offline like any other."""
    user = crowd.user(stack)
    observer = alice.socket()
    send(observer, user, "hello")
    raw = RawWebSocket(stack.ports[0], user.token)
    observer.wait_notification(3101)
    raw.send(data)
    getattr(raw, how)()
    observer.wait_notification(3100)


def test_a_thousand_short_connections(stack, alice):
    """Nothing of them is left behind: the limit on connections is far below that."""
    for _ in range(1000):
        RawWebSocket(stack.ports[0], alice.token).reset()
    wait_until(lambda: can_call(stack, alice), "a socket to work")


def can_call(stack, user):
    with RawWebSocket(stack.ports[0], user.token) as raw:
        if raw.status != 101:
            return False
        raw.send_frame(CALL)
        return "result" in json.loads(raw.next_text())


# Handshakes

@pytest.mark.parametrize("pieces", [2, 3, 10, 50])
def test_split_handshake(stack, alice, pieces):
    with RawWebSocket(stack.ports[0], alice.token, pieces=pieces) as raw:
        assert raw.status == 101
        raw.send_frame(CALL)
        assert_answered(raw, alice)


BAD_HANDSHAKES = {
    "version 12": {"Sec-WebSocket-Version": "12"},
    "no version": {"Sec-WebSocket-Version": None},
    "no key": {"Sec-WebSocket-Key": None},
    "no upgrade": {"Upgrade": None},
    "upgrade to something else": {"Upgrade": "h2c"},
}


@pytest.mark.parametrize("headers", BAD_HANDSHAKES.values(), ids=BAD_HANDSHAKES.keys())
def test_bad_handshake(stack, alice, headers):
    with Connection(stack.ports[0]) as connection:
        connection.send(upgrade_request(alice.token, headers=headers))
        wait_until(lambda: b"\r\n\r\n" in connection.received or not connection.read_more(5)
                   or connection.ended, "an answer")
        assert 400 <= HttpAnswer(connection.received).status < 500


def test_upgrade_on_another_path(stack, alice):
    for path in ("/nope", "/api/x", "/login", "/healthz"):
        with pytest.raises(HandshakeRefused) as raised:
            alice.socket(path=path)
        assert 400 <= raised.value.status < 500


def own_origin(stack):
    return stack.url()


@pytest.mark.parametrize("origin", [lambda s: None, own_origin, lambda s: CLIENT_URL],
                         ids=["none", "own", "client.url"])
def test_allowed_origin(stack, alice, origin):
    assert alice.socket(origin=origin(stack)).call("getSelfInfo")["tag"] == alice.tag


BAD_ORIGINS = ["null", "http://evil.example", CLIENT_URL + ".evil.example", "http://evil.example/" +
               CLIENT_URL, "https" + CLIENT_URL.removeprefix("http"), "http://127.0.0.1:1", "x", "*"]


@pytest.mark.parametrize("origin", BAD_ORIGINS)
def test_refused_origin(alice, origin):
    with pytest.raises(HandshakeRefused) as raised:
        alice.socket(origin=origin)
    assert raised.value.status == 403


def test_list_of_allowed_origins(crowd):
    listed = ["https://one.example", "http://two.example:8080"]
    with Stack(settings={"webSocket.allowedOrigins": ",".join(listed), "webSocket.path": "/ws/v1"}) as own:
        user = crowd.user(own)
        for origin in [*listed, CLIENT_URL]:
            assert user.socket(origin=origin, path="/ws/v1").call("getSelfInfo")["tag"] == user.tag
        for origin in ("http://one.example", "https://three.example"):
            with pytest.raises(HandshakeRefused) as raised:
                user.socket(origin=origin, path="/ws/v1")
            assert raised.value.status == 403
        with pytest.raises(HandshakeRefused):
            user.socket(path="/api")
        user.close()
