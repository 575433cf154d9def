"""A device's socket: hands every notification on at once, and keeps answers until they are asked for."""

import json
import threading
import time

import requests
import websocket

from support.client import HandshakeRefused, RpcError, Socket, SocketClosed, result_of

ANSWER_SECONDS = 20  # a gateway may be frozen for 8
RETRY_SECONDS_MOST = 2
PASSING_CODES = (-32001, -32002)
PASSING_STATUS = 503  # of an upgrade

# What a client meets while something is broken. It connects again and asks again.
BROKEN = (SocketClosed, HandshakeRefused, OSError, websocket.WebSocketException,
          requests.RequestException)


class Again(Exception):
    """Not answered, or rejected with a retry time of `seconds`."""

    def __init__(self, why, seconds=0.0):
        super().__init__(why)
        self.seconds = seconds


class Refused(Exception):
    """Answered with an error that trying again does not mend."""

    def __init__(self, error):
        super().__init__(str(error))
        self.code = error.code


class Line(Socket):
    """`on_push` is called with code and body, on the thread that reads, in order. `book` is the page
    of the ledger that the socket has, if it has one."""

    def __init__(self, url, token, on_push, book=None):
        self._on_push, self.book = on_push, book
        self._reading = threading.Event()
        self._reading.set()
        self.closed_at = None
        super().__init__(url, token)

    def stop_reading(self):
        """As a client that hangs: what arrives fills the buffers of the kernel, then those of the gateway. Pings are
        not answered either."""
        self._reading.clear()

    def resume_reading(self):
        self._reading.set()

    def flood(self, method, params, count):
        """Calls whose answers are large, and of no interest."""
        for number in range(count):
            self.send_json({"jsonrpc": "2.0", "method": method, "params": params, "id": f"flood{number}"})

    def drop(self):
        self.resume_reading()
        super().drop()

    def _note_close(self, payload):
        self.closed_at = time.monotonic()
        super()._note_close(payload)

    def _receive(self, frame):
        self._reading.wait()
        if isinstance(frame, dict) and str(frame.get("id")).startswith("flood"):
            return
        if isinstance(frame, dict) and "code" in frame and "jsonrpc" not in frame:
            self._on_push(frame["code"], frame["body"])
            return
        with self._changed:
            key = json.dumps(frame.get("id")) if isinstance(frame, dict) else "batch"
            self._answers.setdefault(key, []).append(frame)
            self._changed.notify_all()

    def answer(self, id, note):
        """The result. Raises Refused, or Again after passing code and message to `note`."""
        try:
            return result_of(self.wait_answer(id, ANSWER_SECONDS))
        except RpcError as error:
            if error.code not in PASSING_CODES:
                raise Refused(error) from None
            note(error.code, str(error))
            wait = (error.retry_after_ms or 0) / 1000
            raise Again(str(error), min(wait, RETRY_SECONDS_MOST)) from None
        except BROKEN as error:
            raise Again(str(error)) from None
        except AssertionError:
            note(None, f"no answer in {ANSWER_SECONDS} s")
            self.drop()
            raise Again("no answer") from None

    def ask(self, method, params, note):
        try:
            return self.answer(self.start_call(method, params), note)
        except BROKEN as error:
            raise Again(str(error)) from None
