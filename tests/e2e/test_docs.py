"""What the pages show is true: examples are replayed, commands executed, tables compared, links followed."""

import json
import os
import re
import shlex
import subprocess

import pytest

from support.client import User, befriend
from support.docs import PAGES, anchors, block_with, blocks, links, page
from support.process import REPOSITORY, binary
from support.stack import Stack
from support.wait import wait_until

README_BYTES_MAX = 8192
EXAMPLES = [line for block in blocks(page("docs/api.md"), "rpc") for line in block.splitlines()]
# The first default follows from the open files of the process; the second is what a browser keeps.
SHOWN_OTHERWISE = {"webSocket.maxConnections", "cookie.maxAge"}
VOLATILE = {"_id", "date", "epoch", "created", "lastSeen", "expires", "blockedAt"}


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
    return {key: shape(item) if key in VOLATILE or is_session(key, item) else mask(item)
            for key, item in value.items() if key != "device"}


def is_session(key, value):
    return key == "id" and isinstance(value, str) and len(value) == 32


def shape(value):
    if isinstance(value, int):
        return f"a number of {len(str(value))} digits"
    return re.sub(r"[0-9a-f]", "x", value)


EPOCH = re.search(r'"epoch":"([0-9a-f]{16})"', "\n".join(EXAMPLES)).group(1)


class Player:
    """Executes the lines of the examples in the order of the page. The epoch is each store's own."""

    def __init__(self, stack):
        self.stack = stack
        self.users = {
            "ada": User(stack, tag="@ada", firstName="Ada", lastName="Lovelace", password="correct horse"),
            "bob": User(stack, tag="@bob", firstName="Bob", lastName="Ross", password="happy trees"),
        }
        self.sockets, self.taken = {}, {}

    def socket(self, name):
        if name not in self.sockets:
            self.open(name)
        return self.sockets[name]

    def open(self, name):
        self.sockets[name] = socket = self.users[name.rstrip("2")].socket()
        self.taken[name] = set()
        socket.call("hello", id="open")  # a change of before its answer may come as a list only

    def play(self, line):
        name, action, *text = line.split(" ", 2)
        if action == "open":
            self.open(name)
        elif action == "close":
            self.sockets.pop(name).close()
        elif action == "-->":
            sent = text[0].replace(EPOCH, self.epoch(name)) if EPOCH in text[0] else text[0]
            self.socket(name).send_text(sent)
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
    assert len(EXAMPLES) > 40
    player = Player(own_stack)
    assert {line.split(" ")[0] for line in EXAMPLES} == {"ada", "ada2", "bob"}
    player.socket("ada")
    player.socket("bob")
    for line in EXAMPLES:
        if '"look"' in line:  # the page: "With a second socket of Ada's"
            player.socket("ada2")
        player.play(line)
    for user in player.users.values():
        user.close()


def test_every_method_and_notification_has_an_example():
    (methods_table,) = REPOSITORY.glob("gateway/**/methods.c")
    (notifications,) = REPOSITORY.glob("gateway/**/notification.c")
    methods = re.findall(r'^    \{ "(\w+)"', methods_table.read_text(), re.MULTILINE)
    types = re.findall(r'"(\w+)", 3\d\d\d', notifications.read_text())
    assert len(methods) == 25 and len(types) == 11
    assert [name for name in methods + types if f'"{name}"' not in "".join(EXAMPLES)] == []


def test_the_block_to_paste_works_when_it_is_pasted_twice():
    block = block_with("docs/api.md", "sh", "wsdump")
    with Stack() as stack:
        script = block.replace("localhost:8000", stack.url().removeprefix("http://"))
        for attempt in range(2):
            shell = subprocess.run(["bash", "-e", "-c", script], cwd=stack.directory, text=True,
                                   capture_output=True, timeout=30)
            output = shell.stdout + shell.stderr
            assert shell.returncode == 0, output
            assert shell.stdout.count("Sign up successful") == (0 if attempt else 2), output
            assert shell.stdout.count("UserAlreadyExistError") == (2 if attempt else 0), output
            assert shell.stdout.count("Login successful") == 1, output
            assert shell.stdout.count('"status":"OK"') == 1, output


