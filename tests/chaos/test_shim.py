"""The shim makes a disk full or slow and a clock wrong, for one process, and takes it back."""

import subprocess
import sys

import pytest

from chaos import shim
from support.process import REPOSITORY
from support.wait import PATIENCE_SECONDS, wait_until

# Answers each line: what became of writing, syncing and asking for the time.
CHILD = """
import errno, os, sys, threading, time
for line in sys.stdin:
    try:
        file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
        os.pwrite(file, b"x" * 100, 0)
        os.write(file, b"y")
        os.ftruncate(file, 1000)
        wrote = "wrote"
    except OSError as error:
        wrote = errno.errorcode[error.errno]
    began = time.monotonic()
    os.fsync(file)
    synced = time.monotonic() - began
    os.close(file)
    print(wrote, synced, time.time(), flush=True)
"""


@pytest.fixture(scope="module", autouse=True)
def library():
    subprocess.run(["make", "-s", "build/chaos/fault_shim.so"], cwd=REPOSITORY, check=True)


class Child:
    def __init__(self, control, path):
        self._process = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(path)], env=control.environment(), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self):
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        wrote, synced, now = self._process.stdout.readline().split()
        return wrote, float(synced), float(now)

    def close(self):
        self._process.communicate(timeout=PATIENCE_SECONDS)


@pytest.fixture
def control(tmp_path):
    (tmp_path / "data").mkdir()
    return shim.Shim(tmp_path / "control", tmp_path / "data")


@pytest.fixture
def child(control, tmp_path):
    child = Child(control, tmp_path / "data" / "file")
    yield child
    child.close()


def test_the_disk_is_full_until_it_is_not(control, child):
    assert child.ask()[0] == "wrote"
    control.set(disk_full=1)
    assert child.ask()[0] == "ENOSPC"
    control.clear()
    assert child.ask()[0] == "wrote"


def test_larger_files_are_accepted_elsewhere(control, tmp_path):
    control.set(disk_full=1)
    child = Child(control, tmp_path / "elsewhere")
    assert child.ask()[0] == "wrote"
    child.close()


def test_a_sync_takes_longer(control, child):
    control.set(sync_delay_ms=200)
    assert child.ask()[1] >= 0.2
    control.clear()
    wait_until(lambda: child.ask()[1] < 0.2, "a sync that takes no longer than the disk does")


@pytest.mark.parametrize("minutes", [10, -10])
def test_the_clock_is_wrong(control, child, minutes):
    right = child.ask()[2]
    control.set(clock_offset_ms=minutes * 60_000)
    assert abs(child.ask()[2] - right - minutes * 60) < 30
    control.clear()
    assert abs(child.ask()[2] - right) < 30
