"""A client of the messenger as an app would be: HTTP calls, a JSON-RPC socket, a user."""

import contextlib
import json
import secrets
import socket as sockets
import struct
import threading
import time

import requests
import websocket

from support.wait import PATIENCE_SECONDS

HTTP_TIMEOUT = PATIENCE_SECONDS
NO_AUTH_REASON = '{"Error":{"name":"NoAuthJWTError","message":"Authorization data missing."}}'

# Registered by IANA after the library's list was made: service restart, try again later.
websocket._abnf.VALID_CLOSE_STATUS += (1012, 1013)  # pylint: disable=protected-access


# HTTP

def signup(base, user, **options):
    """`user` is the object under "user" of the body."""
    return requests.post(base + "/signup", json={"user": user}, timeout=HTTP_TIMEOUT, **options)


def login(base, email, password, **options):
    body = {"user": {"email": email, "password": password}}
    return requests.post(base + "/login", json=body, timeout=HTTP_TIMEOUT, **options)


def leave(base, token):
    """GET /exit."""
    return requests.get(base + "/exit", headers=auth_cookie(token), timeout=HTTP_TIMEOUT)


def upload(base, token, data, filename="picture.png", content_type="image/png", field="image"):
    headers = auth_cookie(token) if token else {}
    return requests.post(base + "/upload-image", headers=headers, timeout=HTTP_TIMEOUT,
                         files={field: (filename, data, content_type)})


def uploaded_name(response):
    """The file name in the answer to an upload, which is JSON within a JSON string."""
    assert response.status_code == 200, response.text
    return json.loads(response.json())["fileName"]


def auth_cookie(token):
    return {"Cookie": f"auth={token}"}


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def token_of(response):
    """The token that a sign-up or log-in set as its cookie."""
    assert response.status_code == 200, f"{response.status_code} {response.text}"
    return response.cookies["auth"]


def error_name(response):
    """The name in an error body; checks the body's shape on the way."""
    body = response.json()
    assert set(body) == {"Error"}, body
    assert set(body["Error"]) == {"name", "message"}, body
    assert isinstance(body["Error"]["message"], str) and body["Error"]["message"], body
    return body["Error"]["name"]


# WebSocket

class RpcError(Exception):
    def __init__(self, error):
        super().__init__(json.dumps(error))
        self.code, self.message, self.data = error["code"], error["message"], error.get("data")

    @property
    def reason(self):
        return (self.data or {}).get("reason")

    @property
    def retry_after_ms(self):
        return (self.data or {}).get("retryAfterMs")


class HandshakeRefused(Exception):
    def __init__(self, status):
        super().__init__(f"upgrade answered with {status}")
        self.status = status


class SocketClosed(AssertionError):
    pass


class Notification:
    """`index` is its place among all frames that came on the socket."""

    def __init__(self, frame, index):
        self.type, self.code, self.body = frame["type"], frame["code"], frame["body"]
        self.frame, self.index, self.taken = frame, index, False

    def __repr__(self):
        return json.dumps(self.frame, ensure_ascii=False)


def matches(body, match):
    """`match` is None for any body, a predicate, or a dict of fields that must be equal."""
    if match is None:
        return True
    if callable(match):
        return match(body)
    return all(key in body and body[key] == value for key, value in match.items())


