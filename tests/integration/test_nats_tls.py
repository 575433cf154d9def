"""NATS over TLS, by configuration: the whole stack works over it, and nothing is sent to a server that is not proven."""

import contextlib
import json
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import threading

import pytest

from support.authority import Authority
from support.client import befriend, send
from support.exchange import exchange
from support.ports import free_port
from support.process import REPOSITORY, Program, binary, clean_environment
from support.proxy import Proxy
from support.stack import KINDS, Stack, start_nats, to_env
from support.wait import stays_true, wait_until


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def other_authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("other"), "Another authority")


@pytest.fixture(scope="module")
def certificate(authority):
    return authority.issue("localhost", "nats.example.org")


def tls_options(certificate, client_ca=None):
    options = ["--tls", f"--tlscert={certificate.cert}", f"--tlskey={certificate.key}"]
    return options + (["--tlsverify", f"--tlscacert={client_ca}"] if client_ca else [])


@pytest.fixture(scope="module")
def secured(authority, certificate):
    """All programs, with their log-ins, at tls://localhost."""
    with Stack(authorised=True, nats_options=tls_options(certificate), nats_address="tls://localhost",
               settings={"nats.caFile": authority.ca}) as stack:
        yield stack


# It works

def test_the_server_demands_tls(secured):
    with socket.create_connection(("127.0.0.1", secured.nats_port), 10) as plain:
        info = plain.makefile("rb").readline()
        assert json.loads(info.removeprefix(b"INFO "))["tls_required"]
        plain.sendall(b"CONNECT {}\r\nPING\r\n")
        with contextlib.suppress(ConnectionError):
            assert b"PONG" not in plain.recv(4096)


def test_messages_of_every_size_pass(secured, crowd):
    """Also those that are larger than a TLS record, and several records in one read."""
    ada, ben = crowd.users(secured, 2)
    first, second = ada.socket(), ben.socket()
    befriend(first, ben)
    texts = [str(number) + "x" * size for number, size in enumerate((1, 900, 4000, 8000, 15000, 3))]
    for text in texts:
        send(first, ben, text)
    for text in texts:
        assert second.wait_notification(3001, lambda body: body["text"] == text)
    for _ in range(60):
        send(first, ben, "y" * 15000)
    page = second.call("getMessagesWithUser", [ada.tag, 0, 60])
    assert [len(message["text"]) for message in page] == [15000] * 60


def test_nothing_is_lost_between_many_users(secured, crowd):
    exchange(crowd.users(secured, 10), 600)


def test_a_server_that_restarts_is_found_again(secured, crowd):
    ada, ben = crowd.users(secured, 2)
    first, second = ada.socket(), ben.socket()
    befriend(first, ben)
    for number in range(3):
        secured.stop_nats()
        secured.start_nats()
        secured.wait_ready()
        send(first, ben, f"after restart {number}")
        assert second.wait_notification(3001, lambda body: body["text"] == f"after restart {number}")


def test_the_health_check_and_the_tool_of_the_administrator_use_the_same_settings(secured, crowd):
    user = crowd.user(secured)
    assert secured.run_once("user", "--healthcheck").returncode == 0
    done = ctl(secured)
    assert (done.returncode, done.stderr) == (0, "") and user.tag.lower() in done.stdout.lower()


@pytest.mark.slow
def test_a_connection_that_breaks_in_the_middle_of_messages_comes_back(secured, crowd):
    """Cut while much is on its way: what was read of a message must not become part of the next one."""
    ada, ben = crowd.users(secured, 2)
    first, second = ada.socket(), ben.socket()
    befriend(first, ben)
    with contextlib.closing(Proxy(secured.nats_port)) as line:
        secured.restart("message", settings={"nats.url": f"tls://localhost:{line.port}"})
        for number in range(4):
            ids = [first.start_call("sendMessageToUser", [ben.tag, f"{number} {'z' * 9000}"]) for _ in range(20)]
            first.wait_answer(ids[number])
            line.cut()
            line.heal()
            for id in ids[:number] + ids[number + 1:]:
                first.wait_answer(id)
            wait_until(secured.ready, "the service to be ready again")
            send(first, ben, f"after cut {number}")
            assert second.wait_notification(3001, lambda body: body["text"] == f"after cut {number}")
        secured.restart("message", settings={"nats.url": secured.nats_url})


