"""Nothing lost, nothing twice: what was sent against what came and what is kept."""

import collections
import itertools
import random
import threading

from support.client import RpcError, send
from support.wait import wait_until


class Sender(threading.Thread):
    """Sends its part of the messages one after the other and remembers what was acknowledged."""

    def __init__(self, user, socket, plan):
        super().__init__(daemon=True)
        self.user, self.socket, self.plan = user, socket, plan
        self.acknowledged, self.error = [], None

    def run(self):
        try:
            for receiver, text in self.plan:
                self.acknowledged.append(send(self.socket, receiver, text))
        except (AssertionError, RpcError) as error:
            self.error = error


def make_plans(users, pairs, count, seed):
    """For each user, what to send to whom: `count` in all, on random pairs, texts all different."""
    rng = random.Random(seed)
    plans = collections.defaultdict(list)
    for number in range(count):
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


def exchange(users, count):
    """Lets the users write to each other at once, and fails unless every message is stored once,
    without holes, pushed once and in order."""
    seed = random.SystemRandom().randrange(10**6)
    rng = random.Random(seed)
    pairs = rng.sample(list(itertools.combinations(users, 2)), 30)
    print(f"seed {seed}")
    sockets = {user: user.socket() for user in users}
    senders = [Sender(user, sockets[user], plan) for user, plan in make_plans(users, pairs, count, seed)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(240)
        assert not sender.is_alive() and sender.error is None, sender.error
    acknowledged = [message for sender in senders for message in sender.acknowledged]
    assert len(acknowledged) == count
    assert len({message["_id"] for message in acknowledged}) == count

    conversations = by_conversation(acknowledged)
    for messages in conversations.values():
        messages.sort(key=lambda message: message["seq"])
        assert [m["seq"] for m in messages] == list(range(1, len(messages) + 1))

    for user, socket in sockets.items():
        expected = [m for m in acknowledged if m["receiverTag"] == user.tag]
        wait_until(lambda: len(socket.seen(3001)) >= len(expected), f"all messages to {user.tag}")
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
