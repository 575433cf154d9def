"""Presence with two of every program: right after any one of them, or NATS, dies or stops.

Every test leaves the stack whole again; `observer` is a contact of all users it watches."""

import threading

import pytest

from support.client import Crowd, RpcError, befriend, is_online
from support.stack import Stack
from support.wait import PATIENCE_SECONDS, pass_time, stays_true, wait_lasting, wait_until

OFFLINE, ONLINE = 3100, 3101


@pytest.fixture(scope="module")
def four_pairs():
    with Stack(gateways=2, users=2, messages=2, presences=2) as stack:
        stack.wait_all_instances()
        yield stack


@pytest.fixture
def whole(four_pairs):
    yield four_pairs
    four_pairs.repair()
    four_pairs.wait_all_instances()


class Observer:
    """Is connected to gateway 0 and records the notifications about each contact."""

    def __init__(self, stack, crowd, count, gateway):
        self.user = crowd.user(stack, gateway=0)
        self.socket = self.user.socket()
        self.watched = crowd.users(stack, count, gateway=gateway)
        for user in self.watched:
            befriend(self.socket, user)

    def events(self, user):
        """3101 and 3100 of this user, in the order they came."""
        return [n.code for n in self.socket.seen()
                if n.body.get("loggedInUserTag") == user.tag
                or n.body.get("loggedOutUserTag") == user.tag]

    def sees(self, user):
        """isOnline, or None while the question cannot be answered."""
        try:
            return is_online(self.socket, user)
        except RpcError as error:
            assert error.code == -32001, error
            return None

    def wait_events(self, user, expected):
        wait_until(lambda: self.events(user) == expected,
                   lambda: f"{expected} of {user.tag}, got {self.events(user)}")

    def wait_state(self, user, online):
        wait_until(lambda: self.sees(user) is online,
                   f"{user.tag} to be {'online' if online else 'offline'}")

    def bring_online(self):
        sockets = [user.socket() for user in self.watched]
        for user in self.watched:
            self.wait_events(user, [ONLINE])
        return sockets


def alternates(events):
    """Online first, then offline, then online and so on: no event twice, none missing."""
    return events == [ONLINE if number % 2 == 0 else OFFLINE for number in range(len(events))]


def test_users_of_a_killed_gateway_go_offline_once_each(whole, crowd):
    observer = Observer(whole, crowd, 10, gateway=1)
    both = crowd.user(whole, gateway=0)
    befriend(observer.socket, both)
    kept = both.socket(gateway=0)
    observer.wait_events(both, [ONLINE])
    both.socket(gateway=1)
    observer.bring_online()
    whole.kill("gateway", 1)
    for user in observer.watched:
        observer.wait_events(user, [ONLINE, OFFLINE])
        observer.wait_state(user, False)
    stays_true(lambda: all(observer.events(user) == [ONLINE, OFFLINE] for user in observer.watched),
               2, "offline is notified once each")
    assert observer.events(both) == [ONLINE], "a user with another socket elsewhere stays online"
    assert observer.sees(both) is True and kept.open
    whole.restart("gateway", 1)
    again = observer.watched[0].socket()
    observer.wait_events(observer.watched[0], [ONLINE, OFFLINE, ONLINE])
    assert again.call("getSelfInfo")["tag"] == observer.watched[0].tag


class Churner(threading.Thread):
    """Opens and closes a user's socket, on one gateway and then the other, each time waiting until
    the observer is notified; ends with an open socket if `stay`."""

    def __init__(self, observer, user, stay):
        super().__init__(daemon=True)
        self.observer, self.user, self.stay = observer, user, stay
        self.rounds, self.enough, self.error = 0, threading.Event(), None

    def run(self):
        try:
            while not self.enough.is_set():
                self._round()
            if self.stay:
                self.user.socket(gateway=self.rounds % 2)
                self._told(ONLINE)
        except (AssertionError, OSError) as error:
            self.error = f"{self.user.tag}: {error}"

    def _round(self):
        socket = self.user.socket(gateway=self.rounds % 2)
        self._told(ONLINE)
        socket.close()
        self._told(OFFLINE)
        self.rounds += 1

    def _told(self, code):
        key = "loggedInUserTag" if code == ONLINE else "loggedOutUserTag"
        self.observer.socket.wait_notification(code, {key: self.user.tag})


