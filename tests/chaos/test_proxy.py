"""The proxy does what a broken network does, and mends."""

import socket
import threading
import time

import pytest

from support.proxy import NARROW_CHUNK_BYTES, Proxy, reset
from support.wait import PATIENCE_SECONDS


class Echo:
    """Answers with what it gets."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._echo, args=(connection,), daemon=True).start()

    @staticmethod
    def _echo(connection):
        try:
            while data := connection.recv(1000):
                connection.sendall(data)
        except OSError:
            pass

    def close(self):
        self._listener.close()


@pytest.fixture
def proxy():
    echo = Echo()
    proxy = Proxy(echo.port)
    yield proxy
    proxy.close()
    echo.close()


def connect(proxy, timeout=PATIENCE_SECONDS):
    return socket.create_connection(("127.0.0.1", proxy.port), timeout)


def echo(connection, data=b"hello"):
    connection.sendall(data)
    return connection.recv(100)


def test_the_proxy_forwards_everything(proxy):
    with connect(proxy) as one, connect(proxy) as other:
        assert echo(one, b"one") == b"one"
        assert echo(other, b"other") == b"other"


def test_a_cut_resets_old_and_new_connections_until_healed(proxy):
    with connect(proxy) as connection:
        assert echo(connection) == b"hello"
        proxy.cut()
        with pytest.raises(ConnectionError):
            assert connection.recv(100) == b"", "more than an end"
            raise ConnectionError("closed")
    with pytest.raises(ConnectionError):
        with connect(proxy) as connection:
            echo(connection)
            raise ConnectionError("closed without an answer")
    proxy.heal()
    with connect(proxy) as connection:
        assert echo(connection) == b"hello"


def test_a_frozen_link_delivers_everything_when_it_is_healed(proxy):
    with connect(proxy) as old:
        assert echo(old) == b"hello"
        proxy.swallow()
        with connect(proxy) as new:
            for connection in (old, new):
                connection.sendall(b"late")
                connection.settimeout(0.2)
                with pytest.raises(TimeoutError):
                    connection.recv(100)
            proxy.heal()
            for connection in (old, new):
                connection.settimeout(PATIENCE_SECONDS)
                assert connection.recv(100) == b"late"


def test_delays_each_way(proxy):
    proxy.delay(1)
    with connect(proxy) as connection:
        began = time.monotonic()
        assert echo(connection) == b"hello"
        assert time.monotonic() - began >= 2
        proxy.heal()
        began = time.monotonic()
        assert echo(connection) == b"hello"
        assert time.monotonic() - began < 2


def is_over(connection):
    connection.settimeout(PATIENCE_SECONDS)
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_cut_connection_keeps_its_descriptor_until_it_is_closed():
    """Otherwise a thread that is about to read from it may take the data of the connection that gets its number."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        one = socket.create_connection(listener.getsockname())
        with listener.accept()[0] as other, one:
            number = one.fileno()
            reset(one)
            assert is_over(other)
            with socket.socket() as later:
                assert later.fileno() != number
            with pytest.raises(OSError):
                one.recv(1)


def test_a_link_is_narrow_until_it_is_healed():
    server = Echo()
    link = Proxy(server.port, is_link=True)
    try:
        with connect(link) as connection:
            link.narrow(4096)
            began = time.monotonic()
            connection.sendall(b"x" * 4096)
            received = 0
            while received < 4096:
                received += len(connection.recv(4096))
            assert time.monotonic() - began >= (4096 - NARROW_CHUNK_BYTES) / 4096  # the first one is sent at once
            link.heal()
            assert echo(connection).endswith(b"hello")
    finally:
        link.close()
        server.close()
