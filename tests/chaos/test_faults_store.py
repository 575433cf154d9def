"""Copies of a store that the faults make are complete, and what a service must say is waited for."""

import contextlib
import sqlite3
import types

import pytest

from chaos import faults_store
from chaos.faults_store import TurnedBack, put_back
from chaos.schedule import Fault


class Site:
    """A store of messages in use; services that need not be stopped."""

    def __init__(self, directory):
        self.data, self.findings, self.turn_backs, self.links = directory / "data", [], [], [None]
        self.data.mkdir()
        self.stack = types.SimpleNamespace(directory=directory, url=lambda gateway, path: path)
        self.ledger = types.SimpleNamespace(note_turn_back=self.turn_backs.append, newest_numbers=dict)
        self.db = sqlite3.connect(self.data / "messages.db", isolation_level=None)
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("CREATE TABLE account (tag TEXT, user_seq INTEGER, superseded INTEGER)")

    def instances(self, service):
        return ["message-0"]

    def program(self, name):
        return types.SimpleNamespace(freeze=lambda: None, resume=lambda: None)

    def take_down(self, name, how):
        self.db.close()

    def bring_back(self, name):
        pass

    def report(self, check, where, detail):
        self.findings.append((check, where))

    def set(self, tag, user_seq):
        self.db.execute("INSERT INTO account VALUES (?, ?, 0)", (tag, user_seq))


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path)
    yield site
    site.db.close()


@pytest.mark.parametrize("way", [1, 2, 3, 4])
def test_a_store_is_as_it_was_when_it_was_copied(site, way):
    site.set("@anna", 7)
    fault, doer = Fault("turned-back", ("message-0",), 0, 1, way), TurnedBack()
    doer.inject(site, fault)
    site.set("@ben", 9)
    doer.heal(site, fault)
    turn_back, = site.turn_backs
    assert turn_back.positions == {"@anna": 7}
    assert turn_back.copied <= turn_back.turned <= turn_back.done
    with contextlib.closing(sqlite3.connect(site.data / "messages.db")) as db:
        assert db.execute("SELECT tag FROM account").fetchall() == [("@anna",)]


def test_the_log_of_the_old_store_is_not_read_with_the_copy(site, tmp_path):
    site.set("@anna", 7)
    copy = tmp_path / "copy.db"
    faults_store.with_vacuum(site.data / "messages.db", copy)
    site.set("@ben", 9)
    site.db.execute("PRAGMA user_version=1")
    put_back(site, "message", copy)
    assert faults_store.positions(site.data / "messages.db") == {"@anna": 7}


def answer(status, text):
    return types.SimpleNamespace(status_code=status, json=lambda: {"message": text})


@pytest.mark.parametrize("said, findings", [
    (answer(503, "messages.db is damaged"), []),
    (answer(200, "messages.db is damaged"), [("not-said", "message")]),
    (answer(503, "unavailable"), [("not-said", "message")]),
])
def test_a_service_that_does_not_say_what_is_wrong(site, monkeypatch, said, findings):
    monkeypatch.setattr(faults_store, "SAID_SECONDS", 0.2)
    monkeypatch.setattr(faults_store.requests, "get", lambda url, timeout: said)
    faults_store.wait_said(site, "message", "messages.db is damaged")
    assert site.findings == findings