@pytest.mark.slow
def test_killing_presence_instances_under_churn_loses_nothing(whole, crowd):
    observer = Observer(whole, crowd, 8, gateway=0)
    churners = [Churner(observer, user, stay=number % 2 == 0)
                for number, user in enumerate(observer.watched)]
    for churner in churners:
        churner.start()

    def go_on(rounds):
        """Waits until everyone has come and gone so many times more."""
        target = [churner.rounds + rounds for churner in churners]
        wait_until(lambda: all(c.error or c.rounds >= t for c, t in zip(churners, target)), "everyone to come and go")
        assert [c.error for c in churners if c.error] == []
    go_on(2)
    for index in (0, 1, 0, 1):
        whole.kill("presence", index)
        go_on(2)
        whole.restart("presence", index)
        whole.wait_all_instances()
        go_on(1)
    for churner in churners:
        churner.enough.set()
    for churner in churners:
        churner.join(2 * PATIENCE_SECONDS)
        assert not churner.is_alive() and churner.error is None, churner.error
    for churner in churners:
        observer.wait_state(churner.user, churner.stay)
        events = observer.events(churner.user)
        assert alternates(events), events
        assert len(events) == 2 * churner.rounds + churner.stay


@pytest.mark.slow
def test_nats_restart(whole, crowd):
    observer = Observer(whole, crowd, 6, gateway=1)
    stayers, leavers = observer.watched[:4], observer.watched[4:]
    sockets = dict(zip(observer.watched, observer.bring_online()))
    whole.stop_nats()
    for user in leavers:
        sockets[user].close()
    whole.start_nats()
    for user in stayers:
        observer.wait_state(user, True)
    for user in leavers:
        observer.wait_state(user, False)
    newcomer = crowd.user(whole, gateway=1)
    befriend(observer.socket, newcomer)
    newcomer.socket()
    observer.wait_events(newcomer, [ONLINE])
    # A query without an answer is followed by who is online once more, and by no "offline".
    stays_true(lambda: all(set(observer.events(user)) == {ONLINE} for user in stayers), 5,
               "no other notification about those who stayed")
    assert all(observer.sees(user) is True for user in stayers)
    assert all(sockets[user].call("getSelfInfo")["tag"] == user.tag for user in stayers)
    for user in leavers:  # once more online, as above, but never again after they are gone
        events = observer.events(user)
        gone = events[-1] == OFFLINE
        assert events == [ONLINE] * (len(events) - gone) + [OFFLINE] * gone, events


@pytest.mark.slow
def test_gateway_frozen_for_eight_seconds(whole, crowd):
    observer = Observer(whole, crowd, 4, gateway=1)
    sockets = observer.bring_online()
    whole.freeze("gateway", 1)
    pass_time(8, "the time for which the gateway is frozen")
    whole.resume("gateway", 1)
    for user, socket in zip(observer.watched, sockets):
        observer.wait_state(user, True)
        assert socket.call("getSelfInfo")["tag"] == user.tag
    wait_until(lambda: all(observer.events(user)[-1] == ONLINE for user in observer.watched),
               "the last notification about each to be online")
    stays_true(lambda: all(observer.sees(user) is True for user in observer.watched), 2,
               "the state stays right")
    for user in observer.watched:
        assert alternates(observer.events(user)), observer.events(user)
    sockets[0].close()
    observer.wait_state(observer.watched[0], False)
    wait_until(lambda: observer.events(observer.watched[0])[-1] == OFFLINE, "the notification that they are offline")


def test_presence_instance_frozen_under_use(whole, crowd):
    """An instance that hangs is no reason for a wrong state later."""
    observer = Observer(whole, crowd, 4, gateway=1)
    sockets = observer.bring_online()
    whole.freeze("presence", 0)
    for socket in sockets[:2]:
        socket.close()
    pass_time(3, "the time for which the instance is frozen")
    whole.resume("presence", 0)
    for user, online in zip(observer.watched, (False, False, True, True)):
        observer.wait_state(user, online)
    for user in observer.watched[:2]:
        observer.wait_events(user, [ONLINE, OFFLINE])
    for user in observer.watched[2:]:
        assert observer.events(user) == [ONLINE]


