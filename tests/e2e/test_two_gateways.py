"""Two of every program: it makes no difference where a user is connected."""

import collections
import itertools
import random
import threading

import pytest
import requests

from support.client import (
    NO_AUTH_REASON, RpcError, Socket, befriend, is_online, leave, send)
from support.wait import stays_true, wait_until

USERS = 20
MESSAGES = 2000


@pytest.fixture
def anna(pair, crowd):
    return crowd.user(pair, gateway=0)


@pytest.fixture
def ben(pair, crowd):
    return crowd.user(pair, gateway=1)


def test_message_and_reading_across(anna, ben):
    hers, his = anna.socket(), ben.socket()
    sent = send(hers, ben, "hi")
    assert his.wait_notification(3001)["_id"] == sent["_id"]
    his.call("markMessagesWithUserAsRead", [anna.tag])
    assert hers.wait_notification(3300) == {"receiverTag": ben.tag}
    answer = send(his, anna, "hi yourself")
    assert hers.wait_notification(3001)["seq"] == answer["seq"] == 2


def test_presence_across(anna, ben):
    hers = anna.socket()
    befriend(hers, ben)
    his = ben.socket()
    assert hers.wait_notification(3101) == {"loggedInUserTag": ben.tag}
    assert is_online(hers, ben)
    wait_until(lambda: is_online(his, anna), 5, "Ben to see Anna")
    his.close()
    assert hers.wait_notification(3100) == {"loggedOutUserTag": ben.tag}


def test_profile_across(anna, ben):
    hers, his = anna.socket(), ben.socket()
    befriend(hers, ben)
    hers.call("setSelfInfo", ["Annabel"])
    assert his.wait_notification(3200) == {"tag": anna.tag, "firstName": "Annabel"}
    (found,) = his.call("findUsersByTag", [anna.tag])
    assert found["firstName"] == "Annabel"


def test_tabs_on_both_gateways(anna, ben):
    tabs = [anna.socket(gateway=0), anna.socket(gateway=1)]
    his = ben.socket()
    send(his, anna, "to both")
    for tab in tabs:
        assert tab.wait_notification(3001)["text"] == "to both"
    send(tabs[0], ben, "from one")
    assert tabs[1].wait_notification(3002)["text"] == "from one"
    tabs[0].call("markMessagesWithUserAsRead", [ben.tag])
    assert tabs[1].wait_notification(3301) == {"senderTag": ben.tag}
    tabs[0].call("setSelfInfo", ["Annabel"])
    assert tabs[1].wait_notification(3201) == {"tag": anna.tag, "firstName": "Annabel"}
    stays_true(lambda: not [n for n in tabs[0].seen() if n.code in (3002, 3201, 3301)], 0.5,
               "the tab that did it is not told")


def test_online_as_long_as_one_gateway_has_a_socket(anna, ben):
    his = ben.socket()
    befriend(his, anna)
    first, second = anna.socket(gateway=0), anna.socket(gateway=1)
    his.wait_notification(3101)
    first.close()
    stays_true(lambda: not his.seen(3100) and len(his.seen(3101)) == 1, 0.5, "she stays online")
    assert is_online(his, anna)
    second.close()
    his.wait_notification(3100)
    stays_true(lambda: len(his.seen(3100)) == 1, 0.5, "offline is told once")


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


# Nothing lost, nothing twice: what was sent against what came and what is kept

class Sender(threading.Thread):
    """Sends its part of the messages one after the other and remembers what was acknowledged."""

    def __init__(self, user, socket, plan):
        super().__init__(daemon=True)
        self.user, self.socket, self.plan = user, socket, plan
        self.acknowledged, self.error = [], None

    def run(self):
        try:
            for receiver, text in self.plan:
                self.acknowledged.append(send(self.socket, receiver, text, timeout=30))
        except (AssertionError, RpcError) as error:
            self.error = error


def make_plans(users, pairs, seed):
    """For each user, what to send to whom: MESSAGES in all, on random pairs, texts all different."""
    rng = random.Random(seed)
    plans = collections.defaultdict(list)
    for number in range(MESSAGES):
        sender, receiver = rng.sample(rng.choice(pairs), 2)
        plans[sender].append((receiver, f"message {number} 😍"))
    return [(user, plans[user]) for user in users]


def by_conversation(messages):
    sorted_out = collections.defaultdict(list)
    for message in messages:
        sorted_out[frozenset((message["senderTag"], message["receiverTag"]))].append(message)
    return sorted_out


def whole_history(socket, peer):
    """Oldest first, read page by page."""
    pages = []
    for start in itertools.count(0, 90):
        page = socket.call("getMessagesWithUser", [peer.tag, start, start + 90])
        pages += page
        if len(page) < 90:
            return pages[::-1]


def test_ledger_of_two_thousand_messages(pair, crowd):
    users = [crowd.user(pair, gateway=number % 2) for number in range(USERS)]
    seed = random.SystemRandom().randrange(10**6)
    rng = random.Random(seed)
    pairs = rng.sample(list(itertools.combinations(users, 2)), 30)
    print(f"seed {seed}")
    sockets = {user: user.socket() for user in users}
    senders = [Sender(user, sockets[user], plan) for user, plan in make_plans(users, pairs, seed)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(120)
        assert not sender.is_alive() and sender.error is None, sender.error
    acknowledged = [message for sender in senders for message in sender.acknowledged]
    assert len(acknowledged) == MESSAGES
    assert len({message["_id"] for message in acknowledged}) == MESSAGES

    conversations = by_conversation(acknowledged)
    for messages in conversations.values():
        messages.sort(key=lambda message: message["seq"])
        assert [m["seq"] for m in messages] == list(range(1, len(messages) + 1))

    for user, socket in sockets.items():
        expected = [m for m in acknowledged if m["receiverTag"] == user.tag]
        wait_until(lambda: len(socket.seen(3001)) >= len(expected), 20, f"all messages to {user.tag}")
    for sender in senders:
        planned = [(receiver.tag, text) for receiver, text in sender.plan]
        assert [(m["receiverTag"], m["text"]) for m in sender.acknowledged] == planned
        for messages in by_conversation(sender.acknowledged).values():
            assert [m["seq"] for m in messages] == sorted(m["seq"] for m in messages)

    for user, socket in sockets.items():
        got = [n.body for n in socket.seen(3001)]
        expected = [m for m in acknowledged if m["receiverTag"] == user.tag]
        assert sorted(m["_id"] for m in got) == sorted(m["_id"] for m in expected), "once each"
        for conversation, messages in by_conversation(got).items():
            seqs = [m["seq"] for m in messages]
            assert seqs == sorted(set(seqs)), f"out of order at {user.tag}: {seqs}"

    for first, second in pairs:
        messages = conversations.get(frozenset((first.tag, second.tag)), [])
        wanted = [(m["_id"], m["senderTag"], m["text"], m["seq"]) for m in messages]
        for reader, peer in ((first, second), (second, first)):
            kept = whole_history(sockets[reader], peer)
            assert [(m["_id"], m["senderTag"], m["text"], m["seq"]) for m in kept] == wanted