class Socket:
    """An open WebSocket with a thread that sorts what comes into answers and notifications."""

    def __init__(self, base, token=None, path="/api", origin=None, headers=None):
        self.frames = []
        self.close_code = self.close_reason = None
        self.pings = 0
        self._answers = {}
        self._notifications = []
        self._last_id = 0
        self._changed = threading.Condition()
        self.ended = False
        # The library checks UTF-8 byte by byte in Python, 3 ms for 16 KiB: _read() does it instead.
        self._ws = websocket.WebSocket(enable_multithread=True, skip_utf8_validation=True)
        self._connect(base, token, path, origin, headers)
        self._ws.settimeout(None)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _connect(self, base, token, path, origin, headers):
        all_headers = {**(auth_cookie(token) if token else {}), **(headers or {})}
        lines = [f"{name}: {value}" for name, value in all_headers.items()]
        try:
            self._ws.connect("ws" + base.removeprefix("http") + path, header=lines, timeout=PATIENCE_SECONDS,
                             origin=origin, suppress_origin=origin is None)
        except websocket.WebSocketBadStatusException as error:
            raise HandshakeRefused(error.status_code) from None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def response_headers(self):
        """Of the handshake, by their names in lower case."""
        return self._ws.getheaders()

    # Reading

    def _read(self):
        try:
            while True:
                opcode, frame = self._ws.recv_data_frame(control_frame=True)
                if opcode == websocket.ABNF.OPCODE_TEXT:
                    self._receive(json.loads(frame.data.decode()))
                elif opcode == websocket.ABNF.OPCODE_PING:
                    self.pings += 1
                elif opcode == websocket.ABNF.OPCODE_CLOSE:
                    self._note_close(frame.data)
                    return
        except (OSError, websocket.WebSocketException, AttributeError):
            return
        finally:
            with self._changed:
                self.ended = True
                self._changed.notify_all()

    def _note_close(self, payload):
        if len(payload) >= 2:
            self.close_code = struct.unpack("!H", payload[:2])[0]
            self.close_reason = payload[2:].decode("utf-8", "replace")
        else:
            self.close_code, self.close_reason = 1005, ""

    def _receive(self, frame):
        with self._changed:
            self.frames.append(frame)
            if isinstance(frame, dict) and "code" in frame and "jsonrpc" not in frame:
                self._notifications.append(Notification(frame, len(self.frames) - 1))
            elif isinstance(frame, dict):
                self._answers.setdefault(json.dumps(frame.get("id")), []).append(frame)
            else:
                self._answers.setdefault("batch", []).append(frame)
            self._changed.notify_all()

    def _wait(self, find, timeout, what):
        """Waits until find() returns something that is not None; under the lock."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                found = find()
                if found is not None:
                    return found
                if self.ended:
                    raise SocketClosed(f"closed with {self.close_code} {self.close_reason!r} "
                                       f"while waiting for {what}")
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"waited {timeout:g} s in vain for {what}; "
                                         f"last frames: {self.frames[-5:]}")
                self._changed.wait(left)

    # Calls

    def send_text(self, text):
        """Sends a text frame with these very characters."""
        try:
            self._ws.send(text)
        except (OSError, websocket.WebSocketException) as error:
            raise SocketClosed(f"could not send: {error}") from None

    def send_json(self, value):
        self.send_text(json.dumps(value, ensure_ascii=False))

    def next_id(self):
        self._last_id += 1
        return self._last_id

    def start_call(self, method, params=None, id=None):
        """Sends a call and returns its id; wait_answer() gets the answer."""
        request = {"jsonrpc": "2.0", "method": method, "id": self.next_id() if id is None else id}
        if params is not None:
            request["params"] = params
        self.send_json(request)
        return request["id"]

    def wait_answer(self, id, timeout=PATIENCE_SECONDS):
        """The next answer with this id (None for answers whose id is null)."""
        return self._take(json.dumps(id), timeout, f"the answer with id {id!r}")

    def wait_batch(self, timeout=PATIENCE_SECONDS):
        return self._take("batch", timeout, "the answers of a batch")

    def _take(self, key, timeout, what):
        def first():
            waiting = self._answers.get(key)
            return waiting.pop(0) if waiting else None
        return self._wait(first, timeout, what)

    def call(self, method, params=None, id=None, timeout=PATIENCE_SECONDS):
        """The result of a call, or raises RpcError."""
        return result_of(self.wait_answer(self.start_call(method, params, id), timeout))

    def exchange(self, text, id=None, timeout=PATIENCE_SECONDS):
        """Sends this very text and returns the whole answer with this id."""
        self.send_text(text)
        return self.wait_answer(id, timeout)

    def notify(self, method, params=None):
        """A JSON-RPC notification: gets no answer."""
        request = {"jsonrpc": "2.0", "method": method}
        if params is not None:
            request["params"] = params
        self.send_json(request)

    # Notifications

    def wait_notification(self, code, match=None, timeout=PATIENCE_SECONDS):
        """The body of the first notification of this code that matches and was not taken before."""
        def first():
            for notification in self._notifications:
                if (notification.code == code and not notification.taken
                        and matches(notification.body, match)):
                    notification.taken = True
                    return notification
            return None
        return self._wait(first, timeout, f"notification {code} {match or ''}").body

    def seen(self, code=None, match=None):
        """All notifications so far, taken or not, in the order of arrival."""
        with self._changed:
            return [n for n in self._notifications
                    if code in (None, n.code) and matches(n.body, match)]

    # End

    def wait_closed(self, timeout=PATIENCE_SECONDS):
        """Waits until the server has closed; returns code and reason (None, None: without a frame)."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while not self.ended:
                left = deadline - time.monotonic()
                assert left > 0, f"not closed by the server within {timeout:g} s"
                self._changed.wait(left)
        return self.close_code, self.close_reason

    @property
    def open(self):
        return not self.ended

    def close(self, timeout=5):
        """Closes in good order."""
        with contextlib.suppress(OSError, websocket.WebSocketException, AttributeError):
            if not self.ended:
                self._ws.send_close()
                self._reader.join(timeout)
        self.drop()

    def drop(self):
        """Cuts the connection without a close frame, like a phone that loses its network."""
        with contextlib.suppress(OSError, AttributeError):
            self._ws.sock.shutdown(sockets.SHUT_RDWR)
        self._reader.join(5)
        with contextlib.suppress(OSError, AttributeError):
            self._ws.shutdown()