def test_configuration_table_equals_the_help_of_the_programs():
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MESSENGER_")}
    printed = subprocess.run([binary("gateway"), "--help"], env=environment, text=True, capture_output=True,
                             check=True).stdout
    rows = re.findall(r"^  (\S+) +(MESSENGER_\S+)\n      (.*) \(default: (.*)\)$", printed, re.MULTILINE)
    assert len(rows) > 25
    expected = [f"| `{key}` | `{variable}` | {'' if initial == 'empty' else f'`{initial}`'} | {meaning} |"
                for key, variable, meaning, initial in rows]
    assert [line for line in page("docs/configuration.md").splitlines() if "| `MESSENGER_" in line] == expected


def test_the_page_of_limits_names_every_limit_with_its_default():
    rows = re.findall(r"^\| `([\w.]+)` \| `MESSENGER_\w+` \| `([^`]*)` \|", page("docs/configuration.md"), re.MULTILINE)
    limits = {key: value for key, value in rows
              if key.startswith("limits.") or re.search(r"\.(max|min|ping|timeout|expires|invite)\w+$", key)}
    assert len(limits) >= 17
    text = page("docs/limits.md")
    shown = {key: re.search(rf"`{re.escape(key)}`[^|]*?\(([\d,]+)", text) for key in limits}
    assert {key for key, found in shown.items() if not found} == SHOWN_OTHERWISE
    assert {key: found[1].replace(",", "") for key, found in shown.items() if found} == {
        key: re.match(r"\d+", value)[0] for key, value in limits.items() if shown[key]}


def test_commands_to_monitor_decode_what_is_published(own_stack):
    commands = re.findall(r"^nats sub (\S+) --translate '(.*)'$", page("docs/operating.md"), re.MULTILINE)
    with own_stack.bus() as bus:
        subscriptions = {subject: bus.subscribe(subject.strip("'")) for subject, _ in commands}
        ada, bob = User(own_stack), User(own_stack)
        befriend(ada.socket(), bob)
        bob.socket().call("markMessagesWithUserAsRead", [ada.tag])
        for subject, translate in commands:
            payload = subscriptions[subject].next(10).data
            decoded = subprocess.run(shlex.split(translate), cwd=REPOSITORY, input=payload, capture_output=True,
                                     timeout=30)
            assert decoded.returncode == 0, decoded.stderr
            # protoc prints a field that the type does not have by its number.
            assert re.search(rb"^ *[a-z_]+(:| \{)", decoded.stdout, re.MULTILINE), decoded.stdout
            assert not re.search(rb"^ *\d+(:| \{)", decoded.stdout, re.MULTILINE), decoded.stdout
        ada.close()
        bob.close()
    assert len(commands) >= 5


def test_subjects_page_lists_every_method():
    page = (REPOSITORY / "proto/README.md").read_text()
    tables = {service: f"services/{service}/handlers.c" for service in ("user", "message", "presence")}
    for service, path in {**tables, "admin": "services/user/handlers_admin.c"}.items():
        table = (REPOSITORY / path).read_text()
        for method in re.findall(r'^    \{ "(\w+)", &', table, re.MULTILINE):
            assert f"`rpc.{service}.{method}`" in page


def test_readme_is_short():
    assert len(page("README.md").encode()) <= README_BYTES_MAX


@pytest.mark.parametrize("name", PAGES)
def test_every_link_has_a_target(name):
    """Every relative one, with its anchor."""
    directory, broken = (REPOSITORY / name).parent, []
    for link in links(page(name)):
        path, _, anchor = link.partition("#")
        target = (directory / path).resolve() if path else REPOSITORY / name
        if re.match(r"[a-z]+:", link):
            continue
        if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
            broken.append(link)
    assert not broken


def test_the_readme_links_every_page_of_docs():
    linked = set(links(page("README.md")))
    assert {name for name in PAGES if name.startswith("docs/")} <= {link.partition("#")[0] for link in linked}
