"""The disk of the stores is full: nothing is acknowledged that is not stored, and space is enough to go on."""

import contextlib
import os
import subprocess

import pytest

from support.client import RpcError, User, login, send, signup, unique
from support.exchange import whole_history
from support.stack import Stack
from support.wait import wait_until

SIZE = "24m"


@pytest.fixture
def small_disk():
    """A stack whose stores lie on a file system of their own, and a small one."""
    stack = Stack(messages=2, settings={"store.lowDiskMib": 0})
    data = stack.directory / "data"
    data.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", data],
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


def fill(path):
    """Takes all space there is."""
    with open(path, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 65536)
    with open(path, "ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x")


def try_send(socket, receiver, number):
    """The stored message, or None when it was refused, in the way it should be."""
    try:
        return send(socket, receiver, f"message {number} {'x' * 2000}", f"id-{number}")
    except RpcError as error:
        assert error.code == -32001 and error.retry_after_ms > 0, error
        return None


def test_sends_are_refused_while_the_disk_is_full_and_accepted_afterwards(small_disk):
    stack = small_disk
    alice, bob = User(stack), User(stack)
    mine, his = alice.socket(), bob.socket()
    acknowledged = {n: try_send(mine, bob, n) for n in range(20)}
    assert all(acknowledged.values())
    pids = stack.pids()
    filler = stack.directory / "data" / "filler"
    fill(filler)
    number = 20
    while number < 3000 and list(acknowledged.values())[-10:].count(None) < 10:
        acknowledged[number] = try_send(mine, bob, number)
        number += 1
    refused = [n for n, message in acknowledged.items() if message is None]
    assert len(refused) >= 10, f"{number} messages found room on a full disk"

    # Whoever only reads notices nothing.
    stored = [message for message in acknowledged.values() if message is not None]
    assert [m["_id"] for m in whole_history(his, alice)] == [m["_id"] for m in stored]
    assert login(stack.url(), alice.email, alice.password).status_code == 200

    os.unlink(filler)
    wait_until(lambda: try_send(mine, bob, refused[0]) is not None, "sends to work again")
    for n in refused:
        acknowledged[n] = try_send(mine, bob, n)
    after = try_send(mine, bob, number)
    assert all(acknowledged.values()) and after is not None
    name = unique()
    assert signup(stack.url(), {"tag": "@" + name, "firstName": "Test", "lastName": "User",
                                "email": name + "@example.com", "password": "password"}).status_code == 200

    everything = [*acknowledged.values(), after]
    history = whole_history(his, alice)
    assert sorted(m["_id"] for m in history) == sorted(m["_id"] for m in everything)
    assert [m["seq"] for m in history] == list(range(1, len(everything) + 1))
    wait_until(lambda: len(his.seen(3001)) == len(everything), "all to be pushed")
    assert len({n.body["_id"] for n in his.seen(3001)}) == len(everything)
    assert stack.pids() == pids, "a program has ended"
