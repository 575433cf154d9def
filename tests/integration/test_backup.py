"""The commands of docs/operating.md: a backup taken while messages are written, and restored."""

import copy
import os
import shutil
import sqlite3
import stat
import subprocess

import pytest

from support.client import Socket, User, login, send, token_of
from support.docs import block_with
from support.ledger import Ledger
from support.process import REPOSITORY, binary
from support.stack import Stack

SETTINGS = {"store.users": None, "store.messages": None}  # SQLite, also when the other tests run on MongoDB


def documented(verb, backup, data):
    """The command as it is printed there."""
    script = block_with("docs/operating.md", "sh", f"messengerctl {verb} ")
    script = script.replace("build/release/bin/messengerctl", binary("messengerctl"))
    return subprocess.run(["bash", "-eu", "-c", script], cwd=REPOSITORY, text=True, capture_output=True,
                          timeout=60, env={**os.environ, "BACKUP": str(backup), "DATA_DIR": str(data)})


def ctl(*arguments, **options):
    return subprocess.run([binary("messengerctl"), *map(str, arguments)], text=True, capture_output=True,
                          timeout=60, **options)


def assert_done(done):
    assert done.returncode == 0, done.stdout + done.stderr


def assert_refused(done, reason):
    assert done.returncode == 1, done.stdout + done.stderr
    assert reason in done.stderr, done.stderr


def texts(socket, peer):
    return [message["text"] for message in socket.call("getMessagesWithUser", [peer.tag])]


class Installation:
    """A data directory with a message, its backup, and a later message."""

    def __init__(self, directory):
        self.data, self.backup = directory / "data", directory / "backup"
        self.settings = {**SETTINGS, "data.directory": self.data}
        with self.stack() as stack:
            self.key = self.settings["JWT.privateKey"] = stack.jwt_key
            (self.data / "jwt.key").write_text(self.key)
            self.ada, self.bob = User(stack), User(stack)
            socket = self.ada.socket()
            send(socket, self.bob, "before")
            with Ledger([(User(stack), User(stack))]) as ledger:  # others go on writing
                ledger.wait_progress()
                self.made = documented("backup", self.backup, self.data)
                ledger.wait_progress()
            send(socket, self.bob, "after")
            self.ahead = socket.call("hello")
            self.ada.close()

    def copied_to(self, directory):
        other = copy.copy(self)
        other.data, other.backup = (shutil.copytree(path, directory / path.name) for path in (self.data, self.backup))
        other.settings = {**self.settings, "data.directory": other.data}
        return other

    def stack(self):
        return Stack(settings=self.settings)

    def texts(self):
        with self.stack() as stack, Socket(stack.url(), self.ada.token) as socket:
            assert token_of(login(stack.url(), self.bob.email, self.bob.password))
            return texts(socket, self.bob)


@pytest.fixture(scope="module")
def made_once(tmp_path_factory):
    return Installation(tmp_path_factory.mktemp("installation"))


@pytest.fixture
def installation(made_once, tmp_path):
    """Each test may change and damage its own."""
    return made_once.copied_to(tmp_path)


def test_a_restored_backup_has_what_was_acknowledged_before_it(installation):
    assert_done(installation.made)
    shutil.rmtree(installation.data)
    assert_done(documented("restore", installation.backup, installation.data))
    assert (installation.data / "jwt.key").read_text() == installation.key
    with installation.stack() as stack, Socket(stack.url(), installation.ada.token) as socket:
        assert texts(socket, installation.bob) == ["before"]
        for number in range(3):
            ahead = installation.ahead
            assert socket.call("sync", [ahead["epoch"], ahead["position"]])["reset"]
            send(socket, installation.bob, f"new {number}")
        assert socket.call("hello")["epoch"] != ahead["epoch"]
        assert token_of(login(stack.url(), installation.bob.email, installation.bob.password))


def test_a_backup_is_private_and_sound(installation):
    assert stat.S_IMODE(installation.backup.stat().st_mode) == 0o700
    assert sorted(path.name for path in installation.backup.iterdir()) == ["jwt.key", "messages.db", "users.db"]
    for path in installation.backup.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    for name in ("messages.db", "users.db"):
        with sqlite3.connect(installation.backup / name) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert f"{name}: copied and read back" in installation.made.stdout


