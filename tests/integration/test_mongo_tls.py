"""MongoDB over TLS, by the URL of the store: a server that is not proven gets nothing, and the log has the reason."""

import contextlib
import re
import secrets
import socket
import subprocess
import threading

import pytest

from support.authority import Authority
from support.balancer import HAPROXY
from support.client import befriend, send
from support.exchange import exchange
from support.mongo import mongo_server
from support.ports import free_port
from support.process import Program, binary, clean_environment
from support.stack import Stack, to_env
from support.wait import wait_until

pytestmark = pytest.mark.skipif(HAPROXY is None, reason="haproxy is not installed: nothing to put TLS in front of MongoDB")

CONFIGURATION = """
defaults
    mode tcp
    timeout connect 5s
    timeout client 10m
    timeout server 10m

listen mongo
    bind 127.0.0.1:{port} {tls}
    server mongo 127.0.0.1:{target}
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def other_authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("other"), "Another authority")


@pytest.fixture(scope="module")
def mongo():
    with mongo_server(own=True) as server:
        yield server


class Front:
    """Speaks TLS, and passes on to the server."""

    def __init__(self, folder, target, tls=""):
        self.port = free_port()
        path = folder / f"front-{self.port}.cfg"
        path.write_text(CONFIGURATION.format(port=self.port, target=target, tls=tls))
        self.program = Program("front", [HAPROXY, "-db", "-f", str(path)], clean_environment(), folder / f"front-{self.port}.log")

    def url(self, host="localhost", **options):
        """Of an unused database."""
        listed = "&".join(f"{name}={value}" for name, value in options.items())
        return f"mongodb://{host}:{self.port}/t{secrets.token_hex(6)}?serverSelectionTimeoutMS=2000&{listed}"


@contextlib.contextmanager
def run_front(*arguments):
    front = Front(*arguments)
    front.program.start()
    try:
        yield front
    finally:
        front.program.kill()


@pytest.fixture(scope="module")
def front(mongo, authority, tmp_path_factory):
    certificate = authority.issue("localhost")
    with run_front(tmp_path_factory.mktemp("front"), mongo.port, f"ssl crt {certificate.both} ssl-min-ver TLSv1.2") as front:
        yield front


def stores(url):
    return {"store.users": url, "store.messages": url}


# It works

def test_a_stack_stores_over_tls(front, authority, crowd):
    with Stack(settings=stores(front.url(tls="true", tlsCAFile=authority.ca))) as stack:
        exchange(crowd.users(stack, 10), 200)


def test_a_connection_that_was_lost_comes_back(front, authority, crowd):
    with Stack(settings=stores(front.url(tls="true", tlsCAFile=authority.ca))) as stack:
        ada, ben = crowd.users(stack, 2)
        socket = ada.socket()
        befriend(socket, ben)
        front.program.kill()
        wait_until(lambda: not stack.ready(), "the loss to be noticed")
        front.program.start()
        stack.wait_ready()
        assert send(socket, ben, "again")


def test_the_tool_of_the_administrator_takes_the_same_url(front, authority, tmp_path, crowd):
    url = tmp_path / "url"
    url.write_text(front.url(tls="true", tlsCAFile=authority.ca))
    with Stack() as stack:
        crowd.user(stack)
        for command in ("copy", "verify"):
            done = subprocess.run([binary("messengerctl"), "store", command, f"sqlite://{stack.directory}/data", f"@{url}"],
                                  capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, done.stdout + done.stderr


# What is refused

class Lonely:
    """A user service with this store, beside a stack that gives it a bus."""

    def __init__(self, stack, directory, url):
        env = {**stack.program("user").env, **to_env({"data.directory": directory, **stores(url)})}
        self.program = Program("lonely", [binary("user")], env, directory / "lonely.log")

    def __enter__(self):
        self.program.start()
        return self

    def __exit__(self, *exception):
        self.program.kill()

    def wait_refusal(self, pattern):
        wait_until(lambda: re.search(pattern, self.program.log()), lambda: f"{pattern!r} in {self.program.log()}")


@pytest.fixture(scope="module")
def bus():
    with Stack() as stack:
        yield stack


@pytest.mark.parametrize("case, reason", [
    ("another authority", "certificate verify failed .*unable to get local issuer certificate"),
    ("no known authority", "certificate verify failed .*unable to get local issuer certificate"),
    ("another name", "certificate verify failed .*IP address mismatch"),
    ("no such file", "Cannot load Certificate Authorities from '/no/such/file'"),
    ("no TLS", "Failed to read 4 bytes: socket error or timeout"),
])
def test_a_server_that_is_not_proven_is_refused(front, authority, other_authority, bus, tmp_path, case, reason):
    url = {
        "another authority": front.url(tls="true", tlsCAFile=other_authority.ca),
        "no known authority": front.url(tls="true"),
        "another name": front.url("127.0.0.1", tls="true", tlsCAFile=authority.ca),
        "no such file": front.url(tls="true", tlsCAFile="/no/such/file"),
        "no TLS": front.url(),
    }[case]
    with Lonely(bus, tmp_path, url) as lonely:
        lonely.wait_refusal(rf"warn .*{reason}")
        assert lonely.program.wait() == 1, "a service does not start without its store"
    done = subprocess.run([binary("messengerctl"), "store", "verify", url, url], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and re.search(reason, done.stderr), done.stderr


def test_a_server_without_tls_gets_nothing(authority, bus, tmp_path):
    """Not even the question who it is."""
    received = []
    with listening(received) as port:
        url = f"mongodb://user:password@localhost:{port}/x?tls=true&serverSelectionTimeoutMS=2000&tlsCAFile={authority.ca}"
        with Lonely(bus, tmp_path, url) as lonely:
            lonely.wait_refusal("TLS handshake")
            assert lonely.program.wait() == 1
    assert received and all(data[:1] == b"\x16" for data in received), "handshakes of TLS, and nothing else"


@contextlib.contextmanager
def listening(received):
    """A server that answers nobody, and notes the beginning of what it gets."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, contextlib.suppress(OSError):
                    connection.settimeout(5)
                    received.append(connection.recv(4096))
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
