"""The file of a store is removed, replaced or damaged under the running services: they say so, and nothing more is
acknowledged onto it."""

import os
import shutil
import sqlite3

import pytest
import requests

from support.client import RpcError, SocketClosed, User, login, send, signup, unique
from support.stack import Stack
from support.wait import wait_until

SETTINGS = {"store.users": None, "store.messages": None}


@pytest.fixture
def stack():
    with Stack(messages=2, users=2, settings=SETTINGS) as stack:
        yield stack
        for program in stack.programs("message"):
            if not program.alive:
                program.kill()  # a service may refuse to start on a damaged file


def new_account():
    name = unique()
    return {"tag": "@" + name, "firstName": "Test", "lastName": "User",
            "email": name + "@example.com", "password": "password"}


def wait_started(stack, index):
    """For the second time."""
    program = stack.program("message", index)
    wait_until(lambda: program.log().count("started, version") == 2 or program.exit_code is not None,
               "the instance to start, or to refuse to")


def data(stack, name):
    return stack.directory / "data" / name


def readyz(stack):
    return requests.get(stack.url(path="/readyz"), timeout=5)


def wait_problem(stack, service, text):
    def shown():
        answer = readyz(stack)
        return answer.status_code == 503 and text in answer.json()[service]
    wait_until(shown, lambda: f"/readyz to say {text!r}: {readyz(stack).text}")


def remove(path):
    path.unlink()


def rename_away(path):
    path.rename(path.with_suffix(".away"))


def replace_by_a_copy(path):
    shutil.copy(path, path.with_suffix(".new"))
    path.with_suffix(".new").rename(path)


def replace_by_nothing(path):
    path.unlink()
    path.touch()


def remove_the_log(path):
    path.with_name(path.name + "-wal").unlink()


GONE = [remove, rename_away, replace_by_a_copy, replace_by_nothing, remove_the_log]


@pytest.mark.parametrize("lose", GONE)
def test_nothing_is_acknowledged_onto_messages_that_are_gone(stack, lose):
    anna, ben = User(stack), User(stack)
    hers = anna.socket()
    for _ in range(8):
        send(hers, ben, "before")  # both instances have written
    lose(data(stack, "messages.db"))
    for _ in range(8):  # by either instance
        with pytest.raises(RpcError) as raised:
            send(hers, ben, "after")
        assert raised.value.code == -32001
    with pytest.raises(RpcError) as raised:
        hers.call("getMessagesWithUser", [ben.tag])
    assert raised.value.code == -32001
    wait_problem(stack, "message", "messages.db was removed or replaced")
    for index in range(2):
        assert "messages.db was removed or replaced" in stack.program("message", index).log()


def acknowledged(socket, receiver, count):
    """The ids of the sends that were acknowledged."""
    ids = set()
    for _ in range(count):
        try:
            ids.add(send(socket, receiver, "after")["_id"])
        except SocketClosed:
            break
        except RpcError as error:
            assert error.code == -32001
    return ids


def test_an_instance_that_restarts_does_not_make_a_second_store(stack):
    anna, ben = User(stack), User(stack)
    hers = anna.socket()
    acknowledged(hers, ben, 8)
    remove(data(stack, "messages.db"))
    stack.terminate("message", 0)
    stack.program("message", 0).start()
    wait_until(lambda: stack.program("message", 0).exit_code is not None, "the instance to refuse to start")
    assert "messages.db is missing or empty, but its log" in stack.program("message", 0).log()
    assert acknowledged(hers, ben, 8) == set()
    assert not data(stack, "messages.db").exists()
    wait_problem(stack, "message", "messages.db was removed or replaced")  # by the other one
    stack.program("message", 0).kill()


