"""The bots of docs/clients.md, as they are printed there, on a real messenger."""

import shutil
import subprocess
import sys

import pytest

from support.client import User, send
from support.docs import block_with
from support.process import Program, clean_environment
from support.proxy import Proxy
from support.stack import Stack
from support.wait import wait_until


def node():
    """Its own WebSocket needs a flag before version 22; without one, the page has the package ws."""
    path = shutil.which("node")
    assert path, "node is not installed (deploy/install-deps.sh test)"
    flag = "--experimental-websocket"
    known = subprocess.run([path, flag, "--eval", ""], capture_output=True, check=False)
    return [path, flag] if known.returncode == 0 else [path]


# The language of the code block, words in it, what executes it.
BOTS = {"python": ("python", "bot.py", lambda: [sys.executable]), "node": ("js", "bot.js", node)}


@pytest.fixture(scope="module")
def own_stack():
    with Stack(gateways=2) as stack:
        yield stack


class Bot:
    """A running bot, behind a proxy to gateway 0."""

    def __init__(self, stack, kind, directory):
        language, name, interpreter = BOTS[kind]
        self.user = User(stack)
        self._proxy = Proxy(stack.ports[0])
        (directory / name).write_text(block_with("docs/clients.md", language, name))
        argv = [*interpreter(), str(directory / name), f"http://127.0.0.1:{self._proxy.port}",
                self.user.email, self.user.password]
        self.program = Program("bot", argv, clean_environment(), directory / "log.txt")
