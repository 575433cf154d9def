"""An instance of the presence service that lags behind: what a client reads does not contradict the
notifications that it has received. The test stands in for that service."""

import threading
import time

import pytest

from support.client import befriend, is_online
from support.protobuf_wire import bytes_field, number_field, text_field, varint
from support.stack import Stack

ONLINE, OFFLINE, VISIBILITY = 13, 12, 18


class Lagging:
    """Answers GetOnline and GetChanged for one tag with what it is set to."""

    def __init__(self, bus):
        self.bus, self.online, self.changes = bus, False, []
        self._calls = [(bus.subscribe("rpc.presence.GetOnline", "presence"), self._online),
                       (bus.subscribe("rpc.presence.GetChanged", "presence"), self._changed)]
        bus.flush()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self):
        self._ended.set()
        self._thread.join()

    def _online(self, tag):
        return (text_field(1, tag) if self.online else b"") + bytes_field(2, b"".join(map(varint, self.changes)))

    def _changed(self, tag):
        return bytes_field(1, text_field(1, tag) + number_field(2, self.changes[0]) + number_field(3, self.online))

    def _run(self):
        while not self._ended.is_set():
            for calls, answer in self._calls:
                call = calls.next_or_none(0.05)
                if call is not None:
                    self.bus.publish(call.reply, answer(call.data[2:2 + call.data[1]].decode()))


@pytest.fixture(scope="module")
def stack():
    with Stack(presences=1) as stack:
        stack.wait_all_instances()
        stack.kill("presence")
        yield stack


@pytest.fixture
def presence(stack):
    with stack.bus() as bus:
        lagging = Lagging(bus)
        yield lagging
        lagging.close()


@pytest.fixture
def pair(stack, crowd):
    anna, ben = crowd.users(stack, 2)
    hers = anna.socket()
    befriend(hers, ben)
    return anna, ben, hers


def now():
    return time.time_ns() // 1000


def notify(presence, user, contact, kind, change):
    presence.bus.publish("notify." + user.tag[1:], text_field(1, user.tag) + number_field(4, change) +
                         text_field(kind, contact.tag))


def becomes_visible(presence, user, contact):
    presence.bus.publish("notify." + user.tag[1:], text_field(1, user.tag) +
                         bytes_field(VISIBILITY, text_field(1, contact.tag) + number_field(2, 1)))


def came(presence, pair, change):
    anna, ben, hers = pair
    notify(presence, anna, ben, ONLINE, change)
    hers.wait_notification(3101, {"loggedInUserTag": ben.tag})


def left(presence, pair, change):
    anna, ben, hers = pair
    notify(presence, anna, ben, OFFLINE, change)
    hers.wait_notification(3100, {"loggedOutUserTag": ben.tag})


def seen(pair):
    """Each way to read whether Ben is online."""
    _, ben, hers = pair
    found = is_online(hers, ben)
    dialog = hers.call("getDialogsList")[0]["userInfo"]["isOnline"]
    hello = hers.call("hello")
    synced = hers.call("sync", [hello["epoch"], hello["position"]])
    assert found == dialog == (ben.tag in synced["online"])
    return found


@pytest.mark.parametrize("changes", [lambda t: [0], lambda t: [t - 1]], ids=["never-seen", "older"])
def test_a_list_that_is_older_than_the_notification_shows_the_user_online(presence, pair, changes):
    change = now()
    came(presence, pair, change)
    presence.online, presence.changes = False, changes(change)
    assert seen(pair) is True


def test_a_list_that_is_older_than_the_notification_shows_the_user_offline(presence, pair):
    change = now()
    came(presence, pair, change)
    left(presence, pair, change + 1)
    presence.online, presence.changes = True, [change]
    assert seen(pair) is False


@pytest.mark.parametrize("later", [0, 1])
def test_a_list_that_is_as_new_as_the_notification_counts(presence, pair, later):
    change = now()
    came(presence, pair, change)
    presence.online, presence.changes = False, [change + later]
    assert seen(pair) is False


def test_a_list_without_numbers_counts(presence, pair):
    came(presence, pair, now())
    presence.online, presence.changes = False, []
    assert seen(pair) is False


def test_a_notification_of_long_ago_counts_no_more(presence, pair):
    came(presence, pair, now() - 61_000_000)
    presence.online, presence.changes = False, [0]
    assert seen(pair) is False


def test_who_left_while_its_presence_became_visible_is_shown_to_be_offline(presence, pair):
    anna, ben, hers = pair
    change = now()
    came(presence, pair, change)
    presence.online, presence.changes = False, [change + 1]
    becomes_visible(presence, anna, ben)
    hers.wait_notification(3100, {"loggedOutUserTag": ben.tag})
    notify(presence, anna, ben, OFFLINE, change + 1)  # its event, after what was fetched
    came(presence, pair, change + 2)
    assert len(hers.seen(3100)) == 1
