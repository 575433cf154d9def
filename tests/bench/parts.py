"""The parts of a run: which messenger each needs, and what is measured of it."""

from bench import measure_fan, measure_logins, measure_reads, measure_send, measure_sockets
from bench.measure_growth import Growth
from bench.stage import Stage, World

MORE_USERS = 1000  # than take part
MORE_SOCKETS = 100


class Parts:
    def __init__(self, book, library, plan, log):
        self._book, self._library, self._plan, self._log = book, library, plan, log

    def run(self, name):
        getattr(self, name)()

    def _repeat(self, what):
        for repeat in range(self._plan.repeats):
            self._log(f"{what}, {repeat + 1} of {self._plan.repeats}")
            yield

    def send(self):
        plan = self._plan
        with Stage(self._library, World(2 * plan.pairs + MORE_USERS), sockets=_or_default(2 * plan.pairs)) as stage:
            options = dict(address=stage.address, watch=stage.watch(), roster=stage.roster((0, 2 * plan.pairs)))
            for _ in self._repeat("send"):
                measure_send.measure_floor(self._book, stage.nats_url, stage.watch(), plan)
                measure_send.measure_send(self._book, options, plan)

    def sockets(self):
        plan = self._plan
        for _ in self._repeat("sockets"):
            with Stage(self._library, World(plan.sockets + MORE_USERS),
                       sockets=plan.sockets + MORE_SOCKETS) as stage:
                measure_sockets.measure_sockets(self._book, stage, plan)

    def reads(self):
        with Stage(self._library, self._plan.large) as stage:
            for _ in self._repeat("reads"):
                measure_reads.measure_reads(self._book, stage, self._plan)

    def logins(self):
        with Stage(self._library, World(MORE_USERS)) as stage:
            for _ in self._repeat("log-ins"):
                measure_logins.measure_logins(self._book, stage, stage.roster((0, MORE_USERS)), self._plan)

    def fan(self):
        plan = self._plan
        with Stage(self._library, World(plan.senders + MORE_USERS, contacts=plan.contacts),
                   sockets=plan.senders + MORE_SOCKETS) as stage:
            for _ in self._repeat("fan-in and fan-out"):
                measure_fan.measure_fan_in(self._book, stage, plan)
                measure_fan.measure_fan_out(self._book, stage, plan)

    def growth(self):
        plan = self._plan
        for world in plan.growth:
            with Stage(self._library, world, sockets=2 * plan.spread + MORE_SOCKETS) as stage:
                for _ in self._repeat(f"growth, {world.users:,} users"):
                    Growth(self._book, stage, plan, plan.growth[0]).measure()


def _or_default(sockets):
    """None, the gateway's own bound, where that will do."""
    return sockets + MORE_SOCKETS if sockets > 1900 else None


class RemoteParts:
    """Of a messenger at another address: what needs no process and no store of it."""

    def __init__(self, book, remote, plan, log):
        self._book, self._remote, self._plan, self._log = book, remote, plan, log

    def run(self, name):
        if not hasattr(self, name):
            self._book.note(f"{name}: left out, it needs a messenger that is started here, on stores filled for it")
            return
        getattr(self, name)()

    def send(self):
        plan, remote = self._plan, self._remote
        options = dict(address=remote.address, watch=remote.watch(), roster=remote.roster(2 * plan.pairs))
        if not remote.nats_url:
            self._book.note("send: without --nats there is no floor to compare with")
        for _ in Parts._repeat(self, "send"):
            if remote.nats_url:
                measure_send.measure_floor(self._book, remote.nats_url, remote.watch(), plan)
            measure_send.measure_send(self._book, options, plan)

    def sockets(self):
        self._book.note("sockets: memory and idle CPU are left out, they are of processes here")
        for _ in Parts._repeat(self, "sockets"):
            measure_sockets.measure_remote(self._book, self._remote, self._plan)

    def logins(self):
        self._book.note("log-ins: the hash is measured on this machine, with the default parameters")
        for _ in Parts._repeat(self, "log-ins"):
            measure_logins.measure_logins(self._book, self._remote, self._remote.roster(64), self._plan)


PARTS = ("send", "sockets", "reads", "logins", "fan", "growth")