def test_instances_never_acknowledge_to_two_files(stack):
    anna, ben = User(stack), User(stack)
    hers = anna.socket()
    acknowledged(hers, ben, 8)
    for suffix in ("", "-wal", "-shm"):
        data(stack, "messages.db" + suffix).unlink()
    stack.terminate("message", 0)
    stack.program("message", 0).start()
    wait_started(stack, 0)
    hers.wait_closed()  # the instance that has restarted has another store
    known = set()
    for _ in range(10):
        with anna.socket() as hers:
            known |= acknowledged(hers, ben, 4)
    with sqlite3.connect(data(stack, "messages.db")) as db:
        stored = {row[0].hex() for row in db.execute("SELECT id FROM message")}
    assert known <= stored
    wait_problem(stack, "message", "messages.db was removed or replaced")
    stack.restart("message", 1, ready=False)
    wait_started(stack, 1)
    wait_until(stack.ready, "/readyz to answer 200")


@pytest.mark.parametrize("lose", [remove, replace_by_a_copy])
def test_nothing_is_acknowledged_onto_users_that_are_gone(stack, lose):
    anna = User(stack)
    for _ in range(8):
        signup(stack.url(), new_account())
    lose(data(stack, "users.db"))
    for _ in range(8):
        assert signup(stack.url(), new_account()).status_code == 503
        assert login(stack.url(), anna.email, anna.password).status_code == 503
    wait_problem(stack, "user", "users.db was removed or replaced")


def fill(stack, count=300):
    anna, ben = User(stack), User(stack)
    with anna.socket() as hers:
        for number in range(count):
            send(hers, ben, f"number {number} " + "x" * 2000)
    return anna, ben


def overwrite_pages(path, seed):
    """Every third page, but not the first ones: a service whose schema is damaged does not start."""
    with sqlite3.connect(path) as db:
        page_size = db.execute("PRAGMA page_size").fetchone()[0]
    with open(path, "r+b") as file:
        pages = os.fstat(file.fileno()).st_size // page_size
        for page in range(60 + seed, pages, 3):
            file.seek(page * page_size)
            file.write(bytes((page * 7 + at) % 251 for at in range(page_size)))


@pytest.mark.parametrize("seed", range(3))
def test_a_damaged_file_is_named_and_no_list_has_a_hole(stack, seed):
    anna, ben = fill(stack)
    for index in range(2):
        stack.terminate("message", index)
    overwrite_pages(data(stack, "messages.db"), seed)
    for index in range(2):
        stack.program("message", index).start()
        wait_started(stack, index)
    with anna.socket() as hers:
        for start in range(0, 300, 50):
            try:
                page = hers.call("getMessagesWithUser", [ben.tag, start, start + 50])
            except RpcError as error:
                assert error.code == -32001
                continue
            assert [message["seq"] for message in page] == list(range(300 - start, 250 - start, -1))
    wait_problem(stack, "message", "messages.db is damaged")


def test_rows_that_are_missing_are_damage(stack):
    """As of a page that was overwritten with an older state of it: SQLite does not notice."""
    anna, ben = fill(stack, 20)
    with sqlite3.connect(data(stack, "messages.db")) as db:
        assert db.execute("DELETE FROM message WHERE rowid & 0xffffffff = 7").rowcount == 1
    with anna.socket() as hers:
        with pytest.raises(RpcError) as raised:
            hers.call("getMessagesWithUser", [ben.tag])
        assert raised.value.code == -32001
    wait_problem(stack, "message", "messages.db is damaged")


def test_damaged_text_is_shown_with_replacement_characters(stack):
    anna, ben = User(stack), User(stack)
    with anna.socket() as hers, ben.socket() as his:
        send(hers, ben, "abcdef")
        with sqlite3.connect(data(stack, "messages.db")) as db:
            db.execute("UPDATE message SET text = CAST(x'6162ff6465c366' AS TEXT)")
        expected = "ab\ufffdde\ufffdf"
        assert his.call("getMessagesWithUser", [anna.tag])[0]["text"] == expected
        assert his.call("getDialogsList")[0]["text"] == expected
        position = his.call("hello")
        answer = his.call("sync", [position["epoch"], 0])
        assert answer["dialogs"][0]["messages"][0]["text"] == expected
        assert his.open
