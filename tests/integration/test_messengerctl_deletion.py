"""messengerctl copies deleted accounts as such, also one that was deleted after the first copy."""

import subprocess

import pytest

from support.client import Socket, User, send, signup, unique
from support.mongo import mongo_server
from support.process import binary, clean_environment
from support.stack import Stack
from support.wait import wait_until


def ctl(*arguments):
    return subprocess.run([binary("messengerctl"), *map(str, arguments)], env=clean_environment(),
                          capture_output=True, text=True, timeout=240)


def store(action, one, other):
    done = ctl("store", action, one, other)
    assert done.returncode == 0, done.stdout + done.stderr


def on(installation, jwt_key=None):
    of_store = installation if installation.startswith("mongodb") else None
    settings = {"store.users": of_store or installation + "/users.db",
                "store.messages": of_store or installation + "/messages.db"}
    return {**settings, "JWT.privateKey": jwt_key} if jwt_key else settings


@pytest.fixture(scope="module")
def mongo():
    with mongo_server() as server:
        yield server


def place(kind, mongo, directory, name):
    return mongo.new_url() if kind == "mongodb" else f"sqlite://{directory / name}"


def history(stack, friend, user):
    with Socket(stack.url(), friend.token) as socket:
        return [entry["text"] for entry in socket.call("getMessagesWithUser", [user.tag])]


def check_gone(stack, friend, user):
    """Erased, by the services if it was not before; and the tag is taken."""
    wait_until(lambda: history(stack, friend, user) == ["", "theirs", ""], f"{user.tag} to be erased")
    with Socket(stack.url(), friend.token) as socket:
        entry = next(entry for entry in socket.call("getDialogsList") if entry["userInfo"]["tag"] == user.tag)
        assert entry["userInfo"]["isDeleted"] is True and entry["userInfo"]["firstName"] == ""
    other = {"tag": user.tag, "firstName": "A", "lastName": "B", "email": f"{unique()}@example.com", "password": "password"}
    assert signup(stack.url(), other).status_code == 409


@pytest.mark.parametrize("source", ["sqlite", "mongodb"])
@pytest.mark.parametrize("target", ["sqlite", "mongodb"])
def test_deleted_accounts_are_copied_as_such(source, target, mongo, tmp_path):
    one = place(source, mongo, tmp_path, f"of_{source}_{target}")
    other = place(target, mongo, tmp_path, f"for_{source}_{target}")
    with Stack(settings=on(one)) as stack:
        jwt_key = stack.jwt_key
        early, late, friend = (User(stack) for _ in range(3))
        with early.socket() as first, late.socket() as second, friend.socket() as theirs:
            for user, socket in ((early, first), (late, second)):
                send(socket, friend, "mine 1")
                send(theirs, user, "theirs")
                send(socket, friend, "mine 2")
            first.call("deleteAccount", [early.password])
            theirs.wait_notification(3204)
    store("copy", one, other)
    store("verify", one, other)
    with Stack(settings=on(one, jwt_key)) as stack:
        with Socket(stack.url(), late.token) as socket, Socket(stack.url(), friend.token) as theirs:
            socket.call("deleteAccount", [late.password])
            theirs.wait_notification(3204)
    for _ in range(2):  # the second time there is nothing to do
        store("copy", one, other)
    with Stack(settings=on(other, jwt_key)) as stack:
        check_gone(stack, friend, early)
        check_gone(stack, friend, late)
    friend.close()