def test_newer_stores_are_replaced_by_force_only_and_kept(installation):
    assert_refused(documented("restore", installation.backup, installation.data),
                   "the installed stores are newer than the backup; --force replaces them")
    assert installation.texts() == ["after", "before"]
    done = ctl("restore", installation.backup, "--data", installation.data, "--force")
    assert_done(done)
    assert installation.texts() == ["before"]
    kept, = installation.data.glob("before-restore-*")
    assert str(kept) in done.stdout
    with sqlite3.connect(kept / "messages.db") as db:
        assert db.execute("SELECT count(*) FROM message WHERE text = 'after'").fetchone() == (1,)


def test_the_same_stores_are_replaced_without_force(installation, tmp_path):
    assert_done(ctl("backup", tmp_path / "again", "--data", installation.data))
    assert_done(ctl("restore", tmp_path / "again", "--data", installation.data))
    assert installation.texts() == ["after", "before"]


@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(b"x" * 8192), lambda path: os.truncate(path, 5000),
                                    lambda path: path.unlink()])
def test_a_store_that_cannot_be_read_is_replaced_by_force(installation, damage):
    for suffix in ("-wal", "-shm"):
        (installation.data / f"messages.db{suffix}").unlink(missing_ok=True)
    damage(installation.data / "messages.db")
    assert_refused(documented("restore", installation.backup, installation.data), "--force replaces")
    assert_done(ctl("restore", installation.backup, "--data", installation.data, "--force"))
    assert installation.texts() == ["before"]


@pytest.mark.parametrize("force", [[], ["--force"]])
@pytest.mark.parametrize("running", ["user", "message"])
def test_a_store_in_use_is_not_replaced(installation, running, force):
    with installation.stack() as stack:
        for kind in ("user", "message"):
            if kind != running:
                stack.terminate(kind)
                stack.program(kind).kill()
        assert_refused(ctl("restore", installation.backup, "--data", installation.data, *force),
                       "is in use: stop the services first")
        stack.repair()
        with Socket(stack.url(), installation.ada.token) as socket:
            assert texts(socket, installation.bob) == ["after", "before"]


def spoil(name):
    def work(backup):
        with open(backup / name, "r+b") as file:
            file.seek(3000)
            file.write(b"\xff" * 6000)
    return work


def lack(name):
    return lambda backup: (backup / name).unlink()


@pytest.mark.parametrize("work", [spoil("messages.db"), spoil("users.db"), lack("messages.db"), lack("users.db")])
def test_a_bad_backup_changes_nothing(installation, work):
    work(installation.backup)
    done = ctl("restore", installation.backup, "--data", installation.data, "--force")
    assert done.returncode == 1 and done.stderr.startswith("messengerctl: ")
    assert not list(installation.data.glob("*restore*"))
    assert installation.texts() == ["after", "before"]


def test_a_backup_overwrites_nothing_and_leaves_nothing_after_a_failure(installation, tmp_path):
    assert_refused(ctl("backup", installation.backup, "--data", installation.data), "is there already, and not empty")
    assert_refused(ctl("backup", tmp_path / "other", "--data", tmp_path / "nothing"), "No such file or directory")
    assert not (tmp_path / "other").exists() and not (tmp_path / "nothing").exists()
    spoil("users.db")(installation.data)
    assert ctl("backup", tmp_path / "other", "--data", installation.data).returncode == 1
    assert not (tmp_path / "other").exists()


def test_the_data_directory_is_taken_from_the_environment(installation, tmp_path):
    for number, name in enumerate(("MESSENGER_DATA_DIRECTORY", "DATA_DIR")):
        assert_done(ctl("backup", tmp_path / str(number), env={**os.environ, name: str(installation.data)}))
        assert (tmp_path / str(number) / "users.db").exists()
    (tmp_path / "here").mkdir()
    shutil.copytree(installation.data, tmp_path / "here" / "data")
    assert_done(ctl("backup", tmp_path / "2", cwd=tmp_path / "here"))


def test_a_renewed_store_resets_every_client(installation):
    assert_done(ctl("store", "renew", f"sqlite://{installation.data}"))
    with installation.stack() as stack, Socket(stack.url(), installation.ada.token) as socket:
        ahead = installation.ahead
        assert socket.call("sync", [ahead["epoch"], ahead["position"]])["reset"]
