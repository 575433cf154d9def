"""The attacks. Each is repeated by THREADS threads while it is on: step() does it once, and notes how it was answered.
SEEN are answers that must come, or the attack would be none; with those of ALSO, they are all that docs/limits.md and
docs/api.md promise. "closed" is the end of a connection."""

import base64
import collections
import hashlib
import hmac
import itertools
import json
import os
import random
import socket
import threading
import time

from support import images
from support.load import CLOSE, TEXT, client_frame, split_frames
from support.raw import CONTINUATION, frame, request_bytes, upgrade_request

TIMEOUT_SECONDS = 5
OWNER = {"X-Forwarded-For": "203.0.113.66"}  # the gateway trusts 127.0.0.1: each attacker has an address
AS_JSON = {"Content-Type": "application/json"}
PAGE = 1000


class Attack:
    THREADS = 4
    SEEN, ALSO = set(), set()

    def __init__(self, port, tokens, tags, victim):
        self.port, self.tokens, self.tags, self.victim = port, tokens, tags, victim
        self._counted, self._lock = collections.Counter(), threading.Lock()
        self._on, self._ended = threading.Event(), threading.Event()

    def begin(self):
        self._on.set()

    def pause(self):
        self._on.clear()

    def end(self):
        self._ended.set()
        self._on.set()

    def going(self):
        return self._on.is_set() and not self._ended.is_set()

    def note(self, answer):
        with self._lock:
            self._counted[str(answer)] += 1

    def answers(self):
        with self._lock:
            return dict(self._counted)

    def work(self, number):
        while not self._ended.is_set():
            self._on.wait()
            if not self.going():
                continue
            try:
                self.step(number)
            except (OSError, EOFError):
                self.note("closed")

    def step(self, number):
        raise NotImplementedError

    # What attacks have in common

    def connect(self, receive_buffer=None):
        connection = socket.socket()
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(TIMEOUT_SECONDS)
        connection.connect(("127.0.0.1", self.port))
        return connection

    def request(self, data):
        """Sends a whole request on a connection of its own; notes and returns the status."""
        with self.connect() as connection:
            try:
                connection.sendall(data)
            except OSError:
                pass  # refused before it was read: the answer is there
            answer = connection.recv(65536)
        status = answer.split(b" ")[1].decode() if answer else "closed"
        self.note(status)
        return status

    def open(self, token, headers=None, **options):
        """A WebSocket; raises EOFError when it is refused, which is noted."""
        connection = self.connect(**options)
        connection.sendall(upgrade_request(token, headers={**OWNER, **(headers or {})}))
        head = b""
        while b"\r\n\r\n" not in head:
            data = connection.recv(4096)
            if not data:
                break
            head += data
        if not head.startswith(b"HTTP/1.1 101"):
            self.note(head.split(b" ")[1].decode() if head else "closed")
            connection.close()
            raise EOFError
        return Client(connection, bytearray(head.partition(b"\r\n\r\n")[2]))


class Client:
    def __init__(self, connection, buffer):
        self.socket, self._buffer, self._frames = connection, buffer, collections.deque()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.socket.close()

    def send(self, value):
        text = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.socket.sendall(client_frame(text) if len(text) < 65536 else frame(text))

    def receive(self):
        """The next frame that is an answer, as (opcode, payload)."""
        while True:
            self._frames.extend(split_frames(self._buffer))
            while self._frames:
                opcode, payload = self._frames.popleft()
                if opcode == CLOSE or (opcode == TEXT and b'"jsonrpc"' in payload):
                    return opcode, payload
            data = self.socket.recv(262144)
            if not data:
                raise EOFError
            self._buffer += data


def outcome(opcode, payload):
    """Of an answer: the codes of its errors, "ok", or that of the close frame."""
    if opcode == CLOSE:
        return [f"close {int.from_bytes(payload[:2], 'big')}"]
    answers = json.loads(payload)
    return [str(answer["error"]["code"]) if "error" in answer else "ok"
            for answer in (answers if isinstance(answers, list) else [answers])]


def call(method, *params, id=1):
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": list(params)}


class Calls(Attack):
    """Each thread has a socket of the attacker's and repeats texts on it; a closed one is opened again."""
    SEEN, ALSO = {"ok"}, {"-32602", "-32002", "-32001", "close 1013", "closed"}

    def texts(self, number):
        raise NotImplementedError

    def step(self, number):
        with self.open(self.tokens[number % len(self.tokens)]) as client:
            for text in itertools.cycle(self.texts(number)):
                if not self.going():
                    return
                client.send(text)
                if text_wants_answer(text):
                    for answer in outcome(*client.receive()):
                        self.note(answer)


def text_wants_answer(text):
    return isinstance(text, bytes) or any("id" in one for one in (text if isinstance(text, list) else [text]))


# --- slow -------------------------------------------------------------------------------------------------


