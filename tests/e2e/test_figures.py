"""Figures of this machine, for people to read: they are printed and kept, not judged."""

import os
import signal
import statistics
import time

import pytest

from support.load import Load
from support.local_run import LocalRun
from support.process import REPOSITORY
from support.stack import Stack

PAIRS = 50
SECONDS = 5
REPORT = REPOSITORY / "build" / "test-figures.txt"


@pytest.fixture(scope="module")
def report():
    """Lines added here are printed and written to the file when the module is done."""
    lines = []
    yield lines
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text("\n".join(lines) + "\n")
    print("\n" + "\n".join(lines))


def make_pairs(stack, crowd):
    users = crowd.users(stack, 2 * PAIRS)
    return [(sender.token, receiver.token, receiver.tag)
            for sender, receiver in zip(users[::2], users[1::2])]


@pytest.mark.slow
@pytest.mark.parametrize("instances", [1, 2], ids=["one of each", "two of each"])
def test_messages_of_fifty_pairs(crowd, report, instances):
    settings = {"webSocket.maxConnections": 2000, "log.level": "info"}
    with Stack(instances, instances, instances, instances, settings=settings) as stack:
        idle = {p.name: p.resident_kib() for p in stack.programs()}
        load = Load(stack.ports, make_pairs(stack, crowd))
        figures = load.run(SECONDS)
        report.append(f"{PAIRS} pairs, {instances} of each program")
        report.extend("  " + line for line in figures.lines())
        for program in stack.programs():
            report.append(f"  {program.name}: {program.resident_kib() / 1024:.1f} MiB resident, "
                          f"{idle[program.name] / 1024:.1f} MiB before any user")
        lost = load.lost()
        load.close()
        assert (figures.errors, lost) == (0, 0)


def test_time_from_make_run_to_ready(report, tmp_path):
    """Everything is built already; the first start makes the databases, too."""
    seconds = []
    for _ in range(3):
        begin = time.monotonic()
        with LocalRun(tmp_path) as run:
            run.wait_ready()
            seconds.append(time.monotonic() - begin)
            os.kill(run.process.pid, signal.SIGTERM)
            run.wait_stopped()
    report.append(f"make run to ready: {statistics.median(seconds):.2f} s "
                  f"({', '.join(f'{s:.2f}' for s in seconds)})")
