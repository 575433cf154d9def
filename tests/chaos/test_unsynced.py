"""After a loss of power, what was synced is there, and what was not may not be."""

import os
import random
import sqlite3
import subprocess
import sys

import pytest

from chaos import log_tail, unsynced
from chaos.shim import Shim
from chaos.test_shim import library  # noqa: F401  (a fixture of this module, too)
from support.wait import PATIENCE_SECONDS

# Does what it is asked, and says so: write OFFSET TEXT, cut LENGTH, sync.
WRITER = """
import os, sys
file = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
for line in sys.stdin:
    what, *words = line.split()
    try:
        if what == "write":
            os.pwrite(file, words[1].encode(), int(words[0]))
        elif what == "cut":
            os.ftruncate(file, int(words[0]))
        else:
            os.fsync(file)
        print("done", flush=True)
    except OSError as error:
        print("failed", error.errno, flush=True)
"""

# Commits a row for each line.
COMMITTER = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA journal_mode=WAL")
db.execute("PRAGMA synchronous=" + sys.argv[2])
db.execute("CREATE TABLE IF NOT EXISTS t (n INTEGER)")
print("ready", flush=True)
for line in sys.stdin:
    try:
        db.execute("INSERT INTO t VALUES (?)", (int(line),))
        print("done", flush=True)
    except sqlite3.OperationalError as error:
        print("failed", error, flush=True)