def test_a_gateway_that_stops_closes_its_sockets_with_1001(whole, crowd):
    observer = Observer(whole, crowd, 3, gateway=1)
    sockets = observer.bring_online()
    whole.terminate("gateway", 1)
    for user, socket in zip(observer.watched, sockets):
        code, _ = socket.wait_closed()
        assert code == 1001
        observer.wait_events(user, [ONLINE, OFFLINE])
    whole.restart("gateway", 1)
    observer.watched[0].socket()
    observer.wait_events(observer.watched[0], [ONLINE, OFFLINE, ONLINE])
    stays_true(lambda: observer.events(observer.watched[1]) == [ONLINE, OFFLINE], 1,
               "the start of a gateway makes nobody else online")


def test_presence_works_as_soon_as_readyz_is_ok(crowd):
    """A user who connects and disconnects right after the start is notified like any other."""
    for _ in range(4):
        own = Stack().start()
        try:
            observer = Observer(own, crowd, 1, gateway=0)
            (user,) = observer.watched
            with user.socket():
                observer.wait_events(user, [ONLINE])
            observer.wait_events(user, [ONLINE, OFFLINE])
        finally:
            own.destroy()


def test_offline_grace_hides_a_page_reload():
    """Within presence.offlineGraceMs a new socket makes as if there had been no gap."""
    with Stack(settings={"presence.offlineGraceMs": 5000}) as own:
        crowd = Crowd()
        observer = Observer(own, crowd, 1, gateway=0)
        (user,), (socket,) = observer.watched, observer.bring_online()
        socket.close()
        user.socket().call("getSelfInfo")
        assert observer.sees(user) is True
        user.close()
        observer.wait_events(user, [ONLINE, OFFLINE])
        crowd.close()


def test_a_query_during_the_start_is_answered_when_presence_is_known(whole, crowd):
    observer = Observer(whole, crowd, 2, gateway=1)
    observer.bring_online()
    for instance in range(2):
        whole.freeze("presence", instance)
    assert not any(dialog["userInfo"]["isOnline"] for dialog in observer.socket.call("getDialogsList"))
    counts = [len(observer.events(user)) for user in observer.watched]
    for instance in range(2):
        whole.resume("presence", instance)
    wait_until(lambda: [len(observer.events(user)) for user in observer.watched] == [n + 1 for n in counts],
               "a notification about each who is online")
    assert all(set(observer.events(user)) == {ONLINE} for user in observer.watched)


def hop(observers, user, times):
    """Opens and closes sockets of the user, at one gateway and then the other, as fast as it goes, and
    ends with an open one."""
    for number in range(times):
        user.socket(gateway=number % 2).drop()
    user.socket(gateway=times % 2)
    for observer in observers:
        wait_until(lambda: observer.events(user) and observer.events(user)[-1] == ONLINE and observer.sees(user),
                   lambda: f"{user.tag} to be online, notified: {observer.events(user)}")


def test_reconnecting_quickly_over_two_gateways_alternates_online_and_offline(whole, crowd):
    """Of each contact, whatever gateway it is connected to: several users at the same time."""
    here, there = Observer(whole, crowd, 6, gateway=0), Observer(whole, crowd, 0, gateway=0)
    there.socket.close()
    there.socket = there.user.socket(gateway=1)
    for user in here.watched:
        befriend(there.socket, user)
    threads = [threading.Thread(target=hop, args=([here, there], user, 25)) for user in here.watched]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * PATIENCE_SECONDS)
        assert not thread.is_alive()

    def all_end_online():
        seen = [observer.events(user) for observer in (here, there) for user in here.watched]
        assert all(map(alternates, seen)), seen
        return all(events[-1] == ONLINE for events in seen)
    wait_lasting(all_end_online, 3, "everybody to be online at the end")
