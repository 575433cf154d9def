"""How each kind of fault is done to a site and undone, and the threads that do it by the schedule."""

import dataclasses
import random
import sqlite3
import threading
import time

from chaos import faults_bus, faults_clients, faults_disk, faults_store
from chaos.schedule import KINDS
from chaos.together import PerTarget

MS_PER_SECOND, MS_PER_MINUTE = 1000, 60_000


class Down(PerTarget):
    """Killed, or asked to end; started again."""

    def __init__(self, how):
        self._how = how

    def inject_one(self, site, target, fault):
        if target == "nats":
            site.take_nats_down(self._how)
        elif target == "store":
            site.take_store_down()
        else:
            site.take_down(target, self._how)

    def heal_one(self, site, target):
        if target == "nats":
            site.bring_nats_back()
        elif target == "store":
            site.bring_store_back()
        else:
            site.bring_back(target)


class AllDown:
    """Everything is killed at once, and started in random order."""

    def inject(self, site, fault):
        site.kill_all()

    def heal(self, site, fault):
        site.bring_all_back(random.Random(fault.amount))


class Frozen(PerTarget):
    """SIGSTOP, SIGCONT."""

    @staticmethod
    def _process(site, target):
        return {"nats": site.nats, "store": site.mongo}.get(target) or site.program(target)

    def inject_one(self, site, target, fault):
        self._process(site, target).freeze()

    def heal_one(self, site, target):
        self._process(site, target).resume()


class Network(PerTarget):
    """What the program's proxy does to its connection with NATS."""

    def __init__(self, do):
        self._do = do

    def inject_one(self, site, target, fault):
        self._do(site.proxies[target], fault)

    def heal_one(self, site, target):
        site.proxies[target].heal()


class Machine(PerTarget):
    """The state of the program's disk or clock, from its shim."""

    def __init__(self, values):
        self._values = values

    def inject_one(self, site, target, fault):
        site.shims[target].set(**self._values(fault))

    def heal_one(self, site, target):
        site.shims[target].clear()


FULL = Machine(lambda fault: {"disk_full": 1})

DOERS = {
    "kill": Down("kill"),
    "kill-both": Down("kill"),
    "kill-all": AllDown(),
    "restart": Down("terminate"),
    "freeze": Frozen(),
    "cut": Network(lambda proxy, fault: proxy.cut()),
    "swallow": Network(lambda proxy, fault: proxy.swallow()),
    "delay": Network(lambda proxy, fault: proxy.delay(fault.amount / MS_PER_SECOND)),
    "disk-full": FULL,
    "disk-full-both": FULL,
    "slow-disk": Machine(lambda fault: {"sync_delay_ms": fault.amount}),
    "clock": Machine(lambda fault: {"clock_offset_ms": fault.amount * MS_PER_MINUTE}),
    **faults_bus.DOERS, **faults_clients.DOERS, **faults_disk.DOERS, **faults_store.DOERS,
}
assert set(DOERS) == set(KINDS)


@dataclasses.dataclass
class Done:
    """One fault as it was: seconds from the beginning; `healed_at` None while it lasts."""
    fault: object
    injected_at: float
    healed_at: float = None
    problem: str = None


class Breaker:
    """Carries out a schedule. `log` takes a line of text."""

    def __init__(self, site, faults, log):
        self._site, self._faults, self._log = site, faults, log
        self.done, self._late = [], 0.0

    def run(self):
        """Returns when the last fault is healed."""
        self._began = time.monotonic()
        threads = []
        for fault in self._faults:
            self._wait_for(fault.start + self._late)
            if KINDS[fault.kind].alone:
                self._do_alone(fault, threads)
                continue
            threads.append(threading.Thread(target=self._do, args=(fault,), daemon=True))
            threads[-1].start()
        for thread in threads:
            thread.join()

    def _do_alone(self, fault, threads):
        """All before it is healed; all after it is later by the time that it takes longer than planned."""
        for thread in threads:
            thread.join()
        self._site.wait_ready()
        self._do(fault)
        self._late = max(self._late, self.now() - fault.end)
        self._wait_for(self.now() + KINDS[fault.kind].calm)

    def now(self):
        return time.monotonic() - self._began

    def current(self):
        """What is broken right now, in words."""
        return ", ".join(f"{d.fault.kind} {'+'.join(d.fault.targets)}" for d in list(self.done)
                         if d.healed_at is None)

    def _wait_for(self, at):
        time.sleep(max(0, at - self.now()))  # the schedule is in seconds

    def _do(self, fault):
        done = Done(fault, self.now())
        self.done.append(done)
        self._log(f"{done.injected_at:7.1f} s  {fault.kind} {' '.join(fault.targets)}"
                  f" for {fault.seconds} s" + (f" ({fault.amount})" if fault.amount else ""))
        try:
            DOERS[fault.kind].inject(self._site, fault)
            self._wait_for(done.injected_at + fault.seconds)
            DOERS[fault.kind].heal(self._site, fault)
        except (AssertionError, OSError, sqlite3.Error) as error:
            done.problem = f"{type(error).__name__}: {error}"
            self._log(f"           {fault.kind} {' '.join(fault.targets)}: {done.problem}")
        done.healed_at = self.now()