"""


class Child:
    def __init__(self, control, script, *arguments):
        self._process = subprocess.Popen([sys.executable, "-c", script, *map(str, arguments)], text=True,
                                         env=control.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def read(self):
        return self._process.stdout.readline().strip()

    def ask(self, line):
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self.read()

    def kill(self):
        self._process.kill()
        self._process.communicate(timeout=PATIENCE_SECONDS)


class Machine:
    """A disk with one file; controls and journals of any number of programs."""

    def __init__(self, directory):
        self.directory, self.data = directory, directory / "data"
        self.data.mkdir()
        self.file, self.controls = self.data / "file", []

    def program(self, script, *arguments):
        control = Shim(self.directory / f"{len(self.controls)}.control", self.data)
        control.set(journal=1)
        self.controls.append(control)
        return Child(control, script, *arguments)

    def lose_power(self, torn=False, seed=0, block_size=unsynced.PAGE):
        return unsynced.drop([control.journal for control in self.controls], self.data, random.Random(seed), torn,
                             block_size)


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


@pytest.fixture
def writer(machine):
    child = machine.program(WRITER, machine.file)
    yield child
    child.kill()


def test_what_was_not_synced_is_gone(machine, writer):
    for line in ("write 0 aaaa", "sync", "write 2 bbbb", "write 9000 cc"):
        assert writer.ask(line) == "done"
    writer.kill()
    assert machine.lose_power() == 2
    assert machine.file.read_bytes() == b"aaaa"


def test_what_was_synced_is_there(machine, writer):
    for line in ("write 0 aaaa", "write 2 bbbb", "sync"):
        writer.ask(line)
    writer.kill()
    assert machine.lose_power() == 0
    assert machine.file.read_bytes() == b"aabbbb"


def test_a_planted_loss_of_something_synced_is_seen(machine, writer):
    """The record of the sync is taken away: as if the disk had not done it."""
    writer.ask("write 0 aaaa")
    writer.ask("sync")
    writer.kill()
    journal = machine.controls[0].journal
    journal.write_bytes(journal.read_bytes()[:-72])
    machine.lose_power()
    assert machine.file.read_bytes() == b""


def test_a_sync_of_another_program_counts(machine, writer):
    other = machine.program(WRITER, machine.file)
    writer.ask("write 0 aaaa")
    other.ask("sync")
    writer.ask("write 4 bbbb")
    for child in (writer, other):
        child.kill()
    machine.lose_power()
    assert machine.file.read_bytes() == b"aaaa"


def test_what_a_failed_sync_should_have_written_is_lost_for_good(machine, writer):
    writer.ask("write 0 aaaa")
    writer.ask("sync")
    writer.ask("write 5000 bbbb")
    machine.controls[0].set(sync_error=1)
    assert writer.ask("sync") == "failed 5"
    machine.controls[0].set(sync_error=0)
    assert writer.ask("sync") == "done"
    assert machine.file.read_bytes()[5000:] == b"bbbb", "it is still read from memory"
    writer.kill()
    machine.lose_power()
    assert machine.file.read_bytes()[:5000].rstrip(b"\0") == b"aaaa"
    assert b"b" not in machine.file.read_bytes()


def test_after_a_failed_sync_it_can_be_written_again(machine, writer):
    writer.ask("write 0 aaaa")
    machine.controls[0].set(sync_error=1)
    writer.ask("sync")
    machine.controls[0].set(sync_error=0)
    writer.ask("write 0 aaaa")
    writer.ask("sync")
    writer.kill()
    machine.lose_power()
    assert machine.file.read_bytes() == b"aaaa"


def test_a_length_that_was_cut_is_as_it_was_written(machine, writer):
    for line in ("write 0 aaaabbbb", "sync", "cut 4", "write 4 cc", "sync", "write 6 dddd"):
        writer.ask(line)
    writer.kill()
    machine.lose_power()
    assert machine.file.read_bytes() == b"aaaacc"


@pytest.mark.parametrize("seed", range(20))
def test_torn_writes_keep_some_blocks_and_never_something_else(machine, writer, seed):
    writer.ask("write 0 " + "a" * 2048)
    writer.ask("sync")
    writer.ask("write 0 " + "b" * 2048)
    writer.ask("write 512 " + "c" * 1024)
    writer.kill()
    machine.lose_power(torn=True, seed=seed, block_size=unsynced.SECTOR)
    data = machine.file.read_bytes()
    assert len(data) == 2048
    for start, letters in ((0, "ab"), (512, "abc"), (1024, "abc"), (1536, "ab")):
        assert data[start:start + 512] in [letter.encode() * 512 for letter in letters]


def test_torn_writes_differ():
    choices = {unsynced._choose(["open", "open"], random.Random(seed).choice) for seed in range(50)}
    assert choices == {0, 1, 2}


def rows(path):
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    with sqlite3.connect(path) as db:
        return [row[0] for row in db.execute("SELECT n FROM t ORDER BY n")]


@pytest.mark.parametrize("torn", [False, True])
def test_a_database_that_syncs_keeps_all_and_one_that_does_not_is_caught(machine, torn):
    kept = {}
    for synchronous in ("FULL", "OFF"):
        path = machine.data / f"{synchronous}.db"
        child = machine.program(COMMITTER, path, synchronous)
        assert child.read() == "ready"
        machine.controls[-1].end_journal()  # the table is there
        machine.controls[-1].set(journal=1)
        for number in range(30):
            assert child.ask(number) == "done"
        child.kill()
    machine.lose_power(torn)
    for synchronous in ("FULL", "OFF"):
        try:
            kept[synchronous] = len(rows(machine.data / f"{synchronous}.db"))
        except sqlite3.DatabaseError:
            kept[synchronous] = 0  # torn
    assert kept["FULL"] == 30
    assert kept["OFF"] < 30


def test_a_database_acknowledges_nothing_that_it_could_not_sync(machine):
    path = machine.data / "a.db"
    child = machine.program(COMMITTER, path, "FULL")
    child.read()
    answers = {}
    for number in range(30):
        machine.controls[0].set(sync_error=int(10 <= number < 20))
        answers[number] = child.ask(number)
    child.kill()
    assert all(answers[number].startswith("failed disk I/O error") for number in range(10, 20))
    machine.lose_power()
    assert rows(path) == [number for number in range(30) if answers[number] == "done"]


def test_the_end_of_a_log_is_cut_where_it_was_known_to_be(machine):
    path = machine.data / "a.db"
    child = machine.program(COMMITTER, path, "FULL")
    child.read()
    samples = []
    for number in range(10):
        child.ask(number)
        samples.append(log_tail.sample(path))
    child.kill()
    assert log_tail.cut(path, samples[3:]) == samples[3].time
    assert rows(path) == [0, 1, 2, 3]


def test_a_log_whose_end_was_not_known_stays(machine):
    path = machine.data / "a.db"
    child = machine.program(COMMITTER, path, "FULL")
    child.read()
    for number in range(3):
        child.ask(number)
    child.kill()
    log_tail.cut(path, [])
    assert rows(path) == [0, 1, 2]
    assert os.listdir(machine.data)
