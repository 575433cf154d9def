"""Presence is right within ten seconds after NATS answers again, whatever happened to it meanwhile.

A thousand users are contacts of one who watches; what they want to be is known, and what the lists
and the notifications say of them is compared with it."""

import base64
import collections
import json
import random
import shutil
import time

import pytest

from bench import generator
from support.client import RpcError, Socket
from support.herd import Herd
from support.nats_server import CURRENT, INSTALLED, NoServer, find_server
from support.protobuf import parse
from support.stack import Stack
from support.wait import wait_until

OFFLINE, ONLINE = 3100, 3101
RIGHT_SECONDS = 10
STAYS_SECONDS = 1
GATEWAYS = 2


class Town:
    """`wanted` has a gateway, or None, for each of `count` users. The watcher sees them all: one socket
    receives the notifications; the other one, at another gateway, reads lists."""

    def __init__(self, count, **options):
        self.stack = Stack(gateways=GATEWAYS, messages=2, presences=2, settings={"webSocket.maxConnections": 2000},
                           **options)
        self.count, self.wanted, self._rng = count, {}, random.Random(7)

    def __enter__(self):
        data = self.stack.directory / "data"
        data.mkdir()
        generator.run("fill", directory=data, users=self.count + 3, contacts=self.count, memory_kib=8, passes=1)
        self.stack.start()
        self.stack.wait_all_instances()
        (self.stack.directory / "key").write_text(self.stack.jwt_key)
        roster = generator.text_of("roster", key_file=self.stack.directory / "key", first=0, count=self.count + 3)
        people = [line.split() for line in roster.splitlines()]
        self.tags = [tag for tag, _ in people[:self.count]]
        self.herd = Herd(dict(people[:self.count]))
        self.wanted = dict.fromkeys(self.tags)
        self.hub = people[-1][1]
        self.watcher, self.reader = Socket(self.stack.url(0), self.hub), Socket(self.stack.url(1), self.hub)
        return self

    def __exit__(self, kind, *rest):
        self.herd.__exit__()
        self.watcher.close()
        self.reader.close()
        self.stack.stop() if kind is None else self.stack.destroy()

    # What the users do

    def want(self, share):
        """Some are to be online, at gateways of chance; the others are not."""
        for tag in self.tags:
            self.wanted[tag] = self._rng.randrange(GATEWAYS) if self._rng.random() < share else None

    def change(self, count):
        """So many change their mind."""
        for tag in self._rng.sample(self.tags, count):
            self.wanted[tag] = self._rng.randrange(GATEWAYS) if self.wanted[tag] is None else None
            if self.wanted[tag] is None:
                self.herd.close(tag)

    def move(self):
        """One try each of those who are not where they want to be; true when all are."""
        for tag in self.tags:
            port = None if self.wanted[tag] is None else self.stack.ports[self.wanted[tag]]
            if self.herd.is_open(tag, port):
                continue
            self.herd.close(tag)
            if port is not None and not self.herd.open(tag, port):
                return False
        return True

    # What the watcher sees

    def wrong(self):
        """Users whose state in the list is not what it is."""
        try:
            dialogs = self.reader.call("getDialogsList", [0, self.count])
        except RpcError as error:
            assert error.code == -32001, error
            return self.tags
        shown = {dialog["userInfo"]["tag"]: dialog["userInfo"]["isOnline"] for dialog in dialogs}
        return [tag for tag in self.tags if shown[tag] != (self.wanted[tag] is not None)]

    def events(self):
        """The notifications of each user."""
        events = collections.defaultdict(list)
        for notification in self.watcher.seen():
            if notification.code in (OFFLINE, ONLINE):
                (tag,) = notification.body.values()
                events[tag].append(notification.code)
        return events

    def badly_notified(self):
        """Users whose notifications do not alternate, or do not end with their state."""
        events = self.events()
        return {tag: events[tag] for tag in self.tags
                if events[tag] != [ONLINE, OFFLINE] * (len(events[tag]) // 2) + [ONLINE] * (len(events[tag]) % 2)
                or len(events[tag]) % 2 != (self.wanted[tag] is not None)}

    def all_right(self):
        return (all(self.stack.ready(gateway) for gateway in range(GATEWAYS)) and not self.wrong()
                and not self.badly_notified())

    def is_announced(self):
        """Nobody's event is under way. One that is may be followed by a pair that changes nothing: of a user who has
        gone and come again meanwhile."""
        with self.stack.bus("presence") as bus:
            for tag in self.tags:
                wanted = json.dumps({"last_by_subj": f"$KV.presence.{tag[1:].lower()}"})
                answer = bus.request("$JS.API.STREAM.MSG.GET.KV_presence", wanted.encode()).json()
                if "message" in answer and not parse("PresenceEntry", base64.b64decode(answer["message"]["data"])).announced:
                    return False
        return True

    def settle(self):
        wait_until(self.move, "all sockets to be open")
        wait_until(self.all_right, lambda: f"presence to be right; {len(self.wrong())} wrong in the list, "
                                           f"notified: {self.badly_notified()}")
        wait_until(self.is_announced, "all events to be acknowledged")

    def recover(self):
        """From now on it takes at most RIGHT_SECONDS until everything is right and stays so."""
        begin = right_since = time.monotonic()

        def stays_right():
            nonlocal right_since
            if not self.move() or not self.all_right():
                right_since = time.monotonic()
            return time.monotonic() - right_since > STAYS_SECONDS
        wait_until(stays_right, lambda: f"presence to be right; {len(self.wrong())} wrong in the list, "
                                        f"notified: {self.badly_notified()}")
        took = right_since - begin
        print(f"{self.count} users: right after {took:.1f} s")
        assert took <= RIGHT_SECONDS, f"right after {took:.1f} s"


def drift_for(town, seconds, count):
    """Users change their mind all the time; who wants to be online tries."""
    until = time.monotonic() + seconds

    def go_on():
        town.change(count)
        town.move()
        return time.monotonic() < until
    wait_until(lambda: not go_on(), "the time to pass", seconds + 60)


def server_of(version):
    try:
        return find_server(version)
    except NoServer as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module", params=[INSTALLED, CURRENT])
def town(request):
    with Town(100, nats_server=server_of(request.param)) as shared:
        yield shared


@pytest.fixture
def lively(town):
    """Half of them are there, and all is right."""
    town.stack.repair()
    town.want(0.5)
    town.settle()
    return town


def js_api(town, what, **request):
    with town.stack.bus("presence") as bus:
        answer = bus.request(f"$JS.API.STREAM.{what}.KV_presence", json.dumps(request).encode()).json()
    assert "error" not in answer, answer
    return answer


def bucket_exists(town):
    with town.stack.bus("presence") as bus:
        return "error" not in bus.request("$JS.API.STREAM.INFO.KV_presence").json()


def test_its_directory_is_wiped_while_it_is_down(lively):
    lively.stack.stop_nats()
    shutil.rmtree(lively.stack.directory / "nats-0")
    lively.change(30)
    lively.stack.start_nats()
    lively.recover()


def test_the_bucket_is_deleted(lively):
    before = lively.events()
    js_api(lively, "DELETE")
    wait_until(lambda: bucket_exists(lively), "the bucket to be there again", RIGHT_SECONDS)
    lively.recover()
    assert lively.events() == before, "nobody came or went"


def test_the_bucket_is_deleted_while_users_come_and_go(lively):
    for _ in range(3):
        lively.change(10)
        wait_until(lambda: bucket_exists(lively), "the bucket to be there again", RIGHT_SECONDS)
        js_api(lively, "DELETE")
        lively.change(10)
        lively.move()
    lively.recover()


def test_the_bucket_is_deleted_while_nobody_is_there(lively):
    """Nothing comes from the watch, and there is nothing to restore."""
    lively.want(0)
    lively.settle()
    js_api(lively, "DELETE")
    wait_until(lambda: bucket_exists(lively), "the bucket to be there again", RIGHT_SECONDS)
    lively.want(0.5)
    lively.recover()


def test_the_bucket_is_purged(lively):
    js_api(lively, "PURGE")
    lively.change(20)
    lively.recover()


def test_the_bucket_is_purged_while_users_come_and_go(lively):
    for _ in range(3):
        lively.change(10)
        js_api(lively, "PURGE")
        drift_for(lively, 1, 3)
    lively.recover()


def test_one_entry_is_purged(lively):
    """Of a user who is online and does nothing: the next change is of somebody else."""
    tag = next(tag for tag in lively.tags if lively.wanted[tag] is not None)
    js_api(lively, "PURGE", filter=f"$KV.presence.{tag[1:]}")
    wait_until(lambda: f"$KV.presence.{tag[1:]}" in
               js_api(lively, "INFO", subjects_filter="$KV.presence.*")["state"].get("subjects", {}),
               "the entry to be there again", RIGHT_SECONDS)
    lively.recover()


def test_one_entry_is_deleted(lively):
    """As `nats kv del` does it, with a mark."""
    tag = next(tag for tag in lively.tags if lively.wanted[tag] is not None)
    with lively.stack.bus() as bus:
        bus.publish(f"$KV.presence.{tag[1:]}", headers={"KV-Operation": "DEL"})
    lively.change(10)
    lively.recover()


def test_the_bucket_is_replaced_by_another_program(lively):
    """With a state that was right some time ago."""
    config = js_api(lively, "INFO")["config"]
    js_api(lively, "DELETE")
    js_api(lively, "CREATE", **config)
    lively.change(10)
    lively.recover()


def test_it_is_away_for_a_moment_several_times(lively):
    for _ in range(3):
        lively.stack.stop_nats()
        lively.change(10)
        lively.stack.start_nats()
        lively.change(10)
        lively.move()
    lively.recover()


def test_a_presence_instance_starts_while_the_bucket_is_gone(lively):
    lively.stack.kill("presence", 0)
    js_api(lively, "DELETE")
    lively.stack.restart("presence", 0, ready=False)
    lively.change(10)
    lively.recover()


@pytest.mark.slow
def test_a_gateway_ends_while_nats_is_away(lively):
    """It cannot say so: its users are found to be gone."""
    lively.stack.stop_nats()
    lively.stack.kill("gateway", 1)
    for tag in lively.tags:
        if lively.wanted[tag] == 1:
            lively.wanted[tag] = None
    lively.stack.start_nats()
    begin = time.monotonic()
    wait_until(lambda: not lively.badly_notified(), "all to be notified")
    assert time.monotonic() - begin <= RIGHT_SECONDS
    lively.stack.restart("gateway", 1)
    lively.reader.close()
    lively.reader = Socket(lively.stack.url(1), lively.hub)
    lively.recover()


@pytest.mark.slow
@pytest.mark.parametrize("version", [INSTALLED, CURRENT])
def test_the_member_of_a_cluster_that_has_the_only_copy_restarts(version):
    with Town(100, nats_nodes=3, nats_server=server_of(version)) as town:
        wait_until(town.stack.nats_whole, "the cluster to be whole")
        town.want(0.5)
        town.settle()
        index = int(js_api(town, "INFO")["cluster"]["leader"].removeprefix("nats-"))
        town.stack.nats_node(index).kill()
        drift_for(town, 5, 3)
        town.stack.start_nats_node(index)
        town.recover()
        assert all(node.alive for node in town.stack.nats_nodes())


@pytest.mark.slow
def test_a_thousand_users_come_and_go_while_nats_is_away_for_a_minute():
    with Town(1000) as town:
        town.want(0.5)
        town.settle()
        town.stack.stop_nats()
        drift_for(town, 60, 5)
        town.stack.start_nats()
        town.recover()
