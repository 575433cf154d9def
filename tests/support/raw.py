"""Bytes by hand: HTTP requests and WebSocket frames that no well-behaved client would send."""

import base64
import contextlib
import json
import os
import select
import socket
import struct
import time

from support.wait import PATIENCE_SECONDS

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def assert_close_reason(reason):
    """Empty or JSON: the original's client runs JSON.parse on it."""
    assert reason == "" or set(json.loads(reason)["Error"]) == {"name", "message"}, reason


def mask_bytes(payload, key):
    repeated = (key * (len(payload) // 4 + 1))[:len(payload)]
    value = int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")
    return value.to_bytes(len(payload), "big")


def frame(payload=b"", opcode=TEXT, fin=True, rsv=0, masked=True, claim=None, length_bytes=None):
    """A client frame. `claim` lies about the length; `length_bytes` (0, 2, 8) forces its encoding."""
    if isinstance(payload, str):
        payload = payload.encode()
    length = len(payload) if claim is None else claim
    if length_bytes is None:
        length_bytes = 0 if length < 126 else 2 if length < 65536 else 8
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    mask_bit = 0x80 if masked else 0
    if length_bytes == 0:
        head = struct.pack("!BB", first, mask_bit | length)
    elif length_bytes == 2:
        head = struct.pack("!BBH", first, mask_bit | 126, length)
    else:
        head = struct.pack("!BBQ", first, mask_bit | 127, length)
    if not masked:
        return head + payload
    key = os.urandom(4)
    return head + key + mask_bytes(payload, key)


class Frame:
    def __init__(self, first, payload):
        self.fin, self.rsv, self.opcode = bool(first & 0x80), first >> 4 & 7, first & 15
        self.payload = payload

    def __repr__(self):
        return f"Frame(opcode={self.opcode}, fin={self.fin}, {self.payload[:80]!r})"


class Connection:
    """A TCP connection that reads while it writes, so that an answer given in the middle of a
    request, with the connection closed after it, is not lost."""

    def __init__(self, port, host="127.0.0.1", receive_buffer=None):
        self._socket = socket.socket()
        if receive_buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.settimeout(PATIENCE_SECONDS)
        self._socket.connect((host, port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        self.received = bytearray()
        self.ended = False

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        with contextlib.suppress(OSError):
            self._socket.close()
        self.ended = True

    def reset(self):
        """Closes so that the other side sees a connection reset."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def finish_writing(self):
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def send(self, data, timeout=PATIENCE_SECONDS):
        """Writes all of it; stops early, without an error, when the other side has closed."""
        view, deadline = memoryview(data), time.monotonic() + timeout
        while view and not self.ended:
            readable, writable = self._select(deadline, True)
            if readable:
                self._receive()
            elif writable:
                try:
                    view = view[self._socket.send(view[:65536]):]
                except BlockingIOError:
                    continue
                except OSError:
                    self._drain()
                    return

    def send_without_reading(self, data, timeout=PATIENCE_SECONDS):
        self._socket.settimeout(timeout)
        self._socket.sendall(data)
        self._socket.setblocking(False)

    def read_more(self, timeout):
        """Reads what is there, waiting for it; False at the end of the stream or after timeout."""
        if self.ended:
            return False
        readable, _ = self._select(time.monotonic() + timeout, False)
        return bool(readable) and self._receive()

    def _select(self, deadline, writing):
        left = max(0, deadline - time.monotonic())
        readable, writable, _ = select.select(
            [self._socket], [self._socket] if writing else [], [], left)
        assert readable or writable or not writing, "the other side does not take our bytes"
        return readable, writable

    def read_some(self, count):
        """At most `count` bytes, of what is there; does not wait."""
        return not self.ended and self._receive(count)

    def _receive(self, count=262144):
        try:
            data = self._socket.recv(count)
        except BlockingIOError:
            return True
        except OSError:
            data = b""
        self.received += data
        self.ended = self.ended or not data
        return bool(data)

    def _drain(self):
        """After a failed write: what the other side sent before it closed."""
        while not self.ended and self.read_more(1):
            pass
        self.ended = True

    def wait_end(self, timeout=PATIENCE_SECONDS):
        """True when the other side closes within timeout; everything it sent is in `received`."""
        deadline = time.monotonic() + timeout
        while not self.ended and time.monotonic() < deadline:
            self.read_more(deadline - time.monotonic())
        return self.ended


class HttpAnswer:
    def __init__(self, raw):
        head, _, self.body = bytes(raw).partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        words = first.split(" ", 2)
        assert words[0].startswith("HTTP/1."), f"not an HTTP answer: {bytes(raw)[:200]!r}"
        self.status = int(words[1])
        self.headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            self.headers[name.strip().lower()] = value.strip()

    @property
    def complete(self):
        length = self.headers.get("content-length")
        return length is not None and len(self.body) >= int(length)


def http(port, request, timeout=PATIENCE_SECONDS):
    """Sends these very bytes and returns the answer, or None if there is none before the end."""
    with Connection(port) as connection:
        connection.send(request, timeout)
        deadline = time.monotonic() + timeout
        while True:
            if b"\r\n\r\n" in connection.received and HttpAnswer(connection.received).complete:
                break
            if connection.ended or time.monotonic() > deadline:
                break
            connection.read_more(deadline - time.monotonic())
        return HttpAnswer(connection.received) if connection.received else None


def request_bytes(method, target, body=b"", headers=None):
    lines = {"Host": "127.0.0.1", "Connection": "close", **(headers or {})}
    if body or method in ("POST", "PUT"):
        lines.setdefault("Content-Length", len(body))
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body


class RawWebSocket(Connection):
    """A WebSocket whose every byte is ours."""

    def __init__(self, port, token=None, path="/api", headers=None, pieces=1, upgrade=True, **options):
        super().__init__(port, **options)
        if upgrade:
            self._upgrade(token, path, headers or {}, pieces)

    def _upgrade(self, token, path, headers, pieces):
        request = upgrade_request(token, path, headers)
        step = max(1, len(request) // pieces)
        for start in range(0, len(request), step):
            self.send(request[start:start + step])
            if pieces > 1:
                self.read_more(0.02)
        while b"\r\n\r\n" not in self.received:
            assert self.read_more(PATIENCE_SECONDS), f"no answer to the upgrade: {bytes(self.received)!r}"
        head, _, rest = bytes(self.received).partition(b"\r\n\r\n")
        self.status = int(head.split(b" ")[1])
        self.received = bytearray(rest)

    def send_frame(self, payload=b"", **options):
        self.send(frame(payload, **options))

    def next_frame(self, timeout=PATIENCE_SECONDS):
        """The next frame from the server, or None at the end of the stream."""
        deadline = time.monotonic() + timeout
        while True:
            parsed = self._parse()
            if parsed:
                return parsed
            if self.ended:
                return None
            left = deadline - time.monotonic()
            assert left > 0, f"no frame from the server within {timeout:.3g} s"
            self.read_more(left)

    def next_text(self, timeout=PATIENCE_SECONDS):
        """The next text frame; pings in between are answered, notifications are not filtered."""
        while True:
            got = self.next_frame(timeout)
            assert got is not None, "closed instead of a text frame"
            assert got.opcode != CLOSE, f"closed instead of a text frame: {got.payload!r}"
            if got.opcode == PING:
                self.send_frame(got.payload, opcode=PONG)
            elif got.opcode == TEXT:
                return got.payload.decode()

    def wait_close(self, timeout=PATIENCE_SECONDS):
        """Close code and reason; (None, "") when the connection ends without a close frame."""
        deadline = time.monotonic() + timeout
        while True:
            got = self.next_frame(max(0.01, deadline - time.monotonic()))
            if got is None:
                return None, ""
            if got.opcode == CLOSE:
                code = struct.unpack("!H", got.payload[:2])[0] if len(got.payload) >= 2 else 1005
                reason = got.payload[2:].decode()
                assert_close_reason(reason)
                return code, reason

    def _parse(self):
        data = self.received
        if len(data) < 2:
            return None
        assert not data[1] & 0x80, "the server masks its frames"
        length, start = data[1] & 0x7f, 2
        if length == 126:
            start = 4
        elif length == 127:
            start = 10
        if len(data) < start:
            return None
        if start > 2:
            length = int.from_bytes(data[2:start], "big")
        if len(data) < start + length:
            return None
        parsed = Frame(data[0], bytes(data[start:start + length]))
        del data[:start + length]
        return parsed


def upgrade_request(token=None, path="/api", headers=None):
    lines = {
        "Host": "127.0.0.1", "Upgrade": "websocket", "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
    }
    if token:
        lines["Cookie"] = f"auth={token}"
    lines.update(headers or {})
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value is not None)
    return f"GET {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1")