@pytest.mark.slow
def test_a_line_that_stalls_holds_up_neither_the_end_nor_the_next_start(authority, certificate, crowd):
    """More than the socket takes is waiting to be written then."""
    stack = Stack(nats_options=tls_options(certificate), nats_address="tls://localhost", settings={"nats.caFile": authority.ca})
    gateway = stack.program("gateway")
    with contextlib.closing(Proxy(stack.nats_port, is_link=True)) as line:
        gateway.env["MESSENGER_NATS_URL"] = f"tls://localhost:{line.port}"
        with stack:
            users = crowd.users(stack, 40)
            sockets = [user.socket() for user in users]
            line.swallow()
            for one, other in zip(sockets, users[1:] + users[:1]):
                for _ in range(20):
                    one.start_call("sendMessageToUser", [other.tag, "z" * 15000])
            wait_until(lambda: unsent_bytes(line.port) > 100000, lambda: f"a full socket, not {unsent_bytes(line.port)} bytes")
            stack.terminate("gateway", timeout=12)
            line.heal()
            stack.restart("gateway")
            first, second = users[0].socket(), users[1].socket()
            send(first, users[1], "after all")
            assert second.wait_notification(3001, lambda body: body["text"] == "after all")


def unsent_bytes(port):
    """The largest queue of this machine's sockets that are connected to the port."""
    lines = pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
    fields = [line.split() for line in lines]
    return max((int(field[4].split(":")[0], 16) for field in fields if field[2].endswith(f":{port:04X}")), default=0)


# What is refused

class Lonely:
    """A user service of its own, with settings that the server does not fit to."""

    def __init__(self, directory, stack, settings):
        everything = {**stack.program("user").env, **to_env({"data.directory": directory, **settings})}
        for key in [key for key, value in settings.items() if value is None]:
            del everything[next(iter(to_env({key: ""})))]
        self.program = Program("lonely", [binary("user")], everything, directory / "lonely.log")

    def __enter__(self):
        self.program.start()
        return self

    def __exit__(self, *exception):
        code = self.program.stop(15) if self.program.alive else None
        self.program.kill()
        assert code in (None, 0)

    def wait_log(self, text):
        wait_until(lambda: text in self.program.log(), lambda: f"{text!r} in {self.program.log()}")

    def is_connected(self):
        return "connected to the bus" in self.program.log()


def test_a_server_of_another_authority_is_refused(secured, other_authority, tmp_path):
    with Lonely(tmp_path, secured, {"nats.caFile": other_authority.ca}) as lonely:
        lonely.wait_log("TLS to NATS fails: unable to get local issuer certificate")
        stays_true(lambda: not lonely.is_connected() and lonely.program.alive, 1)
        assert lonely.program.log().count("TLS to NATS fails") == 1, "once, not at every attempt"


def test_a_server_of_no_known_authority_is_refused(secured, tmp_path):
    with Lonely(tmp_path, secured, {"nats.caFile": None}) as lonely:
        lonely.wait_log("TLS to NATS fails: unable to get local issuer certificate")
        assert not lonely.is_connected()


def test_a_server_with_another_name_is_refused(secured, authority, tmp_path):
    other = authority.issue("nats.example.org", file="elsewhere")
    port = free_port()
    server = Program("elsewhere", ["nats-server", "-a", "127.0.0.1", "-p", str(port), *tls_options(other)], clean_environment(),
                     tmp_path / "elsewhere.log")
    try:
        start_nats(server, port)
        with Lonely(tmp_path, secured, {"nats.url": f"tls://localhost:{port}"}) as lonely:
            lonely.wait_log("TLS to NATS fails: hostname mismatch")
            assert not lonely.is_connected()
    finally:
        server.kill()


def test_an_address_is_no_name(secured, tmp_path):
    with Lonely(tmp_path, secured, {"nats.url": f"tls://127.0.0.1:{secured.nats_port}"}) as lonely:
        lonely.wait_log("TLS to NATS fails: IP address mismatch")
        assert not lonely.is_connected()


def test_an_address_without_tls_does_not_lead_around_the_check(secured, tmp_path):
    """The server demands TLS, so the library switches it on: by the same rules."""
    with Lonely(tmp_path, secured, {"nats.url": f"nats://localhost:{secured.nats_port}", "nats.caFile": None}) as lonely:
        lonely.wait_log("TLS to NATS fails: unable to get local issuer certificate")
        assert not lonely.is_connected()


