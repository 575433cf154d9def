"""The backup of docs/operating.md: taken while messages are written, restored into another directory."""

import os
import subprocess

import pytest

from support.client import Socket, User, login, send, token_of
from support.docs import block_with
from support.ledger import Ledger
from support.process import REPOSITORY, binary
from support.stack import Stack

BACK_UP = block_with("docs/operating.md", "sh", "VACUUM INTO")
RESTORE = block_with("docs/operating.md", "sh", '"sqlite://$BACKUP"')


@pytest.fixture
def sqlite_settings():
    """Also when the other tests run on MongoDB."""
    return {"store.users": None, "store.messages": None}


def run(script, **variables):
    environment = {**os.environ, **{name: str(value) for name, value in variables.items()}}
    script = script.replace("build/release/bin/messengerctl", binary("messengerctl"))
    done = subprocess.run(["bash", "-eu", "-c", script], cwd=REPOSITORY, env=environment, text=True,
                          capture_output=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def texts(socket, peer):
    return [message["text"] for message in socket.call("getMessagesWithUser", [peer.tag])]


def test_a_restored_backup_has_what_was_acknowledged_before_it(sqlite_settings, tmp_path):
    with Stack(settings=sqlite_settings) as stack:
        ada, bob = User(stack), User(stack)
        socket = ada.socket()
        send(socket, bob, "before")
        (stack.directory / "data" / "jwt.key").write_text(stack.jwt_key)
        with Ledger([(User(stack), User(stack))]) as ledger:  # others go on writing
            ledger.wait_progress()
            run(BACK_UP, DATA_DIR=stack.directory / "data", BACKUP=tmp_path / "backup")
            ledger.wait_progress()
        send(socket, bob, "after")
        ahead = socket.call("hello")
        ada.close()
    restored = tmp_path / "restored"
    run(RESTORE, BACKUP=tmp_path / "backup", NEW_DATA_DIR=restored)
    key = (restored / "jwt.key").read_text()
    assert key == stack.jwt_key
    settings = {**sqlite_settings, "data.directory": restored, "JWT.privateKey": key}
    with Stack(settings=settings) as stack, Socket(stack.url(), ada.token) as socket:
        assert texts(socket, bob) == ["before"]
        assert socket.call("sync", [ahead["epoch"], ahead["position"]])["reset"]
        assert token_of(login(stack.url(), bob.email, bob.password))
