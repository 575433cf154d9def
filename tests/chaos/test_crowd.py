"""The crowd's presence is found to be wrong while it is, and only then."""

import time

import pytest

from chaos import crowd as crowds
from chaos.crowd import Crowd
from chaos.ledger import OFFLINE, ONLINE
from support.wait import wait_until

TAGS = [f"@crowd{number:02}" for number in range(crowds.COUNT)]


class FakeHerd:
    def __init__(self, tokens):
        self.ports = {}

    def open(self, tag, port):
        self.ports[tag] = port
        return True

    def close(self, tag):
        self.ports.pop(tag, None)

    def is_open(self, tag, port):
        return self.ports.get(tag) == port

    def __exit__(self, *exception):
        pass


class FakeLine:
    """Shows who is there, but for the planted faults: tag -> what is shown instead; and it pushes nothing."""

    town, planted, open = None, {}, True

    def __init__(self, url, token, on_push):
        self.on_push = on_push

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass

    def close(self, timeout):
        pass

    def ask(self, method, params, note):
        if method == "getDialogsList":
            return [{"userInfo": {"tag": tag, "isOnline": self.planted.get(tag, tag in self.town._herd.ports)}}
                    for tag in TAGS]
        return {}


@pytest.fixture
def crowd(monkeypatch):
    monkeypatch.setattr(crowds, "Line", FakeLine)
    monkeypatch.setattr(crowds, "Herd", FakeHerd)
    monkeypatch.setattr(crowds, "signup", lambda url, fields: fields["tag"])
    monkeypatch.setattr(crowds, "token_of", lambda answer: answer)
    monkeypatch.setattr(crowds, "STAYS_SECONDS", 0.2)
    crowd = Crowd(1, lambda gateway: "", [1, 2])
    FakeLine.town, FakeLine.planted = crowd, {}
    crowd.start()
    yield crowd
    crowd.end()


def wait_right(crowd):
    return crowd.wait_right(time.monotonic() + 1)


def test_they_come_and_go(crowd):
    wait_until(lambda: len(crowd._herd.ports) > 3, "some to connect")
    before = dict(crowd._herd.ports)
    wait_until(lambda: set(before) - set(crowd._herd.ports), "one to disconnect")


def test_a_presence_that_is_right(crowd):
    assert wait_right(crowd) is None


def rest(crowd):
    crowd._churning.clear()
    wait_until(lambda: crowd._moved.is_set(), "all to be where they want to be")


@pytest.mark.parametrize("there", [True, False])
def test_a_presence_that_stays_wrong(crowd, there):
    wait_until(lambda: 0 < len(crowd._herd.ports) < crowds.COUNT, "some to connect")
    rest(crowd)
    tag = next(tag for tag in TAGS if (tag in crowd._herd.ports) == there)
    FakeLine.planted = {tag: not there}
    assert f"by list at gateway-0: {{'{tag}': {not there}}}" == wait_right(crowd)


def test_a_wrong_notification(crowd):
    assert wait_right(crowd) is None
    rest(crowd)
    there = TAGS[0] in crowd._herd.ports
    crowd._lines[1].on_push(OFFLINE if there else ONLINE, {"tag": TAGS[0]})
    assert f"by pushes at gateway-1: {{'{TAGS[0]}': {not there}}}" in crowd._problem()


def test_someone_who_cannot_connect(crowd, monkeypatch):
    monkeypatch.setattr(FakeHerd, "open", lambda herd, tag, port: False)
    wait_until(lambda: any(crowd._wanted.values()) and not all(t in crowd._herd.ports for t, p in
                                                               crowd._wanted.items() if p), "one to be refused")
    assert wait_right(crowd) == "not everyone could connect"
