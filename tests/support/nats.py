"""A small NATS client, enough to watch the bus and to speak to the services on it."""

import json
import queue
import secrets
import socket
import threading
import time

from support.wait import PATIENCE_SECONDS


class Message:
    def __init__(self, subject, reply, headers, data):
        self.subject, self.reply, self.headers, self.data = subject, reply, headers, data

    def json(self):
        return json.loads(self.data)

    def __repr__(self):
        return f"Message({self.subject}, headers={self.headers}, {self.data!r})"


class Subscription:
    def __init__(self, sid, subject):
        self.sid, self.subject = sid, subject
        self._queue = queue.Queue()

    def deliver(self, message):
        self._queue.put(message)

    def next(self, timeout=PATIENCE_SECONDS):
        """The next message; fails the test when none comes in time."""
        try:
            return self._queue.get(timeout=timeout)
        except queue.Empty:
            raise AssertionError(f"nothing came on {self.subject} within {timeout:g} s") from None

    def next_or_none(self, timeout):
        try:
            return self._queue.get(timeout=timeout)
        except queue.Empty:
            return None


def encode_headers(headers):
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"NATS/1.0\r\n{lines}\r\n".encode()


def decode_headers(raw):
    """Header dict; a bare status such as 503 (no responders) is under the key `Status`."""
    first, *lines = raw.decode().split("\r\n")
    headers = {}
    status = first.removeprefix("NATS/1.0").strip()
    if status:
        headers["Status"] = status
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip()] = value.strip()
    return headers


class Refused(Exception):
    """The server has closed the connection."""


class Client:
    """With `user`, answers come to an inbox that only this user may read."""

    def __init__(self, port, host="127.0.0.1", user=None, password=None):
        self._inbox = f"_INBOX.{user}" if user else "_INBOX"
        self._socket = socket.create_connection((host, port), 5)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # or each request waits for a delayed ACK
        self._file = self._socket.makefile("rb")
        self._write_lock = threading.Lock()
        self._subscriptions = {}
        self._pongs = queue.Queue()
        self.errors = []
        info = self._file.readline()
        assert info.startswith(b"INFO "), f"not a NATS server: {info!r}"
        self.info = json.loads(info[5:])
        options = {"verbose": False, "pedantic": True, "headers": True, "no_responders": True,
                   "protocol": 1, "lang": "python", "version": "1", "name": "test"}
        if user:
            options.update(user=user, **{"pass": password})
        self._write(b"CONNECT " + json.dumps(options).encode() + b"\r\n")
        self._socket.settimeout(None)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.flush()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._reader.join(5)
        self._file.close()
        self._socket.close()

    def _write(self, data):
        with self._write_lock:
            self._socket.sendall(data)

    def flush(self, timeout=PATIENCE_SECONDS):
        """Returns when the server has seen everything sent so far."""
        self._write(b"PING\r\n")
        if not self._pongs.get(timeout=timeout):
            raise Refused(self.errors)

    def subscribe(self, subject, group=""):
        subscription = Subscription(str(len(self._subscriptions) + 1), subject)
        self._subscriptions[subscription.sid] = subscription
        self._write(f"SUB {subject} {group} {subscription.sid}\r\n".encode())
        self.flush()
        return subscription

    def unsubscribe(self, subscription):
        self._write(f"UNSUB {subscription.sid}\r\n".encode())

    def publish(self, subject, data=b"", reply="", headers=None):
        if headers is None:
            head = f"PUB {subject} {reply} {len(data)}\r\n".encode()
        else:
            raw = encode_headers(headers)
            head = f"HPUB {subject} {reply} {len(raw)} {len(raw) + len(data)}\r\n".encode() + raw
        self._write(head + data + b"\r\n")

    def new_inbox(self):
        return f"{self._inbox}.{secrets.token_hex(8)}"

    def request(self, subject, data=b"", headers=None, timeout=PATIENCE_SECONDS):
        """The first answer. Nobody there gives a Message whose header Status is 503."""
        inbox = self.subscribe(self.new_inbox())
        self.publish(subject, data, inbox.subject, headers)
        answer = inbox.next(timeout)
        self.unsubscribe(inbox)
        return answer

    def has_no_responder(self, subject):
        """Whether the server itself answers that there is no responder."""
        inbox = self.subscribe(self.new_inbox())
        self.publish(subject, b"", inbox.subject)
        answer = inbox.next_or_none(0.3)
        self.unsubscribe(inbox)
        return answer is not None and answer.headers.get("Status") == "503"

    def request_many(self, subject, data=b"", at_least=0, quiet=0.3, timeout=PATIENCE_SECONDS):
        """All answers: so many at least, and then until none has come for `quiet` seconds."""
        inbox = self.subscribe(self.new_inbox())
        self.publish(subject, data, inbox.subject)
        answers, deadline = [], time.monotonic() + timeout
        while time.monotonic() < deadline:
            message = inbox.next_or_none(quiet)
            if message is not None and message.headers.get("Status") == "503":
                break  # no responder
            if message is not None:
                answers.append(message)
            elif len(answers) >= at_least:
                break
        self.unsubscribe(inbox)
        return answers

    def _read(self):
        try:
            while True:
                line = self._file.readline()
                if not line:
                    return
                self._dispatch(line.rstrip(b"\r\n").decode())
        except (OSError, ValueError):
            return
        finally:
            self._pongs.put(False)

    def _dispatch(self, line):
        verb, _, rest = line.partition(" ")
        if verb == "PING":
            self._write(b"PONG\r\n")
        elif verb == "PONG":
            self._pongs.put(True)
        elif verb == "-ERR":
            self.errors.append(rest)
        elif verb == "MSG":
            self._receive(rest.split(), with_headers=False)
        elif verb == "HMSG":
            self._receive(rest.split(), with_headers=True)

    def _receive(self, words, with_headers):
        total = int(words.pop())
        header_size = int(words.pop()) if with_headers else 0
        subject, sid = words[0], words[1]
        reply = words[2] if len(words) > 2 else ""
        body = self._file.read(total + 2)[:total]
        headers = decode_headers(body[:header_size]) if with_headers else {}
        subscription = self._subscriptions.get(sid)
        if subscription:
            subscription.deliver(Message(subject, reply, headers, body[header_size:]))