class SlowHeads(Attack):
    """Hundreds of connections that send a byte of a head, of a body, or of a chunk now and then."""
    THREADS, CONNECTIONS = 2, 200
    SEEN = {"closed"}

    def step(self, number):
        begins = [b"GET / HTTP/1.1\r\nHost: a\r\nA: ",
                  request_bytes("POST", "/login", b"", {**AS_JSON, **OWNER, "Content-Length": 60000}),
                  b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                  b"Transfer-Encoding: chunked\r\n\r\n1\r\n"]
        drips = [self.connect() for _ in range(self.CONNECTIONS)]
        try:
            for at, drip in enumerate(drips):
                drip.sendall(begins[at % len(begins)])
            while self.going():
                for drip in drips:
                    try:
                        drip.sendall(b" ")
                    except OSError:
                        self.note("closed")
                        drips.remove(drip)
                time.sleep(0.2)  # the attack itself
        finally:
            for drip in drips:
                drip.close()


class SlowReaders(Attack):
    """Sockets that ask for pages, read nothing, and send further frames byte by byte; also while the attack pauses."""
    THREADS, SOCKETS = 2, 20
    SEEN, ALSO = {"closed"}, {"429", "503"}

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self._stuck = [[] for _ in range(self.THREADS)]
        self._page = client_frame(json.dumps(call("getMessagesWithUser", self.tags[0], 0, PAGE)).encode())

    def step(self, number):
        stuck = self._stuck[number]
        while len(stuck) < self.SOCKETS:
            client = self.open(self.tokens[len(stuck) % len(self.tokens)], receive_buffer=4096)
            client.socket.setblocking(False)
            client.socket.send(self._page)
            stuck.append(client)
        for at in range(len(self._page)):
            if not self.going():
                return
            for client in list(stuck):
                try:
                    client.socket.send(self._page[at:at + 1])
                except BlockingIOError:
                    pass
                except OSError:
                    self.note("closed")
                    stuck.remove(client)
            time.sleep(0.02)  # the attack itself


# --- fat --------------------------------------------------------------------------------------------------


class FatFrames(Attack):
    """The longest frames, the deepest JSON, lengths that are lies, texts that grow when they are escaped."""
    SEEN, ALSO = {"ok", "-32700", "-32600", "-32002", "close 1009"}, {"-32602", "-32001", "close 1013", "closed"}

    def step(self, number):
        long = json.dumps(call("sendMessageToUser", self.tags[0], "\x01" * 10000)).encode()
        texts = [b"[" * 65535, b'{"a":' * 13000, b'"' + b"\\u0001" * 10900 + b'"', b"[" + b"1," * 32000 + b"1]", long,
                 json.dumps([call("findUsersByTag", "x" * 600, id=n) for n in range(95)]).encode()]
        with self.open(self.tokens[number % len(self.tokens)]) as client:
            for text in texts:
                client.send(text)
                for answer in outcome(*client.receive()):
                    self.note(answer)
        for head in frame(b"", claim=2 ** 62, length_bytes=8), frame(b"", claim=65537, length_bytes=8), frame(b"x" * 70000):
            with self.open(self.tokens[number % len(self.tokens)]) as client:
                client.socket.sendall(head)
                for answer in outcome(*client.receive()):
                    self.note(answer)


