"""What users may send and store, what happens when the disk fills, and what is erased because it is old."""

import contextlib
import sqlite3
import subprocess
import time

import pytest
import requests

from support.client import RpcError, User, login, send, uploaded_name
from support.images import png
from support.stack import Stack
from support.wait import wait_until

UNAVAILABLE, TOO_MANY, FORBIDDEN = -32001, -32002, -32004
TEXT_MAX = 16 * 1024
LARGE = "x" * TEXT_MAX
DAY_MS = 24 * 3600 * 1000
FILES = {"store.users": None, "store.messages": None}


def refusal(socket, receiver, text):
    """The error, or None when the message was stored."""
    try:
        send(socket, receiver, text)
        return None
    except RpcError as error:
        return error


def send_until_refused(socket, receiver, at_most):
    """The error, and how many large texts were stored before it."""
    for stored in range(at_most):
        error = refusal(socket, receiver, LARGE)
        if error is not None:
            return error, stored
    raise AssertionError(f"{at_most} texts were stored")


def history(socket, user):
    return [entry["text"] for entry in socket.call("getMessagesWithUser", [user.tag, 0, 1000])]


# A minute

def test_bytes_a_minute_are_limited_for_each_user_alone():
    with Stack(settings={"limits.messageKibPerMinute": 64}) as stack:
        greedy, other = User(stack), User(stack)
        with greedy.socket() as socket, other.socket() as theirs:
            error, stored = send_until_refused(socket, other, 20)
            assert 4 <= stored <= 6  # some drops follow while it is sent
            assert error.code == TOO_MANY and 0 < error.retry_after_ms <= 60000
            assert "bytes of messages" in error.reason
            again = refusal(socket, other, "short")
            assert again.code == TOO_MANY and again.retry_after_ms <= error.retry_after_ms
            assert refusal(theirs, greedy, LARGE) is None
            assert len(history(socket, other)) == stored + 1
            with greedy.socket() as second:
                assert refusal(second, other, "by another socket").code == TOO_MANY


def test_short_texts_of_a_usual_user_are_never_refused():
    with Stack(settings={"limits.messageKibPerMinute": 64}) as stack:
        user, other = User(stack), User(stack)
        with user.socket() as socket:
            for number in range(200):
                send(socket, other, f"a short text {number}")


# In all

def test_a_user_stores_so_much_and_not_more():
    with Stack(settings={"limits.storedMibPerUser": 1}) as stack:
        greedy, other = User(stack), User(stack)
        with greedy.socket() as socket, other.socket() as theirs:
            error, stored = send_until_refused(socket, other, 80)
            assert stored == 1024 * 1024 // TEXT_MAX
            assert error.code == FORBIDDEN and "stored as many messages" in error.reason
            assert refusal(socket, other, "x").code == FORBIDDEN
            assert refusal(theirs, greedy, LARGE) is None
            assert len(history(socket, other)) == stored + 1
            assert socket.call("markMessagesWithUserAsRead", [other.tag])["status"] == "OK"


def test_what_was_stored_is_counted_over_restarts_and_instances():
    with Stack(messages=2, settings={"limits.storedMibPerUser": 1}) as stack:
        greedy, other = User(stack), User(stack)
        with greedy.socket() as socket:
            error, stored = send_until_refused(socket, other, 200)
            assert error.code == FORBIDDEN and stored <= 2 * 1024 * 1024 // TEXT_MAX
        for index in range(2):
            stack.terminate("message", index)
            stack.restart("message", index)
        with greedy.socket() as socket:
            wait_until(lambda: refusal(socket, other, "x") is not None, "the total to be known again")


# The disk

@pytest.fixture
def small_disk():
    """A stack whose stores lie on a file system of 320 MiB: a tenth of it is to be kept free."""
    stack = Stack(settings=FILES)
    data = stack.directory / "data"
    data.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=320m", "tmpfs", data],
                             capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        stack.destroy()
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    try:
        with stack:
            yield stack
    finally:
        subprocess.run(["umount", "-l", data], check=False)
        stack.destroy()


