"""Hostile clients with a valid log-in, and a healthy witness: whatever they do, two others who write to each other do not
wait for it, lose nothing and get nothing twice; no program ends, and none grows without bound.

Each attack is on in WINDOWS windows, with quiet windows between them. The witness's p99 in a window with the attack
must be at most BOUND_MS, or FACTOR times that of the quiet windows around it: on a busy machine everything is slow, with
an attack and without one, and that is no finding. One window may be slower, for the machine may get busy just then; an
attack that delays others does so every time. tests/hostile/attacker.py says why the attackers have a low priority."""

import time

import pytest

from hostile import attacks
from hostile.attacker import Attacker
from hostile.witness import Witness
from support.client import User, send
from support.load import percentile
from support.process import MEMORY_FACTOR
from support.stack import Stack
from support.wait import pass_time

BOUND_MS, FACTOR = 250, 4
WINDOWS, ON_SECONDS, OFF_SECONDS = 3, 1.6, 0.9
ATTACKERS, TEXTS, TEXT_BYTES = 3, 200, 16 * 1024
PEAK_MIB = {"gateway": 448, "user": 320, "message": 320, "presence": 128}

# What is limited by default is limited here: support/stack.py has no limits otherwise.
DEFAULTS = {key: None for key in (
    "limits.callsPerSecond", "limits.failedLoginsPerAccount", "limits.failedLoginsPerAddress", "limits.loginsPerMinute",
    "limits.signupsPerMinute", "limits.uploadsPerMinute", "password.hashMemoryKib", "password.hashPasses")}
SETTINGS = {**DEFAULTS, "gateway.trustedProxies": "127.0.0.1", "webSocket.maxConnections": 1000, "log.level": "info"}

ATTACKS = ["SlowHeads", "SlowReaders", "FatFrames", "FatPictures", "FatPages", "ManySockets", "Accounts", "Forged", "Calling",
           "Changing"]


class Site:
    """A stack, the witnesses, and the attackers: the first has a conversation of the longest texts."""

    def __init__(self):
        self.stack = Stack(settings=SETTINGS).start()
        self.witnesses = [User(self.stack) for _ in range(2)]
        self.attackers = [User(self.stack) for _ in range(ATTACKERS)]
        with self.attackers[1].socket() as socket:
            for _ in range(TEXTS):
                send_patiently(socket, self.attackers[0])
            send(socket, self.attackers[2], "hello")


@pytest.fixture(scope="module")
def sites():
    made = []
    yield made
    if made:
        made[-1].stack.stop()


@pytest.fixture
def site(sites):
    """The one of the test before, unless that has ended a program of it."""
    if sites and not sites[-1].stack.healthy():
        sites[-1].stack.destroy()
        sites.clear()
    if not sites:
        sites.append(Site())
    return sites[-1]


def send_patiently(socket, receiver):
    pass_time(0.006, "below the limit of calls")
    send(socket, receiver, "x" * TEXT_BYTES)


def windows_of(attacker):
    """Quiet, attack, quiet, ... quiet: as (begin, end)."""
    times = []

    def window(seconds):
        begin = time.monotonic()
        pass_time(seconds, "a window of the witness")
        times.append((begin, time.monotonic()))
    window(OFF_SECONDS)
    for _ in range(WINDOWS):
        attacker.begin()
        window(ON_SECONDS)
        attacker.pause()
        window(OFF_SECONDS)
    return times


def judge(witness, times):
    """The attack's windows as (p99, bound) in milliseconds."""
    found = []
    for at in range(1, len(times), 2):
        quiet = [took for window in (times[at - 1], times[at + 1]) for took in witness.between(*window)]
        found.append((witness.p99(*times[at]), max(BOUND_MS, FACTOR * percentile(quiet, .99))))
    return found


def peak_mib(program):
    return program.resident_kib("VmHWM") / 1024


@pytest.mark.parametrize("name", ATTACKS)
def test_the_witness_does_not_notice(site, name):
    stack, (first, second), attackers = site.stack, site.witnesses, site.attackers
    settings = {"tokens": [user.token for user in attackers], "tags": [attackers[1].tag, attackers[0].tag],
                "victim": first.tag}
    before = stack.pids()
    with Witness(stack.ports[0], first, second) as witness, Attacker(name, stack.ports[0], **settings) as attacker:
        times = windows_of(attacker)
        attacker.go_on_until_answered()
    assert stack.pids() == before, "a program has ended"
    found = judge(witness, times)
    print(f"{name}: {len(witness.rounds)} messages, quiet p99 {witness.p99(*times[0]):.0f} ms, under attack "
          + ", ".join(f"{p99:.0f} ms (bound {bound:.0f})" for p99, bound in found) + f"; attack answered {attacker.answers}; "
          + ", ".join(f"{program.name} {peak_mib(program):.0f} MiB" for program in stack.programs()))
    assert not witness.problems
    assert sum(p99 > bound for p99, bound in found) <= 1, found
    attack = getattr(attacks, name)
    assert attack.SEEN <= set(attacker.answers) <= attack.SEEN | attack.ALSO, attacker.answers
    for program in stack.programs():
        assert peak_mib(program) <= MEMORY_FACTOR * PEAK_MIB[program.name.partition("-")[0]], program.name
