"""Faults that must be alone are: what is active ends before, and what follows is later."""

import threading

import pytest

from chaos import faults
from chaos.faults import Breaker
from chaos.schedule import Fault, Kind


class Recorder:
    """A kind of fault that says when it was begun and ended; `hold` is how long its end takes longer than planned."""

    def __init__(self, events, hold=0.0):
        self._events, self._hold = events, hold

    def inject(self, site, fault):
        self._events.append(("begin", fault.kind))

    def heal(self, site, fault):
        threading.Event().wait(self._hold)
        self._events.append(("end", fault.kind))


@pytest.fixture
def events(monkeypatch):
    events = []
    monkeypatch.setattr(faults, "DOERS", {"plain": Recorder(events), "lonely": Recorder(events, hold=0.3)})
    monkeypatch.setattr(faults, "KINDS", {"plain": Kind((), ()), "lonely": Kind((), (), alone=True, calm=0.2)})
    return events


class Site:
    def wait_ready(self):
        pass


def run(*made):
    breaker = Breaker(Site(), made, lambda text: None)
    breaker.run()
    return breaker


def test_one_that_must_be_alone_waits_for_the_others_and_they_for_it(events):
    breaker = run(Fault("plain", ("a",), 0.0, 0.2), Fault("lonely", ("b",), 0.1, 0.1), Fault("plain", ("a",), 0.3, 0.1))
    assert events == [("begin", "plain"), ("end", "plain"), ("begin", "lonely"), ("end", "lonely"), ("begin", "plain"),
                      ("end", "plain")]
    first, lonely, last = breaker.done
    assert first.healed_at <= lonely.injected_at and lonely.healed_at + 0.2 <= last.injected_at
    assert breaker.current() == ""


def test_others_overlap(events):
    run(Fault("plain", ("a",), 0.0, 0.3), Fault("plain", ("b",), 0.1, 0.1))
    assert [what for what, _ in events] == ["begin", "begin", "end", "end"]


def test_the_run_ends_after_the_calm(events):
    breaker = run(Fault("lonely", ("a",), 0.0, 0.1))
    assert breaker.now() >= breaker.done[0].healed_at + 0.2
