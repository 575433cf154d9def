"""What others notice of slow clients is found, and only that."""

import threading
import types

import pytest

from chaos import faults_clients
from chaos.faults_clients import Watch
from chaos.line import Again
from support.wait import wait_until


class Site:
    """One gateway with a program that has used so much memory."""

    def __init__(self, memory_kib=1000):
        self.links, self.findings = [None], []
        self.crowd = types.SimpleNamespace(token="token")
        program = types.SimpleNamespace(name="gateway-0", alive=True, resident_kib=lambda field: memory_kib)
        self.stack = types.SimpleNamespace(url=lambda gateway: "", programs=lambda kind: [program])

    def report(self, check, where, detail):
        self.findings.append(check)


class FakeLine:
    """Answers after `seconds`, or fails with `error`."""

    seconds, error, asked = 0.0, None, 0

    def __init__(self, url, token, on_push):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass

    def ask(self, method, params, note):
        FakeLine.asked += 1
        threading.Event().wait(self.seconds)
        if self.error:
            raise self.error


@pytest.fixture(autouse=True)
def line(monkeypatch):
    monkeypatch.setattr(faults_clients, "Line", FakeLine)
    monkeypatch.setattr(faults_clients, "DELAY_SECONDS", 0.2)
    monkeypatch.setattr(FakeLine, "seconds", 0.0)
    monkeypatch.setattr(FakeLine, "error", None)
    monkeypatch.setattr(FakeLine, "asked", 0)
    return FakeLine


def watch(site):
    one = Watch(site)
    wait_until(lambda: FakeLine.asked > 0, "a call")
    one.end()
    return site.findings


def test_calls_that_are_answered_at_once_are_no_finding(line):
    assert watch(Site()) == []


def test_a_call_that_is_delayed(line):
    line.seconds = 0.3
    assert watch(Site()) == ["delayed"]


def test_a_call_that_fails(line):
    line.error = Again("no answer")
    assert watch(Site()) == ["delayed"]


def test_a_gateway_that_buffers_without_a_bound(line):
    assert watch(Site(memory_kib=500 * 1024)) == ["memory"]