class FatPictures(Attack):
    """Pictures that are small until they are decoded, and files of the greatest size."""
    THREADS = 3
    SEEN, ALSO = {"400"}, {"200", "413", "429", "503", "closed"}

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self._files = [images.png_bomb(30000), images.png_bomb(7000), images.padded_png(15 << 20),
                       images.png_header_only(2 ** 31 - 1, 2 ** 31 - 1), images.jpeg(3000, 3000)]

    def step(self, number):
        for data, token in itertools.product(self._files, self.tokens):
            body = (b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n' + data + b"\r\n--b--\r\n")
            if self.going():
                self.request(request_bytes("POST", "/upload-image", body, {
                    **OWNER, "Content-Type": "multipart/form-data; boundary=b", "Cookie": f"auth={token}"}))


class FatPages(Calls):
    """The longest lists of the longest texts, again and again."""

    def texts(self, number):
        pages = [call("getMessagesWithUser", self.tags[0], 0, PAGE), call("sync", "", 0, 1000),
                 call("getDialogsList", 0, PAGE), call("exportMyData", "")]
        return [*pages, [dict(pages[0], id=n) for n in range(20)]]


# --- many -------------------------------------------------------------------------------------------------


class ManySockets(Attack):
    """As many sockets as a user may have, and more, opened and cut without a word."""
    THREADS, SOCKETS = 3, 40
    SEEN, ALSO = {"101", "429"}, {"503", "closed"}

    def step(self, number):
        opened = []
        try:
            while self.going() and len(opened) < self.SOCKETS:
                opened.append(self.open(self.tokens[0]))
                self.note(101)
        finally:
            for client in opened:
                client.socket.close()


class Accounts(Attack):
    """Log-ins with wrong passwords, of one address and of many, and sign-ups."""
    SEEN, ALSO = {"401", "429"}, {"200", "501", "503", "closed"}

    def step(self, number):
        some = f"203.0.113.{random.randrange(60, 70)}"
        headers = {**AS_JSON, "X-Forwarded-For": some}
        name = f"h{os.urandom(6).hex()}"
        for path, user in (("/login", {"email": "nobody@example.com", "password": "wrong wrong"}),
                           ("/login", {"email": name + "@example.com", "password": "x" * 1024}),
                           ("/signup", {"tag": "@" + name, "firstName": "A", "lastName": "B", "email": name + "@e.example",
                                        "password": "correct horse"}),
                           ("/forgot", {"email": "nobody@example.com"})):
            if self.going():
                self.request(request_bytes("POST", path, json.dumps({"user": user}).encode(), headers))


# --- forged -----------------------------------------------------------------------------------------------


def forge(header, claims, key):
    def part(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=")
    signed = part(json.dumps(header).encode()) + b"." + part(json.dumps(claims).encode())
    return (signed + b"." + part(hmac.new(key.encode(), signed, hashlib.sha256).digest())).decode()


class Forged(Attack):
    """Tokens, cookies, headers, origins, ids and characters that are not what they seem."""
    SEEN = {"close 1000", "close 1002", "close 1003", "close 1007", "-32601", "-32602", "400", "403", "404", "431"}
    ALSO = {"200", "ok", "-32700", "-32002", "closed"}

    def step(self, number):
        now = int(time.time())
        claims = {"data": {"_id": "0" * 24, "tag": self.victim, "email": "a@b.c"}, "iat": now, "exp": now + 3600, "jti": "1" * 32}
        tokens = [forge({"alg": "none"}, claims, ""), forge({"alg": "HS256"}, claims, "secret_private_key"),
                  forge({"alg": "HS512"}, claims, ""), self.tokens[0][:-4] + "AAAA", "a.b.c", "x" * 5000]
        for token in tokens:
            with self.open(token) as client:  # accepted and closed with a reason
                self.note(outcome(*client.receive())[0])
        for request in (
                request_bytes("POST", "/exit", b"", {**OWNER, "Cookie": f"auth={self.tokens[0]}", "Origin": "http://evil.example"}),
                request_bytes("GET", "/../../etc/passwd", b"", OWNER), request_bytes("GET", "/img/%2e%2e%2fx", b"", OWNER),
                request_bytes("GET", "/", b"", {"X-Forwarded-For": ", ".join(["x"] * 500)}),
                request_bytes("GET", "/", b"", {f"A{n}": "b" for n in range(70)}),
                b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"GET / HTTP/1.1\nHost: a\n\n",
                b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", os.urandom(200) + b"\r\n\r\n"):
            self.request(request)
        with self.open(self.tokens[0]) as client:
            for text in (call("getMessagesWithUser", "@'; DROP TABLE x", 0, 10), call("revokeSession", "../../x"),
                         call("sendMessageToUser", self.victim + "\u0000", "x"), call("markMessagesWithUserAsRead", "*", 2 ** 53),
                         call("setSelfInfo", "", "", "../users.db"), call("none"), call("sync", "%s%n", 2 ** 52, 5)):
                client.send(text)
                self.note(outcome(*client.receive())[0])
        for data in (frame(b"\xff\xfe"), frame(b"a", rsv=4), frame(b"a", opcode=2), frame(b"a", CONTINUATION),
                     frame(b"a" * 130, opcode=9), frame(b"a", masked=False)):
            with self.open(self.tokens[0]) as client:
                client.socket.sendall(data)
                self.note(outcome(*client.receive())[0])


# --- flooding ---------------------------------------------------------------------------------------------


class Calling(Calls):
    """Calls, batches and notifications as fast as they go."""
    SEEN = {"ok", "-32002"}

    def texts(self, number):
        batch = [call("sendMessageToUser", self.tags[0], f"{n}", id=n) for n in range(100)]
        silent = [{"jsonrpc": "2.0", "method": "markMessagesWithUserAsRead", "params": [self.tags[0]]}] * 100
        return [batch, silent, call("getSelfInfo"), [call("findUsersByTag", "", id=n) for n in range(100)], silent,
                call("hello")]


class Changing(Calls):
    """Changes that everybody has to be told of: profiles, privacy, relations, presence."""

    def texts(self, number):
        changes = []
        for n in range(30):
            changes += [call("setSelfInfo", f"A{chr(97 + n % 26)}", "B"), call("blockUser", self.tags[0]),
                        call("unblockUser", self.tags[0]), call("setPrivacy", ["everyone", "nobody"][n % 2], "contacts")]
        return changes
