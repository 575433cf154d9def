"""messenger-client.js in node on a real gateway: what can never succeed blocks nothing, and a dead line is detected."""

import json
import pathlib
import shutil
import subprocess
import threading

import pytest

from support.client import User
from support.proxy import Proxy
from support.stack import Stack
from support.wait import wait_until

HERE = pathlib.Path(__file__).resolve().parent
MODULES = HERE.parent.parent / "gateway" / "www"
WEB_SOCKET_FLAG = "--experimental-websocket"  # before version 22


def node_with_web_socket():
    path = shutil.which("node")
    if path is None:
        pytest.skip("node is not installed: the client module is not tested on a gateway")
    for flags in ([], [WEB_SOCKET_FLAG]):
        run = subprocess.run([path, *flags, "--eval", "WebSocket"], capture_output=True, check=False)
        if run.returncode == 0:
            return [path, *flags]
    pytest.skip("node has no WebSocket: the client module is not tested on a gateway")
    return None


class NodeClient:
    """The module in a process of its own, behind a proxy."""

    def __init__(self, stack, user, receiver, directory, **options):
        for path in (HERE / "client_process.mjs", *MODULES.glob("messenger-*.js")):
            shutil.copy(path, directory)
        (directory / "package.json").write_text('{"type": "module"}')
        self.proxy = Proxy(stack.ports[0])
        argv = [*node_with_web_socket(), str(directory / "client_process.mjs"),
                f"ws://127.0.0.1:{self.proxy.port}/api", user.token, receiver.tag, json.dumps(options)]
        self.lines = []
        with open(directory / "errors.txt", "wb") as errors:
            self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                                             text=True)
        self._errors = directory / "errors.txt"
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            self.lines.append(json.loads(line))

    def __enter__(self):
        self.wait_for("current")
        return self

    def __exit__(self, *exception):
        self._process.kill()
        self._process.wait()
        self._reader.join()
        self._process.stdin.close()
        self._process.stdout.close()
        self.proxy.close()

    def send(self, text):
        self._process.stdin.write(json.dumps({"send": text}) + "\n")
        self._process.stdin.flush()

    def seen(self, key):
        assert self._process.poll() is None, self._errors.read_text()
        return [line for line in self.lines if key in line]

    def wait_for(self, key, value=None, count=1):
        def found():
            return [line for line in self.seen(key) if value is None or line[key] == value][count - 1:]
        wait_until(found, lambda: f"{key} {value}\n{self.lines}\n{self._errors.read_text()}")
        return found()[0]


@pytest.fixture
def people(stack):
    sender, receiver = User(stack), User(stack)
    yield sender, receiver
    sender.close()
    receiver.close()


@pytest.mark.parametrize("text", ["a\0b", "\0", "half \ud83d", "", "x" * 16385, "x" * 70000, "\u00e4" * 8193,
                                  "\x01" * 16384],
                         ids=["NUL inside", "NUL", "half a pair", "empty", "over the text", "over the frame",
                              "over in bytes", "escaped over the frame"])
def test_what_can_never_be_stored_is_rejected_and_the_next_is_sent(stack, people, tmp_path, text):
    with NodeClient(stack, *people, tmp_path) as client:
        client.send(text)
        client.send("an ordinary one")
        client.wait_for("rejected", text[:20])
        client.wait_for("stored", "an ordinary one")
        assert len(client.seen("current")) == 1, "the connection was lost"
        assert len(client.seen("stored")) == 1


def test_a_frame_for_which_the_gateway_closes_is_rejected_and_the_next_is_sent(stack, people, tmp_path):
    """The client believes in larger limits than the gateway has."""
    with NodeClient(stack, *people, tmp_path, textMaxBytes=10**6, frameMaxBytes=10**6) as client:
        client.send("x" * 70000)
        client.send("an ordinary one")
        assert client.wait_for("rejected")["reason"] == "refused"
        client.wait_for("stored", "an ordinary one")
        client.wait_for("current", count=2)


def test_an_idle_client_replaces_a_connection_that_swallows_everything(stack, people, tmp_path):
    with NodeClient(stack, *people, tmp_path, pingIntervalMs=500, connectTimeoutMs=2000) as client:
        client.proxy.swallow()
        client.wait_for("state", "waiting")
        client.proxy.heal()
        client.wait_for("current", count=2)
        client.send("an ordinary one")
        client.wait_for("stored", "an ordinary one")


def test_a_client_of_a_service_that_is_away_sends_when_it_is_back(tmp_path):
    with Stack(settings={"rpc.timeoutMs": 300}) as stack:
        sender, receiver = User(stack), User(stack)
        with NodeClient(stack, sender, receiver, tmp_path, backoffBaseMs=50) as client:
            stack.freeze("message")
            client.send("first")
            client.send("second")
            stack.resume("message")
            client.wait_for("stored", "second")
            assert [line["stored"] for line in client.seen("stored")] == ["first", "second"]
            assert client.seen("rejected") == []
        sender.close()
        receiver.close()
