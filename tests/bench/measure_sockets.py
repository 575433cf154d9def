"""Very many idle sockets: their cost, how fast they open, how fast they reconnect."""

import os
import pathlib
import time

from bench import machine
from bench.figures import Figure, Goal
from bench.generator import Conversation

SECTION = "Idle sockets on one gateway"
TICKS = os.sysconf("SC_CLK_TCK")
ENDS_MOST = 5000  # connections, each of two ends


def _cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _end_kib(sockets):
    """What the kernel keeps for one end of a connection, and its entry in an epoll."""
    before = machine.kernel_kib()
    with Conversation("ends", sockets=sockets) as ends:
        assert ends.hear_line() == "ready"
        return max(0, machine.kernel_kib() - before) / (2 * sockets)


def _memory(book, stage, sockets, end_kib):
    resident = stage.stack.program("gateway").resident_kib() / sockets
    kernel = max(0, machine.kernel_kib() - stage.kernel_kib_before) / sockets - end_kib
    book.add(SECTION, "sockets.resident", Figure("resident in the gateway, a socket", "KiB", Goal("<=", 24)),
             resident)
    book.add(SECTION, "sockets.kernel", Figure("  and the kernel's share", "KiB"), kernel)
    book.add(SECTION, "sockets.memory", Figure("  both", "KiB", Goal("<=", 48)), resident + kernel)


def _idle(book, stage, seconds):
    pids = stage.pids()
    before = {name: _cpu_seconds(pid) for name, pid in pids.items()}
    time.sleep(seconds)
    used = {name: 100 * (_cpu_seconds(pid) - before[name]) / seconds for name, pid in pids.items()}
    book.add(SECTION, "sockets.idle", Figure("CPU while nothing happens", "% of a core", Goal("<=", 5)),
             sum(used.values()))
    for name, percent in used.items():
        book.add(SECTION, f"sockets.idle.{name}", Figure(f"  {name}", "% of a core"), percent)


def _opening(book, opened, sockets):
    book.add(SECTION, "sockets.count", Figure("sockets", ""), sockets)
    book.add(SECTION, "sockets.upgrades", Figure("upgrades, until all are open", "/s"), sockets / opened["seconds"])
    book.add(SECTION, "sockets.online", Figure("upgrades, until all are shown online", "/s", Goal(">=", 2000)),
             sockets / opened["until_online_seconds"])
    book.add(SECTION, "sockets.upgrade.p99", Figure("one upgrade, p99", "ms"), opened["times"]["p99_us"] / 1000)


def _coming_back(book, back, count):
    book.add(SECTION, "sockets.back", Figure(f"{count:,} lost and come back at once, until all are", "s"),
             back["seconds"])
    book.add(SECTION, "sockets.back.p50", Figure("  half of them", "s"), back["times"]["p50_us"] / 1e6)
    book.add(SECTION, "sockets.back.refused", Figure("  refused, and tried again", "times"), back["refused"])


def measure_remote(book, remote, plan):
    """Of a messenger elsewhere: what its clients can see."""
    with Conversation("sockets", address=remote.address, roster=remote.roster_of_sockets(plan.sockets),
                      sockets=plan.sockets, coming_back=plan.coming_back) as sockets:
        _opening(book, sockets.hear(), plan.sockets)
        time.sleep(plan.settle)
        sockets.go_on()
        _coming_back(book, sockets.hear(), plan.coming_back)


def measure_sockets(book, stage, plan):
    end_kib = _end_kib(min(plan.sockets, ENDS_MOST))
    options = dict(address=stage.address, roster=stage.roster((0, plan.sockets + 1)), sockets=plan.sockets,
                   coming_back=plan.coming_back)
    with Conversation("sockets", **options) as sockets:
        _opening(book, sockets.hear(), plan.sockets)
        time.sleep(plan.settle)
        _memory(book, stage, plan.sockets, end_kib)
        _idle(book, stage, plan.idle)
        sockets.go_on()
        _coming_back(book, sockets.hear(), plan.coming_back)
