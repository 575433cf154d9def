"""Many users with at most one socket each, in one thread: they are there or not, and nothing else."""

import selectors
import socket
import threading

from support.load import CLOSE, PING, PONG, client_frame, split_frames
from support.raw import upgrade_request
from support.wait import PATIENCE_SECONDS


class Herd:
    """`tokens` by any key. open() and close() are for one thread; another one answers the pings."""

    def __init__(self, tokens):
        self.tokens, self._sockets, self._buffers = tokens, {}, {}
        self._selector = selectors.DefaultSelector()
        self._ended, self._lock = threading.Event(), threading.Lock()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._ended.set()
        self._reader.join()
        for key in list(self._sockets):
            self.close(key)
        self._selector.close()

    def is_open(self, key, port):
        """At that gateway."""
        connection = self._sockets.get(key)
        try:
            return connection is not None and connection.getpeername()[1] == port
        except OSError:
            return False  # it has just ended

    def open(self, key, port):
        """True when the gateway has accepted the socket."""
        connection = socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS)
        connection.settimeout(PATIENCE_SECONDS)
        connection.sendall(upgrade_request(self.tokens[key]))
        head = b""
        while b"\r\n\r\n" not in head and (data := connection.recv(4096)):
            head += data
        if not head.startswith(b"HTTP/1.1 101"):
            connection.close()
            return False
        connection.setblocking(False)
        with self._lock:
            self._sockets[key] = connection
            self._buffers[key] = bytearray(head.partition(b"\r\n\r\n")[2])
            self._selector.register(connection, selectors.EVENT_READ, key)
        return True

    def close(self, key):
        with self._lock:
            connection = self._sockets.pop(key, None)
            if connection is not None:
                self._selector.unregister(connection)
                connection.close()

    def _read(self):
        while not self._ended.is_set():
            for ready, _ in self._selector.select(0.1):
                with self._lock:
                    if self._sockets.get(ready.data) is ready.fileobj:
                        self._receive(ready.data, ready.fileobj)

    def _receive(self, key, connection):
        try:
            data = connection.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        buffer = self._buffers[key]
        buffer += data
        opcodes = [opcode for opcode, _ in split_frames(buffer)]
        if PING in opcodes:
            connection.sendall(client_frame(b"", PONG))
        if not data or CLOSE in opcodes:
            self._sockets.pop(key)
            self._selector.unregister(connection)
            connection.close()