def test_a_server_without_tls_gets_no_log_in(secured, tmp_path):
    """What it may see of a client that wants TLS is nothing."""
    received = []
    with fake_server({"tls_required": False}, received) as port, \
            Lonely(tmp_path, secured, {"nats.url": f"tls://localhost:{port}"}) as lonely:
        lonely.wait_log("TLS to NATS fails: the server does not offer it")
        wait_until(lambda: len(received) > 2, "more attempts")
        assert b"".join(received) == b""


def test_a_server_that_does_not_answer_the_handshake_holds_nobody(secured, tmp_path):
    received = []
    with fake_server({"tls_required": True}, received, holds=True) as port, \
            Lonely(tmp_path, secured, {"nats.url": f"tls://localhost:{port}"}) as lonely:
        lonely.wait_log("TLS to NATS fails: the server does not answer")
        assert b"CONNECT" not in b"".join(received)


@contextlib.contextmanager
def fake_server(info, received, holds=False):
    """A server that says this about itself and appends what it gets; if it `holds`, it never ends a connection."""
    listener = socket.create_server(("127.0.0.1", 0))
    text = {"server_id": "x", "version": "2.9.10", "proto": 1, "max_payload": 1048576, "headers": True, **info}

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.sendall(b"INFO " + json.dumps(text).encode() + b"\r\n")
                received.append(b"")
                with contextlib.suppress(OSError):
                    connection.settimeout(20 if holds else 1)
                    while data := connection.recv(4096):
                        received.append(data)
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def test_a_server_that_gets_the_right_certificate_later_is_used(authority, other_authority, certificate, tmp_path):
    """Programs need no restart for it."""
    bad = other_authority.issue("localhost")
    files = [tmp_path / "server.crt", tmp_path / "server.key"]

    def put(made):
        for source, target in zip((made.cert, made.key), files):
            shutil.copy(source, target)
    put(certificate)
    options = ["--tls", f"--tlscert={files[0]}", f"--tlskey={files[1]}"]
    with Stack(nats_options=options, nats_address="tls://localhost", settings={"nats.caFile": authority.ca}) as stack:
        stack.stop_nats()
        put(bad)
        stack.start_nats()
        for kind in KINDS:
            wait_until(lambda: "TLS to NATS fails: unable to get local issuer" in stack.program(kind).log(), f"{kind} to refuse")
        assert not stack.ready()
        stack.stop_nats()
        put(certificate)
        stack.start_nats()
        stack.wait_ready()


def test_the_documented_configuration_serves_a_renewed_certificate_after_a_restart(authority, certificate, tmp_path):
    files = [tmp_path / "server.crt", tmp_path / "server.key"]

    def put(made):
        for source, target in zip((made.cert, made.key), files):
            shutil.copy(source, target)
    put(certificate)
    stack = Stack(authorised=True, nats_address="tls://localhost", settings={"nats.caFile": authority.ca})
    with (stack.directory / "nats.conf").open("a") as configuration:
        configuration.write(documented_block(*files, authority.ca))
    with stack:
        renewed = authority.issue("localhost", file="renewed")
        put(renewed)
        assert served_serial(authority, stack.nats_port) == certificate.serial
        stack.stop_nats()
        stack.start_nats()
        assert served_serial(authority, stack.nats_port) == renewed.serial
        stack.wait_ready()


def documented_block(cert, key, ca):
    """What docs/operating.md says to add to nats.conf, with these files."""
    (block,) = re.findall(r"^tls \{.*\}$", (REPOSITORY / "docs" / "operating.md").read_text(), re.MULTILINE)
    for path, file in (("server.pem", cert), ("server.key", key), ("ca.pem", ca)):
        assert block.count(f"/etc/nats/{path}") == 1
        block = block.replace(f"/etc/nats/{path}", str(file))
    return block + "\n"


def served_serial(authority, port):
    """Of the certificate that a NATS server shows."""
    context = ssl.create_default_context(cafile=authority.ca)
    with socket.create_connection(("127.0.0.1", port), 10) as plain:
        while not plain.recv(1).endswith(b"\n"):
            continue
        with context.wrap_socket(plain, server_hostname="localhost") as connection:
            return connection.getpeercert()["serialNumber"]


# Certificates of clients

def test_a_server_may_demand_a_certificate_of_its_clients(authority, certificate, tmp_path):
    mine = authority.issue("messenger", file="client")
    with Stack(nats_options=tls_options(certificate, authority.ca), nats_address="tls://localhost",
               settings={"nats.caFile": authority.ca, "nats.certFile": mine.cert, "nats.keyFile": mine.key}) as stack:
        assert stack.ready()
        with Lonely(tmp_path, stack, {"nats.certFile": None, "nats.keyFile": None}) as lonely:
            wait_until(lambda: re.search("TLS to NATS fails: .* alert (bad certificate|certificate required)", lonely.program.log()),
                       lonely.program.log)
            assert not lonely.is_connected()


