"""Two of every program: it makes no difference where a user is connected."""

import pytest
import requests

from support.client import (
    NO_AUTH_REASON, Socket, befriend, is_online, leave, send)
from support.exchange import exchange
from support.shapes import numbered
from support.wait import stays_true, wait_until


@pytest.fixture
def anna(pair, crowd):
    return crowd.user(pair, gateway=0)


@pytest.fixture
def ben(pair, crowd):
    return crowd.user(pair, gateway=1)


def test_messages_and_read_marks_across_gateways(anna, ben):
    hers, his = anna.socket(), ben.socket()
    sent = send(hers, ben, "hi")
    assert his.wait_notification(3001)["_id"] == sent["_id"]
    his.call("markMessagesWithUserAsRead", [anna.tag])
    assert numbered(hers.wait_notification(3300)) == {"receiverTag": ben.tag}
    answer = send(his, anna, "hi yourself")
    assert hers.wait_notification(3001)["seq"] == answer["seq"] == 2


def test_presence_across_gateways(anna, ben):
    hers = anna.socket()
    befriend(hers, ben)
    his = ben.socket()
    assert hers.wait_notification(3101) == {"loggedInUserTag": ben.tag}
    assert is_online(hers, ben)
    wait_until(lambda: is_online(his, anna), "Ben to see Anna")
    his.close()
    assert hers.wait_notification(3100) == {"loggedOutUserTag": ben.tag}


def test_profiles_across_gateways(anna, ben):
    hers, his = anna.socket(), ben.socket()
    befriend(hers, ben)
    his.wait_notification(3001)  # else the change may come first, by the other message service: then it is fetched
    hers.call("setSelfInfo", ["Annabel"])
    assert numbered(his.wait_notification(3200)) == {"tag": anna.tag, "firstName": "Annabel"}
    (found,) = his.call("findUsersByTag", [anna.tag])
    assert found["firstName"] == "Annabel"


def test_tabs_on_both_gateways(anna, ben):
    """At each gateway a change is awaited before the next one: by the other message service, that one may come first,
    and what is fetched then is pushed to all tabs."""
    tabs = [anna.socket(gateway=0), anna.socket(gateway=1), anna.socket(gateway=0)]
    his = ben.socket()
    send(his, anna, "to both")
    for tab in tabs:
        assert tab.wait_notification(3001)["text"] == "to both"
    send(tabs[0], ben, "from one")
    for tab in tabs[1:]:
        assert tab.wait_notification(3002)["text"] == "from one"
    tabs[0].call("markMessagesWithUserAsRead", [ben.tag])
    for tab in tabs[1:]:
        assert numbered(tab.wait_notification(3301)) == {"senderTag": ben.tag}
    tabs[0].call("setSelfInfo", ["Annabel"])
    for tab in tabs[1:]:
        assert numbered(tab.wait_notification(3201)) == {"tag": anna.tag, "firstName": "Annabel"}
    stays_true(lambda: not [n for n in tabs[0].seen() if n.code in (3002, 3201, 3301)], 0.5,
               "the tab that did it is not notified")


def wait_until_noted(bus, tag, times):
    """Until the presence service has seen to so many updates that name the user.

    `bus` has subscribed to rpc.presence.Update and to the answers before."""
    updates, answers = bus
    wanted = set()
    while len(wanted) < times:
        update = updates.next()
        if tag.encode() in update.data:
            wanted.add(update.reply)
    while wanted:
        wanted.discard(answers.next().subject)


def test_online_as_long_as_one_gateway_has_a_socket(pair, anna, ben):
    his = ben.socket()
    befriend(his, anna)
    with pair.bus() as nats:
        bus = nats.subscribe("rpc.presence.Update"), nats.subscribe("_INBOX.>")
        nats.flush()
        first, second = anna.socket(gateway=0), anna.socket(gateway=1)
        wait_until_noted(bus, anna.tag, 2)
    his.wait_notification(3101)
    first.close()
    stays_true(lambda: not his.seen(3100) and len(his.seen(3101)) == 1, 0.5, "she stays online")
    assert is_online(his, anna)
    second.close()
    his.wait_notification(3100)
    stays_true(lambda: len(his.seen(3100)) == 1, 0.5, "offline is notified once")


def test_exit_counts_on_every_gateway(pair, anna):
    open_socket = anna.socket(gateway=1)
    leave(pair.url(0), anna.token)
    open_socket.wait_closed()
    for gateway in (0, 1):
        refused = Socket(pair.url(gateway), anna.token)
        assert refused.wait_closed() == (1000, NO_AUTH_REASON)


def test_account_made_on_one_gateway_works_on_the_other(pair, anna):
    token = anna.login(gateway=1)
    assert anna.socket(gateway=1, token=token).call("getSelfInfo")["tag"] == anna.tag


def test_both_gateways_serve_the_pages_and_the_default_image(pair):
    for gateway in (0, 1):
        assert requests.get(pair.url(gateway, "/img/default.jpg")).status_code == 200


def test_ledger_of_two_thousand_messages(pair, crowd):
    exchange([crowd.user(pair, gateway=number % 2) for number in range(20)], 2000)
