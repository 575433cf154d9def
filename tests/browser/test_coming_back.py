"""The demo page when its gateway dies: no message is lost, none is doubled, and all are in order."""

from types import SimpleNamespace

import pytest

pytest.importorskip("selenium", reason="selenium is not installed: no test in a browser")

from conftest import lend_page
from support.client import send
from support.stack import Stack

OWN, UNSENT, THEIRS = "own", "own unsent", ""


@pytest.fixture(scope="module")
def two_gateways():
    # A call that waits for a frozen service is not given up before the gateway is killed.
    with Stack(gateways=2, settings={"rpc.timeoutMs": 30000}) as stack:
        yield stack


@pytest.fixture
def page(browsers, two_gateways):
    """Signed in by gateway 0, which a test may kill."""
    yield from lend_page(browsers, two_gateways, "first")


@pytest.fixture
def dialog(page, two_gateways, crowd):
    """The page's user and a friend at gateway 1, who have exchanged a message each."""
    me = SimpleNamespace(tag=page.sign_up())
    friend = crowd.user(two_gateways, gateway=1)
    socket = friend.socket()
    page.write_to(friend.tag, "mine 1")
    socket.wait_notification(3001, {"text": "mine 1"})
    send(socket, me, "theirs 1")
    page.wait_messages(friend.tag, [["mine 1", OWN], ["theirs 1", THEIRS]])
    return me, friend.tag, socket


def kill_gateway(page, stack):
    page.expected_problems.append("WebSocket connection to")
    stack.kill("gateway", 0)
    page.wait_state("waiting")


def test_messages_sent_both_ways_while_the_gateway_is_dead(page, two_gateways, dialog):
    me, friend, socket = dialog
    kill_gateway(page, two_gateways)
    theirs = [send(socket, me, f"theirs {number}")["seq"] for number in (2, 3, 4)]
    assert theirs == [3, 4, 5]
    for number in (2, 3):
        page.write_to(friend, f"mine {number}")
    page.wait_messages(friend, [["mine 1", OWN], ["theirs 1", THEIRS], ["mine 2", UNSENT], ["mine 3", UNSENT]])
    page.wait_text("#standing", "2 messages pending")
    assert page.text("#answer-title") == "sendMessageToUser: waiting for the connection"

    two_gateways.restart("gateway", 0)
    page.wait_messages(friend, [["mine 1", OWN], ["theirs 1", THEIRS]]
                       + [[f"theirs {number}", THEIRS] for number in (2, 3, 4)]
                       + [["mine 2", OWN], ["mine 3", OWN]])
    page.wait_text("#standing", "resumed, 3 changes fetched")
    page.wait_text("#answer-title", "sendMessageToUser: done")
    assert [socket.wait_notification(3001)["text"] for _ in range(2)] == ["mine 2", "mine 3"]

    send(socket, me, "theirs 5")
    page.wait(lambda: page.messages(friend)[-1] == ["theirs 5", THEIRS], "what comes afterwards")
    assert len(page.messages(friend)) == 8
    assert [n.body["text"] for n in socket.seen(3001)] == ["mine 1", "mine 2", "mine 3"]


def test_a_message_that_was_stored_but_never_answered(page, two_gateways, dialog):
    """The gateway dies between the store and the page; the page sends again, and it stays one message."""
    me, friend, socket = dialog
    with two_gateways.bus() as bus:
        requests = bus.subscribe("rpc.message.Send")
        bus.flush()
        two_gateways.freeze("message")
        page.write_to(friend, "mine 2")
        assert b"mine 2" in requests.next().data  # NATS has it, and the gateway may die
    page.write_to(friend, "mine 3")
    kill_gateway(page, two_gateways)
    two_gateways.resume("message")
    socket.wait_notification(3001, {"text": "mine 2"})
    page.wait_messages(friend, [["mine 1", OWN], ["theirs 1", THEIRS], ["mine 2", UNSENT], ["mine 3", UNSENT]])

    two_gateways.restart("gateway", 0)
    page.wait_messages(friend, [["mine 1", OWN], ["theirs 1", THEIRS], ["mine 2", OWN], ["mine 3", OWN]])
    socket.wait_notification(3001, {"text": "mine 3"})
    assert [n.body["text"] for n in socket.seen(3001)] == ["mine 1", "mine 2", "mine 3"]
    assert page.text("#standing").endswith("resumed, 1 change fetched")
    stored = socket.call("getMessagesWithUser", [me.tag])
    assert [message["text"] for message in stored] == ["mine 3", "mine 2", "theirs 1", "mine 1"]


def test_a_gateway_that_stops_is_left_for_the_next(page, two_gateways, dialog):
    """It closes with 1001: the page reconnects as soon as a gateway listens again."""
    me, friend, socket = dialog
    page.expected_problems.append("WebSocket connection to")
    two_gateways.terminate("gateway")
    page.wait_entry("[data-name=closed]", "code 1001")
    send(socket, me, "theirs 2")
    two_gateways.restart("gateway")
    page.wait_messages(friend, [["mine 1", OWN], ["theirs 1", THEIRS], ["theirs 2", THEIRS]])
    page.wait_entry("[data-name=resumed]", "1 change")
