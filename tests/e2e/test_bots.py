"""The bots of docs/clients.md, as they are printed there, on a real messenger."""

import shutil
import subprocess
import sys

import pytest

from support.client import User, send
from support.docs import block_with
from support.process import Program, clean_environment
from support.proxy import Proxy
from support.stack import Stack
from support.wait import wait_until


def node():
    """Its own WebSocket needs a flag before version 22; without one, the page has the package ws."""
    path = shutil.which("node")
    assert path, "node is not installed (deploy/install-deps.sh test)"
    flag = "--experimental-websocket"
    known = subprocess.run([path, flag, "--eval", ""], capture_output=True, check=False)
    return [path, flag] if known.returncode == 0 else [path]


# The language of the code block, words in it, what executes it.
BOTS = {"python": ("python", "bot.py", lambda: [sys.executable]), "node": ("js", "bot.js", node)}


@pytest.fixture(scope="module")
def own_stack():
    with Stack(gateways=2) as stack:
        yield stack


class Bot:
    """A running bot, behind a proxy to gateway 0."""

    def __init__(self, stack, kind, directory):
        language, name, interpreter = BOTS[kind]
        self.user = User(stack)
        self.proxy = Proxy(stack.ports[0])
        (directory / name).write_text(block_with("docs/clients.md", language, name))
        argv = [*interpreter(), str(directory / name), f"http://127.0.0.1:{self.proxy.port}",
                self.user.email, self.user.password]
        self.program = Program("bot", argv, clean_environment(), directory / "log.txt")

    def __enter__(self):
        self.program.start()
        return self

    def __exit__(self, *exception):
        self.program.kill()
        self.proxy.close()
        self.user.close()


class Talk:
    """A conversation of a user at gateway 1 with the bot."""

    def __init__(self, stack, bot):
        self.bot, self.user = bot, User(stack, gateway=1)
        self.socket = self.user.socket()

    def send(self, text):
        return send(self.socket, self.bot.user, text)

    def is_answered(self, text):
        assert self.bot.program.alive, self.bot.program.log()
        return bool(self.socket.seen(3001, {"text": "You wrote: " + text}))

    def wait_answer(self, text):
        wait_until(lambda: self.is_answered(text), lambda: f"the answer to {text!r}\n{self.bot.program.log()}")

    def wait_begun(self):
        """A bot knows no message from before its first answer to `sync`, and may answer notifications before that: what
        is sent after such an answer follows the one to `sync`."""
        def answered():
            self.send("are you there?")
            return self.is_answered("are you there?")
        wait_until(answered, lambda: f"the bot to answer\n{self.bot.program.log()}")
        self.send("now you are")
        self.wait_answer("now you are")

    def count(self, text):
        """How often it is stored."""
        messages = self.socket.call("getMessagesWithUser", [self.bot.user.tag, 0, 1000])
        return sum(message["text"] == text for message in messages)


@pytest.fixture(params=BOTS)
def talk(own_stack, request, tmp_path):
    with Bot(own_stack, request.param, tmp_path) as bot:
        talk = Talk(own_stack, bot)
        talk.wait_begun()
        yield talk
        talk.user.close()


def test_a_bot_answers_each_message_once(talk):
    for number in range(20):
        talk.send(f"number {number}")
    for number in range(20):
        talk.wait_answer(f"number {number}")
    assert [talk.count(f"You wrote: number {number}") for number in range(20)] == [1] * 20


def test_a_bot_answers_what_arrived_while_it_was_disconnected(talk):
    talk.bot.proxy.cut()
    talk.send("while you were away")
    assert not talk.is_answered("while you were away")
    talk.bot.proxy.heal()
    talk.wait_answer("while you were away")
    assert talk.count("You wrote: while you were away") == 1


def test_a_bot_repeats_a_send_whose_acknowledgement_it_lost(own_stack, talk):
    """The message service is frozen, so the send is under way when the connection is cut."""
    talk.bot.proxy.swallow()
    with own_stack.bus() as bus:
        sends = bus.subscribe("rpc.message.Send")
        message_id = talk.send("answer this")["_id"].encode()
        own_stack.freeze("message")
        talk.bot.proxy.heal()
        wait_for_send(sends, message_id)
        talk.bot.proxy.cut()
        own_stack.resume("message")
        talk.bot.proxy.heal()
        wait_for_send(sends, message_id)
    talk.wait_answer("answer this")
    assert talk.count("You wrote: answer this") == 1


def wait_for_send(sends, client_message_id):
    """The next request to store a message with this clientMessageId."""
    wait_until(lambda: client_message_id in sends.next(30).data, "the bot to send")



@pytest.mark.parametrize("kind", BOTS)
def test_a_bot_logs_in_again_when_its_token_has_expired(kind, tmp_path):
    with Stack(settings={"JWT.expiresIn": 2}) as stack, stack.bus() as bus:
        logins = bus.subscribe("rpc.user.Authenticate")
        with Bot(stack, kind, tmp_path) as bot:
            for _ in range(3):
                assert bot.user.email.encode() in logins.next(30).data, bot.program.log()
