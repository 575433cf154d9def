"""An older copy of the store is put back, by any means: nobody who was ahead is silently behind, whatever is written
afterwards, and nobody is reset by a store that only goes on."""

import shutil
import sqlite3

import pytest

from support.client import User, send
from support.sqlite_files import back_up, remove_log
from support.stack import Stack
from support.wait import wait_until

SETTINGS = {"store.users": None, "store.messages": None}  # SQLite, also when the other tests run on MongoDB


@pytest.fixture
def stack():
    with Stack(gateways=2, settings=SETTINGS) as stack:
        yield stack


def store(stack):
    return stack.directory / "data" / "messages.db"


# Ways to copy a store in use.

def with_sqlite(sql, *arguments):
    def copy(path, target):
        connection = sqlite3.connect(path)
        connection.execute(sql, [argument(target) for argument in arguments])
        connection.close()
    return copy


def with_cp(path, target):
    """With its log, while nobody writes."""
    for suffix in ("", "-wal"):
        shutil.copy(path.with_name(path.name + suffix), target.with_name(target.name + suffix))
    connection = sqlite3.connect(target)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


# Ways to put it back.

def by_cp(stack, copy):
    stack.terminate("message")
    remove_log(store(stack))
    shutil.copy(copy, store(stack))
    stack.restart("message")


def by_rename(stack, copy):
    stack.kill("message")  # and not in good order
    remove_log(store(stack))
    shutil.copy(copy, copy.with_suffix(".again"))
    copy.with_suffix(".again").rename(store(stack))
    stack.restart("message")


def in_place(stack, copy):
    """As `.restore` of the sqlite3 tool, while the service runs."""
    back_up(copy, store(stack))


COPIES = {"cp": with_cp, ".backup": back_up, "VACUUM INTO": with_sqlite("VACUUM INTO ?", str)}
RESTORES = {"cp": by_cp, "rename": by_rename, ".restore": in_place}


class Talk:
    def __init__(self, stack):
        self.stack = stack
        self.anna, self.ben, self.carl = User(stack), User(stack), User(stack, gateway=1)
        self.hers = self.anna.socket()

    def sync(self, position):
        with self.ben.socket() as socket:
            return socket.call("sync", [position["epoch"], position["position"]])

    def position(self):
        with self.ben.socket() as socket:
            return socket.call("hello")


@pytest.mark.parametrize("copy", COPIES)
@pytest.mark.parametrize("restore", RESTORES)
def test_a_client_that_was_ahead_is_reset(stack, copy, restore, tmp_path):
    talk = Talk(stack)
    for number in range(3):
        send(talk.hers, talk.ben, f"kept {number}")
    behind = talk.position()
    COPIES[copy](store(stack), tmp_path / "copy.db")
    with talk.ben.socket() as open_one, talk.carl.socket() as other:
        open_one.call("hello")
        other.call("hello")
        for number in range(3):
            send(talk.hers, talk.ben, f"lost {number}")
        open_one.wait_notification(3001, {"text": "lost 2"})
        ahead = talk.position()
        RESTORES[restore](stack, tmp_path / "copy.db")
        assert open_one.wait_closed()[0] == 1012
        assert talk.hers.wait_closed()[0] == 1012  # the sender was ahead, too
        with talk.anna.socket() as hers:
            for number in range(5):  # fewer, as many, and more than were lost
                assert talk.sync(ahead)["reset"]
                answer = talk.sync(behind)
                assert not answer["reset"]
                texts = [message["text"] for dialog in answer["dialogs"] for message in dialog["messages"]]
                assert texts == [f"new {past}" for past in range(number)]
                send(hers, talk.ben, f"new {number}")
        assert other.call("hello")  # who was not ahead is still connected


def test_an_open_socket_is_closed_however_much_was_written_first(stack, tmp_path):
    """Another gateway's users write as soon as the service is back."""
    talk = Talk(stack)
    send(talk.hers, talk.ben, "kept")
    back_up(store(stack), tmp_path / "copy.db")
    with talk.ben.socket() as his, talk.carl.socket() as carl:
        his.call("hello")
        send(talk.hers, talk.ben, "lost")
        his.wait_notification(3001, {"text": "lost"})
        stack.freeze("gateway", 0)
        by_cp_without_waiting(stack, tmp_path / "copy.db")
        wait_until(lambda: stack.ready(1), "gateway 1 to be ready")
        for number in range(20):
            send(carl, talk.ben, f"new {number}")
        stack.resume("gateway", 0)
        assert his.wait_closed()[0] == 1012
        assert not his.seen(3001, {"text": "new 0"})


def by_cp_without_waiting(stack, copy):
    stack.terminate("message")
    remove_log(store(stack))
    shutil.copy(copy, store(stack))
    stack.restart("message", ready=False)


def test_a_store_that_only_goes_on_resets_nobody(stack):
    talk = Talk(stack)
    with talk.ben.socket() as his:
        positions = [his.call("hello")]
        for number in range(4):
            stack.kill("message")
            stack.restart("message")
            for again in range(3):
                send(talk.hers, talk.ben, f"{number}.{again}")
            body = his.wait_notification(3001, {"text": f"{number}.2"})
            positions.append({"epoch": positions[0]["epoch"], "position": body["userSeq"]})
        assert his.open
    counts = []
    for position in positions:
        answer = talk.sync(position)
        assert not answer["reset"]
        counts.append(sum(len(dialog["messages"]) for dialog in answer["dialogs"]))
    assert counts == [12, 9, 6, 3, 0]


@pytest.mark.parametrize("lost", [1, 2, 4])
def test_a_profile_that_changes_after_the_store_of_users_was_turned_back_is_notified(stack, tmp_path, lost):
    """The contacts have seen later changes; fewer, as many and more follow."""
    talk = Talk(stack)
    users = stack.directory / "data" / "users.db"
    send(talk.hers, talk.ben, "hello")
    with talk.ben.socket() as his, talk.anna.socket() as hers:
        back_up(users, tmp_path / "copy.db")
        for number in range(lost):
            hers.call("setSelfInfo", ["Lost" + "abcd"[number]])
            his.wait_notification(3200, {"firstName": "Lost" + "abcd"[number]})
        stack.terminate("user")
        remove_log(users)
        shutil.copy(tmp_path / "copy.db", users)
        stack.restart("user")
        for number in range(3):
            hers.call("setSelfInfo", ["New" + "abc"[number]])
            his.wait_notification(3200, {"firstName": "New" + "abc"[number]})