# The tool of the administrator

def ctl(stack, **settings):
    merged = {"nats.url": stack.nats_url, "nats.caFile": None, **settings}
    env = {**clean_environment(), "MESSENGER_NATS_PASSWORD_FILE": str(stack.secret_file("nats_admin"))}
    if "nats.caFile" not in settings:
        merged["nats.caFile"] = stack.program("user").env["MESSENGER_NATS_CA_FILE"]
    env.update(to_env({key: value for key, value in merged.items() if value is not None}))
    return subprocess.run([binary("messengerctl"), "user", "list"], env=env, capture_output=True, text=True, timeout=60)


def test_the_tool_says_in_one_line_why_it_does_not_connect(secured, other_authority):
    done = ctl(secured, **{"nats.caFile": other_authority.ca})
    assert done.returncode == 1
    assert done.stderr == (f"messengerctl: TLS to NATS at localhost:{secured.nats_port} fails: unable to get local issuer "
                           "certificate; nats.caFile is the authority of its certificate\n")


# The configuration

@pytest.fixture
def files(authority, certificate, tmp_path):
    (tmp_path / "empty.pem").write_text("")
    return {"ca": authority.ca, "cert": certificate.cert, "key": certificate.key, "missing": tmp_path / "missing.pem",
            "empty": tmp_path / "empty.pem", "folder": tmp_path}


@pytest.mark.parametrize("settings, problem", [
    ({"url": "tls://a:1", "caFile": "missing"}, "nats.caFile: {missing}: No such file or directory"),
    ({"url": "tls://a:1", "caFile": "folder"}, "nats.caFile: {folder}: Is a directory"),
    ({"url": "tls://a:1", "caFile": "empty"}, "nats.caFile: {empty}: the file is empty"),
    ({"url": "tls://a:1", "certFile": "cert", "keyFile": "missing"}, "nats.keyFile: {missing}: No such file or directory"),
    ({"url": "tls://a:1", "certFile": "missing", "keyFile": "key"}, "nats.certFile: {missing}: No such file or directory"),
    ({"url": "tls://a:1", "certFile": "cert"}, "nats.certFile, nats.keyFile: one is set without the other"),
    ({"url": "tls://a:1", "keyFile": "key"}, "nats.certFile, nats.keyFile: one is set without the other"),
    ({"url": "tls://a:1,nats://b:1"}, "nats.url: either all servers are tls:// or none"),
    ({"url": " nats://a:1, tls://b:1"}, "nats.url: either all servers are tls:// or none"),
    ({"url": "nats://a:1", "caFile": "ca"}, "nats.caFile, nats.certFile, nats.keyFile: of no use without tls:// in nats.url"),
    ({"caFile": "ca"}, "nats.caFile, nats.certFile, nats.keyFile: of no use without tls:// in nats.url"),
    ({"url": "tls://a:1,tls://b:1", "caFile": "ca", "certFile": "cert", "keyFile": "key"}, None),
    ({"url": "tls://a:1"}, None),
])
def test_settings_that_do_not_go_together_prevent_the_start(files, settings, problem):
    env = {**clean_environment(), **to_env({f"nats.{key}": files.get(value, value) for key, value in settings.items()})}
    done = subprocess.run([binary("presence"), "--check"], env=env, capture_output=True, text=True, timeout=60)
    if problem is None:
        assert (done.returncode, done.stderr) == (0, "")
    else:
        assert done.returncode == 2
        assert done.stderr.splitlines() == ["presence: the configuration is not usable:", problem.format(**files)]


@pytest.mark.parametrize("key, reason", [("caFile", "Error loading trusted certificates"), ("certFile", "Error loading certificate chain")])
def test_a_file_that_is_no_certificate_prevents_the_start(certificate, tmp_path, key, reason):
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("nonsense\n")
    settings = {"nats.url": "tls://localhost:1", f"nats.{key}": nonsense}
    if key == "certFile":
        settings["nats.keyFile"] = certificate.key
    done = subprocess.run([binary("presence")], env={**clean_environment(), **to_env(settings)}, capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 1 and reason in done.stderr and str(nonsense) in done.stderr, done.stderr
