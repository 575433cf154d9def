"""An older copy of a MongoDB server's files is put back: nobody who was ahead is silently behind."""

import pytest

from support.client import HandshakeRefused, RpcError, User, send, unique
from support.mongo import mongo_server
from support.stack import Stack
from support.wait import pass_time, wait_until


@pytest.fixture(scope="module")
def mongo():
    with mongo_server(own=True) as server:
        yield server


@pytest.fixture
def stack(mongo):
    url = mongo.new_url()
    with Stack(gateways=2, messages=2, settings={"store.users": url, "store.messages": url}) as stack:
        yield stack


def once_taken(call):
    """What it returns, when the services have found the server again, which each does by itself."""
    answers = []

    def answered():
        try:
            answers.append(call())
            return True
        except RpcError as error:
            assert error.code == -32001, error
            return False
        except HandshakeRefused as error:
            assert error.status == 503, error
            return False
    wait_until(answered, "a call to be answered")
    return answers[0]


def call(user, *arguments):
    def once():
        with user.socket() as socket:
            return socket.call(*arguments)
    return once_taken(once)


def write(socket, receiver, text):
    client_id = unique("id")
    once_taken(lambda: send(socket, receiver, text, client_id))


def stopped(mongo, stack, copy):
    for number in range(2):
        stack.terminate("message", number)
    mongo.restore(copy)
    for number in range(2):
        stack.restart("message", number)


def in_use(mongo, stack, copy):
    pass_time(3, "a copy that is younger than a beat is not detected (mongo/lineage.h)")
    mongo.restore(copy)
    wait_until(lambda: all("turned back" in stack.program("message", number).log() for number in range(2)),
               "the message services to detect it")


@pytest.mark.slow
@pytest.mark.parametrize("restore", [stopped, in_use])
def test_a_client_that_was_ahead_is_reset(mongo, stack, restore, tmp_path):
    anna, ben, carl = User(stack), User(stack), User(stack, gateway=1)
    with anna.socket() as hers:
        for number in range(3):
            write(hers, ben, f"kept {number}")
        behind = call(ben, "hello")
        mongo.back_up(tmp_path / "copy")
        with once_taken(ben.socket) as open_one, once_taken(carl.socket) as other:
            call_other = lambda: other.call("hello")
            once_taken(lambda: open_one.call("hello"))
            once_taken(call_other)
            for number in range(3):
                write(hers, ben, f"lost {number}")
            open_one.wait_notification(3001, {"text": "lost 2"})
            ahead = call(ben, "hello")
            restore(mongo, stack, tmp_path / "copy")
            assert open_one.wait_closed()[0] == 1012
            assert hers.wait_closed()[0] == 1012  # the sender was ahead, too
            with once_taken(anna.socket) as hers_again:
                for number in range(5):  # fewer, as many, and more than were lost
                    assert call(ben, "sync", [ahead["epoch"], ahead["position"]])["reset"]
                    answer = call(ben, "sync", [behind["epoch"], behind["position"]])
                    assert not answer["reset"]
                    texts = [message["text"] for dialog in answer["dialogs"] for message in dialog["messages"]]
                    assert texts == [f"new {past}" for past in range(number)]
                    write(hers_again, ben, f"new {number}")
            once_taken(call_other)  # who was not ahead is still connected
