"""Thousands of clients that lose their gateway at once and reconnect as the shipped client does."""

import base64
import collections
import contextlib
import errno
import hashlib
import hmac
import json
import random
import secrets
import selectors
import socket
import sqlite3
import time

from support.load import CLOSE, PING, PONG, client_frame, split_frames
from support.raw import upgrade_request

# As gateway/www/messenger-socket.js: a random share of a bound that doubles.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 8.0
SYNC = client_frame(b'{"jsonrpc":"2.0","method":"sync","id":1}')


def add_accounts(stack, tags):
    """Signs up many users at once, past the service, into its SQLite store; returns a token of each."""
    ids = [secrets.token_bytes(12) for _ in tags]
    with contextlib.closing(sqlite3.connect(stack.directory / "data" / "users.db", timeout=60)) as db, db:
        db.executemany("INSERT INTO user (id, key, tag, email, email_key, first_name, last_name, img, password_hash)"
                       " VALUES (?, ?, ?, ?, ?, 'Test', 'User', 'default.jpg', '')",
                       [(id, tag[1:], tag, tag[1:] + "@example.com", tag[1:] + "@example.com")
                        for id, tag in zip(ids, tags)])
    return [mint_token(stack.jwt_key, tag, id.hex()) for id, tag in zip(ids, tags)]


def mint_token(key, tag, account_id):
    """A token as a log-in would give it."""
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")
    now = int(time.time())
    claims = {"data": {"_id": account_id, "tag": tag, "email": tag[1:] + "@example.com"},
              "iat": now, "exp": now + 3600, "jti": secrets.token_hex(16)}
    signed = part({"alg": "HS256", "typ": "JWT"}) + b"." + part(claims)
    digest = hmac.new(key.encode(), signed, hashlib.sha256).digest()
    return (signed + b"." + base64.urlsafe_b64encode(digest).rstrip(b"=")).decode()


class Client:
    """`phase`: waiting, connecting, upgrading, syncing, ready."""

    def __init__(self, token):
        self.token, self.phase, self.socket = token, "waiting", None
        self.buffer, self.tries, self.due = bytearray(), 0, 0.0


class Storm:
    """`outcomes` counts how tries have ended: ready, refused, 503, and what should not be."""

    def __init__(self, port, tokens):
        self.port, self.outcomes = port, collections.Counter()
        self.clients = [Client(token) for token in tokens]
        self._selector = selectors.DefaultSelector()
        self._rng = random.Random(1)

    def ready(self):
        return sum(client.phase == "ready" for client in self.clients)

    def run_until(self, done, seconds):
        """True when done() came true in time."""
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                return False
            self._turn()
        return True

    def close(self):
        for client in self.clients:
            if client.socket is not None:
                client.socket.close()
        self._selector.close()

    def _turn(self):
        now = time.monotonic()
        for client in self.clients:
            if client.phase == "waiting" and client.due <= now:
                self._connect(client)
        for key, _ in self._selector.select(0.02):
            try:
                self._step(key.data)
            except OSError as error:
                self._fail(key.data, "refused" if error.errno == errno.ECONNREFUSED else
                           f"{key.data.phase}: {errno.errorcode.get(error.errno, error)}")

    def _connect(self, client):
        client.tries += 1
        client.phase, client.socket, client.buffer = "connecting", socket.socket(), bytearray()
        client.socket.setblocking(False)
        client.socket.connect_ex(("127.0.0.1", self.port))
        self._selector.register(client.socket, selectors.EVENT_WRITE, client)

    def _step(self, client):
        if client.phase == "connecting":
            problem = client.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if problem:
                raise OSError(problem, "")
            client.socket.send(upgrade_request(client.token))
            client.phase = "upgrading"
            self._selector.modify(client.socket, selectors.EVENT_READ, client)
            return
        data = client.socket.recv(65536)
        client.buffer += data
        if client.phase == "upgrading":
            self._upgrade(client)
        if client.phase in ("syncing", "ready"):
            self._read_frames(client)
        if not data and client.phase != "waiting":
            self._fail(client, "lost" if client.phase == "ready" else f"{client.phase}: closed")

    def _upgrade(self, client):
        head, end, rest = bytes(client.buffer).partition(b"\r\n\r\n")
        if not end:
            return
        status = int(head.split(b" ", 2)[1])
        if status != 101:
            hint = b"retry-after:" in head.lower()
            self._fail(client, f"{status}" if hint else f"{status} without a hint")
            return
        client.socket.send(SYNC)
        client.phase, client.buffer = "syncing", bytearray(rest)

    def _read_frames(self, client):
        for opcode, payload in split_frames(client.buffer):
            if opcode == PING:
                client.socket.send(client_frame(payload, PONG))
            elif opcode == CLOSE:
                self._fail(client, f"closed {int.from_bytes(payload[:2], 'big')}")
                return
            elif b'"reset":true' in payload:
                client.phase, client.tries = "ready", 0
                self.outcomes["ready"] += 1
            elif b'"error"' in payload and b'"retryAfterMs"' in payload:
                self._fail(client, "-32001" if b"-32001" in payload else payload.decode())
                return
            elif b'"error"' in payload:
                self._fail(client, payload.decode())
                return

    def _fail(self, client, outcome):
        self.outcomes[outcome] += 1
        self._selector.unregister(client.socket)
        client.socket.close()
        client.socket, client.phase = None, "waiting"
        bound = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** client.tries)
        client.due = time.monotonic() + self._rng.random() * bound
