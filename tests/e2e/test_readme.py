"""What the README shows is so: its examples are replayed, its tables compared."""

import json
import os
import re
import subprocess

import pytest

from support.client import User
from support.process import REPOSITORY, binary
from support.stack import Stack
from support.wait import PATIENCE_SECONDS, wait_until

README = (REPOSITORY / "README.md").read_text()
VOLATILE = {"_id", "date", "epoch"}


@pytest.fixture(scope="module")
def own_stack():
    with Stack() as stack:
        yield stack


def mask(value):
    """The same with ids and dates replaced by their shape."""
    if isinstance(value, list):
        return [mask(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: shape(item) if key in VOLATILE else mask(item) for key, item in value.items()}


def shape(value):
    if isinstance(value, int):
        return f"a number of {len(str(value))} digits"
    return re.sub(r"[0-9a-f]", "x", value)


EPOCH = re.search(r'"epoch":"([0-9a-f]{16})"', README).group(1)


class Player:
    """Carries out the lines of the examples, in the order of the README. The epoch is each store's own."""

    def __init__(self, stack):
        self.stack = stack
        self.users = {
            "ada": User(stack, tag="@ada", firstName="Ada", lastName="Lovelace"),
            "bob": User(stack, tag="@bob", firstName="Bob", lastName="Ross"),
        }
        self.sockets, self.taken = {}, {}

    def socket(self, name):
        if name not in self.sockets:
            self.open(name)
        return self.sockets[name]

    def open(self, name):
        self.sockets[name] = self.users[name.rstrip("2")].socket()
        self.taken[name] = set()

    def play(self, line):
        name, action, *text = line.split(" ", 2)
        if action == "open":
            self.open(name)
        elif action == "close":
            self.sockets.pop(name).close()
        elif action == "-->":
            told = text[0].replace(EPOCH, self.epoch(name)) if EPOCH in text[0] else text[0]
            self.socket(name).send_text(told)
        else:
            self.expect(name, json.loads(text[0]))

    def epoch(self, name):
        return self.socket(name).call("hello", id="epoch")["epoch"]

    def expect(self, name, frame):
        socket = self.socket(name)
        wanted, taken = mask(frame), self.taken[name]

        def found():
            for index, seen in enumerate(list(socket.frames)):
                if index not in taken and mask(seen) == wanted:
                    taken.add(index)
                    return True
            return False
        wait_until(found, lambda: f"{name} to get {frame}; got {socket.frames}")


def test_examples_of_the_api(own_stack):
    lines = [line for block in re.findall(r"```rpc\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]
    assert len(lines) > 40
    player = Player(own_stack)
    names = {line.split(" ")[0] for line in lines}
    assert names == {"ada", "ada2", "bob"}
    player.socket("ada")
    player.socket("bob")
    for line in lines:
        if '"look"' in line:  # what the README says before: "with a second socket of Ada's"
            player.socket("ada2")
        player.play(line)
    for user in player.users.values():
        user.close()


def test_try_it_by_hand():
    """The commands of the README, pasted into a shell."""
    block = re.search(r"## Try it by hand.*?```sh\n(.*?)```", README, re.DOTALL).group(1)
    with Stack() as stack:
        script = block.replace("http://localhost:8000", stack.url()).replace(
            "ws://localhost:8000", stack.url().replace("http", "ws"))
        assert "localhost:8000" not in script
        shell = subprocess.run(["bash", "-e", "-c", script], cwd=stack.directory, text=True,
                               capture_output=True, timeout=PATIENCE_SECONDS)
    assert shell.stdout.count("Sign up successful") == 2, shell.stdout + shell.stderr
    assert '"status":"OK"' in shell.stdout, shell.stdout + shell.stderr


def test_every_method_and_notification_has_an_example():
    examples = "".join(re.findall(r"```rpc\n(.*?)```", README, re.DOTALL))
    methods = re.findall(r'^    \{ "(\w+)"', (REPOSITORY / "gateway/methods.c").read_text(), re.MULTILINE)
    types = re.findall(r'"(\w+)", 3\d\d\d', (REPOSITORY / "gateway/notification.c").read_text())
    assert len(methods) == 9 and len(types) == 8
    assert [name for name in methods + types if f'"{name}"' not in examples] == []


def test_configuration_table_is_that_of_the_programs():
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MESSENGER_")}
    printed = subprocess.run([binary("gateway"), "--help"], env=environment, text=True, capture_output=True,
                             check=True).stdout
    rows = re.findall(r"^  (\S+) +(MESSENGER_\S+)\n      (.*) \(default: (.*)\)$", printed, re.MULTILINE)
    assert len(rows) > 25
    missing = [key for key, variable, meaning, initial in rows
               if f"| `{key}` | `{variable}` | {'' if initial == 'empty' else f'`{initial}`'} | {meaning} |"
               not in README]
    assert missing == []


def test_subjects_page_names_every_method():
    page = (REPOSITORY / "proto/README.md").read_text()
    for service in ("user", "message", "presence"):
        table = (REPOSITORY / f"services/{service}/handlers.c").read_text()
        for method in re.findall(r'^    \{ "(\w+)", &', table, re.MULTILINE):
            assert f"`rpc.{service}.{method}`" in page
