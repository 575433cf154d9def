"""A TCP proxy on the loopback that can cut, swallow, delay and be narrow: the network between two programs."""

import collections
import contextlib
import os
import socket
import struct
import threading
import time

CHUNK_BYTES = 65536
BUFFERED_CHUNKS_MOST = 256  # of one direction; more waits in the kernel, as on a real network
NARROW_CHUNK_BYTES, NARROW_CHUNKS_MOST, NARROW_KERNEL_BYTES = 1024, 4, 16384
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def reset(connection):
    """Ends it with RST, so that the other side detects it at once.

    The descriptor stays taken until close(), which is for when no thread uses it any more: a thread that is about to
    read from a closed descriptor may meet the next connection that got its number, and take that one's data."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads
    with contextlib.suppress(OSError), open(os.devnull, "rb") as nothing:
        if connection.fileno() >= 0:
            os.dup2(nothing.fileno(), connection.fileno(), inheritable=False)


class Pipe:
    """One direction of one connection: a thread that reads, a thread that writes in due time."""

    def __init__(self, proxy, source, target, close):
        self._proxy, self._source, self._target, self._close = proxy, source, target, close
        self._chunks, self._changed = collections.deque(), threading.Condition()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._read, self._write)]
        for thread in self._threads:
            thread.start()

    def join(self):
        for thread in self._threads:
            thread.join()

    def _read(self):
        with contextlib.suppress(OSError):
            while data := self._source.recv(self._proxy.chunk_bytes):
                self._put(data)
        self._put(b"")

    def _put(self, data):
        with self._changed:
            while len(self._chunks) >= self._proxy.chunks_most:
                self._changed.wait()
            self._chunks.append((time.monotonic() + self._proxy.delay_seconds, data))
            self._changed.notify_all()

    def _take(self):
        with self._changed:
            while not self._chunks:
                self._changed.wait()
            item = self._chunks.popleft()
            self._changed.notify_all()
            return item

    def _write(self):
        while True:
            due, data = self._take()
            if not data:
                break
            time.sleep(max(0, due - time.monotonic()))  # this is the delay itself
            self._proxy.wait_forwarding()
            try:
                self._target.sendall(data)
            except OSError:
                break
            if rate := self._proxy.bytes_per_second:
                time.sleep(len(data) / rate)  # this is the width itself
        self._close()
        with self._changed:  # no more writes: release the reader
            self._chunks.clear()
            self._changed.notify_all()


class Proxy:
    """Listens on a port of its own and passes everything on to `target_port`. heal() undoes all. One that `is_link`
    buffers little, so that either end is held up by the other one."""

    def __init__(self, target_port, is_link=False):
        self.target_port, self.delay_seconds, self.accepted = target_port, 0.0, 0
        self.bytes_per_second, self._is_link = 0, is_link
        self.chunk_bytes = NARROW_CHUNK_BYTES if is_link else CHUNK_BYTES
        self.chunks_most = NARROW_CHUNKS_MOST if is_link else BUFFERED_CHUNKS_MOST
        self._lock, self._connections, self._refusing = threading.Lock(), set(), False
        self._forwarding = threading.Event()
        self._forwarding.set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self._closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    # Faults

    def cut(self):
        """Resets every connection, and each new one, until heal()."""
        with self._lock:
            self._refusing = True
            cut, self._connections = self._connections, set()
        for connection in cut:
            reset(connection)

    def swallow(self):
        """Takes connections and data, but passes nothing on until heal(), as a network that loses
        every packet: what was sent meanwhile comes after all."""
        self._forwarding.clear()

    def let_pass(self):
        """Ends swallow() alone."""
        self._forwarding.set()

    def delay(self, seconds):
        """Each way."""
        self.delay_seconds = seconds

    def narrow(self, bytes_per_second):
        """Each connection, each way."""
        self.bytes_per_second = bytes_per_second

    def heal(self):
        with self._lock:
            self._refusing = False
        self.bytes_per_second = 0
        self.delay_seconds = 0.0
        self._forwarding.set()

    def close(self):
        self._closed = True
        self.heal()
        self.cut()
        reset(self._listener)

    # Passing on

    def wait_forwarding(self):
        self._forwarding.wait()

    def _accept(self):
        while not self._closed:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                break
            self.accepted += 1
            threading.Thread(target=self._connect, args=(accepted,), daemon=True).start()
        self._listener.close()

    def _connect(self, accepted):
        self.wait_forwarding()
        try:
            target = self._reach_target()
        except OSError:
            reset(accepted)
            accepted.close()
            return
        with accepted, target:
            self._pass_on(accepted, target)

    def _reach_target(self):
        target = socket.socket()
        try:
            if self._is_link:  # before the connection is made, or the window is larger
                target.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, NARROW_KERNEL_BYTES)
            target.settimeout(5)
            target.connect(("127.0.0.1", self.target_port))
            target.settimeout(None)
            return target
        except OSError:
            target.close()
            raise

    def _pass_on(self, accepted, target):
        with self._lock:
            refused = self._refusing
            if not refused:
                self._connections |= {accepted, target}
        if refused:
            reset(accepted)
            reset(target)
            return
        for connection in (accepted, target):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def close():
            with self._lock:
                self._connections -= {accepted, target}
            reset(accepted)
            reset(target)
        pipes = [Pipe(self, accepted, target, close), Pipe(self, target, accepted, close)]
        for pipe in pipes:
            pipe.join()
