"""The bench itself: it measures, it reports failures, and it fills stores correctly."""

import json
import sqlite3
import subprocess

import pytest

from bench import figures, generator
from bench.figures import Book, Figure, Goal
from bench.stage import Stage, World
from support.client import Socket
from support.process import REPOSITORY
from support.stack import Stack
from support.wait import PATIENCE_SECONDS

RUN = REPOSITORY / "tests" / "bench" / "run.py"
CONTACTS, DEEP = 20, 300


def run(*arguments):
    return subprocess.run([RUN, *map(str, arguments)], capture_output=True, text=True, timeout=240)


def quickly(output, *arguments):
    done = run("--smoke", "--seconds", "0.3", "--pairs", "8", "--output", output, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads(output.read_text())


# A run

def test_a_run_prints_a_table_and_writes_a_file(tmp_path):
    text, result = quickly(tmp_path / "one.json", "--only", "send")
    found = result["figures"]
    for key in ("floor.one.p50", "floor.many.per_s", "send.max.delivered", "send.max.cpu.gateway",
                "send.max.cpu.generator", "send.half.to_delivered.p99", "send.one.to_delivered.p50"):
        assert found[key]["median"] > 0, key
        assert found[key]["title"] in text
    assert found["send.max.delivered"]["goal"].endswith("(40 % of the floor)")
    assert found["send.max.delivered"]["met"] in (True, False)
    for key in ("commit", "date", "cores", "processor", "options", "notes"):
        assert key in result


@pytest.mark.parametrize("arguments, says", [
    (["--only", "send,everything"], "no such parts: everything"),
    (["--repeats", "0"], "must be at least 1"),
    (["--seconds", "0"], "must be greater than 0"),
    (["--baseline", "/dev/null"], "is no output of this program"),
    (["--nats", "nats://localhost"], "go with --address"),
    (["--fast"], "unrecognized arguments"),
])
def test_wrong_usage_is_reported(arguments, says):
    done = run(*arguments)
    assert done.returncode == 2
    assert says in done.stderr


@pytest.mark.parametrize("arguments, says", [
    (["nothing"], "there is no scenario"),
    (["send", "--pairs", "0"], "--address is missing"),
    (["floor", "--callers", "0"], "--callers must be a whole number, at least 1"),
    (["floor", "--caller", "1"], "unknown option --caller"),
    (["floor", "--callers"], "--callers needs a value"),
])
def test_the_generator_reports_wrong_usage(arguments, says):
    done = subprocess.run([generator.BINARY, *arguments], capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert done.returncode == 1
    assert says in done.stderr


# The table

def a_book():
    book = Book()
    for value in (100, 300, 200):
        book.add("Floor", "floor", Figure("requests", "/s"), value)
        book.add("Ours", "ours", Figure("messages", "/s", Goal(">=", figures.times("floor", 0.4), "40 %")), value / 4)
        book.add("Ours", "time", Figure("p99", "us", Goal("<=", 5)), 3)
        book.add("Ours", "alone", Figure("other", "", Goal("<=", figures.times("nothing", 2))), 1)
    return book


def test_goals_are_judged_by_the_median():
    book = a_book()
    assert book.goal("ours") == (">= 80.0 (40 %)", False)
    assert book.goal("time") == ("<= 5.00", True)
    assert book.goal("alone") == ("", None)
    assert book.summary() == "1 of 2 goals met"


def test_the_table_compares_with_another_run():
    before = {"ours": {"median": 25}}
    lines = list(figures.table(a_book(), before))
    row = next(line for line in lines if "messages" in line).split()
    assert row[-2:] == ["25.0", "2.00"]
    assert "25.0 - 75.0" in " ".join(row)
    assert "MISSED" in row


# What is filled

@pytest.fixture(scope="module")
def stage():
    library = FreshLibrary()
    with Stage(library, World(100, rounds=3, deep=DEEP, contacts=CONTACTS)) as stage:
        yield stage


class FreshLibrary:
    def copy(self, world, directory):
        world.make(directory)
        self.check(world, sqlite3.connect(directory / "messages.db"))

    @staticmethod
    def check(world, store):
        """Every number of a dialog is what the messages say, in all of them."""
        assert store.execute("SELECT count(*) FROM message").fetchone()[0] == world.messages()
        wrong = store.execute("""
            SELECT * FROM dialog d JOIN (
                SELECT a.id owner, m.rowid >> 32 conversation, max(m.rowid & 0xFFFFFFFF) last_seq, count(*) messages,
                       count(DISTINCT m.rowid) seqs, max(date_ms) date,
                       sum(sender = a.id) sent, sum(receiver = a.id) received,
                       max(iif(sender = a.id, sender_count, 0)) sender_count,
                       max(iif(sender = a.id, sender_mod, receiver_mod)) mod
                FROM account a JOIN message m ON a.id IN (m.sender, m.receiver) GROUP BY 1, 2) t USING (owner, conversation)
            WHERE d.last_seq <> t.last_seq OR t.messages <> t.last_seq OR d.last_date_ms <> t.date OR d.last_mod <> t.mod
               OR d.mod <> t.mod OR d.in_count <> t.received OR d.out_count <> t.sent OR t.sender_count <> t.sent
            """).fetchall()
        assert not wrong
        assert not store.execute("""
            SELECT * FROM account a WHERE user_seq <> (
                SELECT count(*) FROM message m WHERE a.id IN (m.sender, m.receiver))""").fetchall()


def socket_of(stage, number):
    line = open(stage.roster((number, 1))).read().split()
    return Socket(stage.stack.url(), line[1])


def test_a_filled_store_reads_as_if_clients_had_written_it(stage):
    one, other = stage.world.deep_pair
    other_tag, ring_tag = stage.tags((other, 1)) + stage.tags((1, 1))
    with socket_of(stage, one) as socket:
        seqs = [message["seq"] for message in socket.call("getMessagesWithUser", [other_tag, 0, 1000])]
        assert seqs == list(range(DEEP, 0, -1))
        assert [user["tag"] for user in socket.call("findUsersByTag", [ring_tag])] == [ring_tag]
    with socket_of(stage, stage.world.hub) as socket:
        assert len(socket.call("getDialogsList", [0, 1000])) == CONTACTS
    with socket_of(stage, 0) as socket:
        hello = socket.call("hello")
        answer = socket.call("sync", [hello["epoch"], 0, 1000])
        messages = [message for dialog in answer["dialogs"] for message in dialog["messages"]]
        assert len(messages) == hello["position"] == answer["position"] == 4 * 3 + 2
        assert len(socket.call("getDialogsList")) == 5


def test_a_message_that_is_not_stored_ends_the_run(stage):
    options = dict(address=stage.address, roster=stage.roster((0, 4)), pairs=2, seconds=0.2, warm_up=0)
    assert generator.run("send", **options)["sent"] > 0
    stage.stack.kill("message")
    with pytest.raises(generator.Failed):
        generator.run("send", **options)
    stage.stack.restart("message")


# Elsewhere

def test_a_messenger_elsewhere_is_measured_by_what_its_clients_see(tmp_path):
    with Stack() as stack:
        address = f"127.0.0.1:{stack.ports[0]}"
        text, result = quickly(tmp_path / "out.json", "--only", "send,reads", "--address", address,
                               "--nats", f"nats://127.0.0.1:{stack.nats_port}")
    assert result["figures"]["send.max.share"]["median"] > 0
    assert "reads: left out" in text


def test_limits_of_a_messenger_elsewhere_are_reported(tmp_path):
    with Stack(settings={"limits.signupsPerMinute": 2}) as stack:
        done = run("--smoke", "--only", "send", "--address", f"127.0.0.1:{stack.ports[0]}",
                   "--output", tmp_path / "out.json")
    assert done.returncode == 1
    assert "MESSENGER_LIMITS_SIGNUPS_PER_MINUTE=0" in done.stderr