def result_of(answer):
    if "error" in answer:
        raise RpcError(answer["error"])
    return answer["result"]


# Users

def unique(prefix="u", length=10):
    """A unique tag without '@'."""
    return prefix + secrets.token_hex(length // 2)


class User:
    """Somebody signed up on a stack. Closes its sockets with close()."""

    def __init__(self, stack, gateway=0, **fields):
        name = unique()
        self.stack, self.gateway = stack, gateway
        self.fields = {"tag": "@" + name, "firstName": "Test", "lastName": "User",
                       "email": name + "@example.com", "password": "pass-" + name, **fields}
        self.tag, self.email = self.fields["tag"], self.fields["email"]
        self.password = self.fields["password"]
        self.token = token_of(signup(stack.url(gateway), self.fields))
        self._sockets = []

    def socket(self, gateway=None, **options):
        index = self.gateway if gateway is None else gateway
        opened = Socket(self.stack.url(index), options.pop("token", self.token), **options)
        self._sockets.append(opened)
        return opened

    def login(self, gateway=None):
        """Another token of the same user."""
        index = self.gateway if gateway is None else gateway
        return token_of(login(self.stack.url(index), self.email, self.password))

    def upload(self, data, gateway=None, **options):
        index = self.gateway if gateway is None else gateway
        return upload(self.stack.url(index), self.token, data, **options)

    def close(self):
        for opened in self._sockets:
            opened.close(1)
        self._sockets.clear()

    def __repr__(self):
        return f"User({self.tag})"


class Crowd:
    """Makes users and closes all their sockets at the end."""

    def __init__(self):
        self._users = []

    def user(self, stack, gateway=0, **fields):
        user = User(stack, gateway, **fields)
        self._users.append(user)
        return user

    def users(self, stack, count, gateway=0):
        return [self.user(stack, gateway) for _ in range(count)]

    def close(self):
        for user in self._users:
            user.close()


def send(socket, receiver, text, client_message_id=None, timeout=PATIENCE_SECONDS):
    """Sends a message to a user and returns the stored message."""
    params = [receiver.tag, text]
    if client_message_id is not None:
        params.append(client_message_id)
    result = socket.call("sendMessageToUser", params, timeout=timeout)
    assert result["status"] == "OK", result
    return result["message"]


def befriend(first, second):
    """Makes two users contacts of each other: `first`, a socket, writes to the user `second`."""
    return send(first, second, "hello")


def is_online(socket, user):
    """Whether `socket` sees the user as online."""
    for found in socket.call("findUsersByTag", [user.tag]):
        if found["tag"] == user.tag:
            return found["isOnline"]
    raise AssertionError(f"{user.tag} is not found")