def leave_free(stack, mib):
    """Fills the disk but for so much."""
    data = stack.directory / "data"
    (data / "ballast").unlink(missing_ok=True)
    free = int(subprocess.run(["stat", "-f", "-c", "%a %S", data], capture_output=True, text=True,
                              check=True).stdout.split()[0]) * 4096
    subprocess.run(["fallocate", "-l", str(free - int(mib * 1024 * 1024)), data / "ballast"], check=True)


def test_a_disk_that_fills_stops_big_users_first_and_then_everybody(small_disk):
    big, small = User(small_disk), User(small_disk)
    with big.socket() as loud, small.socket() as quiet:
        for _ in range(300):  # 4.7 MiB
            send(loud, small, LARGE)
        send(quiet, big, "hello")
        leave_free(small_disk, 9.3)  # a quarter of 32 is 8: now 3.5 MiB are allowed
        wait_until(lambda: refusal(loud, small, "x") is not None, "the big user to be refused")
        error = refusal(loud, small, "x")
        assert error.code == UNAVAILABLE and error.retry_after_ms > 0
        assert refusal(quiet, big, "still possible") is None
        leave_free(small_disk, 6)
        wait_until(lambda: refusal(quiet, big, "x") is not None, "everybody to be refused")
        assert refusal(quiet, big, "x").code == UNAVAILABLE
        # Log-in, reading and marks are alive.
        assert login(small_disk.url(), big.email, big.password).status_code == 200
        assert len(history(quiet, big)) >= 300
        assert loud.call("markMessagesWithUserAsRead", [small.tag])["status"] == "OK"
        assert big.upload(png(32, 32)).status_code == 503
        assert requests.get(small_disk.url(path="/readyz"), timeout=5).status_code == 200
        (small_disk.directory / "data" / "ballast").unlink()
        wait_until(lambda: refusal(loud, small, "again") is None, "the big user to be accepted again")
        assert big.upload(png(32, 32)).status_code == 200


# What is old

def test_texts_are_erased_once_they_are_older_than_the_days_that_are_kept():
    with Stack(settings={**FILES, "messages.keepDays": 30}) as stack:
        alice, bob = User(stack), User(stack)
        with alice.socket() as hers:
            for number in range(6):
                send(hers, bob, f"Trilobite {number}")
        stack.terminate("message")
        with contextlib.closing(sqlite3.connect(stack.directory / "data" / "messages.db")) as store, store:
            now = int(time.time() * 1000)
            store.execute("UPDATE message SET date_ms = ? WHERE (rowid & 4294967295) <= 3", [now - 31 * DAY_MS])
            store.execute("UPDATE message SET date_ms = ? WHERE (rowid & 4294967295) > 3", [now - 29 * DAY_MS])
        stack.restart("message")
        with bob.socket() as his:
            expected = ["Trilobite 5", "Trilobite 4", "Trilobite 3", "", "", ""]
            wait_until(lambda: history(his, alice) == expected, "old texts to be erased")
            assert [entry["seq"] for entry in his.call("getMessagesWithUser", [alice.tag])] == [6, 5, 4, 3, 2, 1]

        def left():
            return sum(path.read_bytes().count(b"Trilobite") for path in (stack.directory / "data").glob("messages.db*"))
        wait_until(lambda: left() in (3, 4, 5, 6) and left() < 6, "the log to be emptied")


def test_pictures_that_nobody_shows_are_swept():
    with Stack(settings=FILES) as stack:
        user = User(stack)
        with user.socket() as socket:
            names = [uploaded_name(user.upload(png(32 + number, 32))) for number in range(4)]
            unused, shown, replaced, fresh = names
            socket.call("setSelfInfo", {"img": replaced})
            socket.call("setSelfInfo", {"img": shown})
            stack.terminate("user")
            with contextlib.closing(sqlite3.connect(stack.directory / "data" / "users.db")) as store, store:
                store.execute("UPDATE image SET stored = stored - 7200000 WHERE name <> ?", [fresh])
            stack.restart("user")

        def stored():
            with contextlib.closing(sqlite3.connect(stack.directory / "data" / "users.db")) as store:
                return {name for name, in store.execute("SELECT name FROM image")}
        wait_until(lambda: stored() == {shown, fresh}, "unused pictures to be swept")
        assert not {unused, replaced} & stored()
