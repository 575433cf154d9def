"""messengerctl copies what users have decided about each other, and what is withheld from whom."""

import contextlib
import sqlite3
import subprocess

import pytest

from support.client import Socket, User, send
from support.mongo import mongo_server
from support.process import binary, clean_environment
from support.stack import Stack


def ctl(*arguments):
    return subprocess.run([binary("messengerctl"), *map(str, arguments)], env=clean_environment(),
                          capture_output=True, text=True, timeout=240)


def store(action, one, other):
    done = ctl("store", action, one, other)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def on(installation):
    if installation.startswith("mongodb"):
        return {"store.users": installation, "store.messages": installation}
    return {"store.users": installation + "/users.db", "store.messages": installation + "/messages.db"}


class Past:
    """Ann has blocked Bob for a while, and blocks Cid; Bob reads in secret."""

    def __init__(self, installation):
        with Stack(settings=on(installation)) as stack:
            self.jwt_key = stack.jwt_key
            self.people = ann, bob, cid = [User(stack) for _ in range(3)]
            anns, bobs, cids = [person.socket() for person in self.people]
            send(bobs, ann, "before")
            anns.call("blockUser", [bob.tag])
            anns.call("blockUser", [cid.tag])
            for text in ("withheld", "withheld, too"):
                send(bobs, ann, text, text)
            send(cids, ann, "withheld for good")
            anns.call("unblockUser", [bob.tag])
            anns.call("addContact", [bob.tag])
            send(anns, bob, "answer")
            send(bobs, ann, "after")
            bobs.call("setPrivacy", ["contacts", "nobody"])
            bobs.call("markMessagesWithUserAsRead", [ann.tag])
            self.seen = [self.look(stack, person) for person in self.people]
            for person in self.people:
                person.close()

    def look(self, stack, person):
        with Socket(stack.url(), person.token) as socket:
            dialogs = socket.call("getDialogsList", [0, 30])
            for dialog in dialogs:
                dialog["userInfo"].pop("isOnline")
            return (dialogs, [socket.call("getMessagesWithUser", [other.tag]) for other in self.people],
                    socket.call("listBlocked"), socket.call("getPrivacy"))

    def check(self, installation):
        ann, bob, cid = self.people
        with Stack(settings={**on(installation), "JWT.privateKey": self.jwt_key}) as stack:
            assert [self.look(stack, person) for person in self.people] == self.seen
            with Socket(stack.url(), ann.token) as anns, Socket(stack.url(), bob.token) as bobs, \
                    Socket(stack.url(), cid.token) as cids:
                assert send(bobs, ann, "withheld", "withheld")["seq"] == 2
                assert send(bobs, ann, "later")["seq"] == 6
                assert anns.wait_notification(3001)["seq"] == 4
                assert send(cids, ann, "never")["seq"] == 2
                assert send(anns, bob, "end")["seq"] == 5


@pytest.fixture(scope="module")
def mongo():
    with mongo_server() as server:
        yield server


def place(kind, mongo, directory, name):
    return mongo.new_url() if kind == "mongodb" else f"sqlite://{directory / name}"


@pytest.mark.parametrize("source", ["sqlite", "mongodb"])
@pytest.mark.parametrize("target", ["sqlite", "mongodb"])
def test_relations_and_what_is_withheld_are_copied(source, target, mongo, tmp_path):
    one = place(source, mongo, tmp_path, f"of_{source}_{target}")
    other = place(target, mongo, tmp_path, f"for_{source}_{target}")
    past = Past(one)
    store("copy", one, other)
    said = store("verify", one, other)
    assert "relations: 2, all the same" in said and "privacy settings: 1, all the same" in said
    store("copy", one, other)
    store("verify", one, other)
    past.check(other)


@pytest.mark.parametrize("sql", [
    "UPDATE relation SET state = 0 WHERE state = 2",
    "UPDATE relation SET since_ms = since_ms + 1",
    "UPDATE account SET show_marks = 1 WHERE show_marks = 2",
    "DELETE FROM withheld WHERE seq = 3",
])
def test_verify_finds(sql, mongo, tmp_path):
    one, other = (place("sqlite", mongo, tmp_path, name) for name in ("one", "other"))
    Past(one)
    store("copy", one, other)
    with contextlib.closing(sqlite3.connect(tmp_path / "other" / "messages.db")) as db, db:
        assert db.execute(sql).rowcount > 0
    done = ctl("store", "verify", one, other)
    assert done.returncode == 1 and "A and B differ" in done.stdout
