#!/usr/bin/python3
"""Breaks a messenger under load, heals it, and looks whether anything is amiss. See README.md here.

The exit status is 0 when there is nothing, 1 when there are findings, 2 when it could not be run."""

import argparse
import pathlib
import random
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from chaos import checker, plan, report, schedule  # noqa: E402  (needs the path above)
from chaos.aftermath import Aftermath, Probe  # noqa: E402
from chaos.checker import Finding  # noqa: E402
from chaos.crowd import Crowd  # noqa: E402
from chaos.faults import Breaker  # noqa: E402
from chaos.ledger import Ledger  # noqa: E402
from chaos.line import BROKEN, Again, Refused  # noqa: E402
from chaos.load import Load  # noqa: E402
from chaos.site import Site  # noqa: E402
from support.mongo import NoMongo  # noqa: E402
from support.process import REPOSITORY  # noqa: E402

# Messages a second. What stands in for MongoDB reads whole collections.
RATES = {"sqlite": 250, "mongodb": 10}
WARM_UP_SECONDS = 3


def parse(argv):
    parser = argparse.ArgumentParser(description="Breaks a messenger under load, heals it, and looks "
                                     "whether anything is amiss.")
    parser.add_argument("--seed", type=int, help="makes the faults and the load; default: a random one")
    parser.add_argument("--seconds", type=float, default=180, help="of faults (180)")
    parser.add_argument("--store", choices=sorted(RATES), default="sqlite")
    parser.add_argument("--rate", type=float, help="messages a second, of all together "
                        "(250 on SQLite, 10 on MongoDB)")
    parser.add_argument("--kinds", metavar="KIND,...",
                        help="only these faults, of: " + ", ".join(schedule.KINDS))
    parser.add_argument("--log-level", choices=("debug", "info", "warn"), default="info",
                        help="of the programs (info)")
    parser.add_argument("--list", action="store_true", help="prints the faults of the seed and ends")
    options = parser.parse_args(argv)
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(10**6)
    if options.seconds <= 0 or (options.rate is not None and options.rate <= 0):
        parser.error("--seconds and --rate must be greater than 0")
    options.seconds = int(options.seconds) if options.seconds == int(options.seconds) else options.seconds
    options.rate = options.rate or RATES[options.store]
    options.kinds = options.kinds.split(",") if options.kinds else None
    possible = {kind for kind, _ in schedule.cards(options.store)}
    if unknown := set(options.kinds or ()) - possible:
        parser.error(f"no such faults on {options.store}: {', '.join(sorted(unknown))}")
    return options


def log(text):
    print(time.strftime("%H:%M:%S ") + text, flush=True)


class Run:
    def __init__(self, options):
        self.options, self.findings = options, []
        self.faults = schedule.make(options.seed, options.seconds, options.store, options.kinds)
        self.plan = plan.make(options.seed, options.rate, options.seconds)
        ledger = Ledger()
        self.site = Site(options.store, options.log_level, self.report, ledger, log)
        self.breaker = Breaker(self.site, self.faults, log)
        self.load = Load(self.site, self.plan, self.breaker.current, ledger)
        self.site.crowd = Crowd(options.seed, self.site.stack.url, self.site.stack.ports)
        self.site.devices = lambda: self.load.devices

    def report(self, check, where, detail):
        log(f"finding: {check} {where}: {detail}")
        self.findings.append(Finding(check, where, detail))

    def run(self):
        log(f"seed {self.options.seed}: {len(self.faults)} faults in {self.options.seconds} s, "
            f"{len(self.plan.users)} users, {len(self.plan.devices)} devices, "
            f"{self.options.rate:g} messages a second, {self.options.store}")
        self.site.start()
        probe = Probe(self.site)
        self.site.crowd.start()
        self.load.start()
        time.sleep(WARM_UP_SECONDS)  # so that there is something to lose
        self.breaker.run()
        self.site.heal()
        log("all is healed")
        self.findings += probe.check()
        self.findings += [Finding("device", *problem) for problem in self.load.settle()]
        log("all devices rest")
        self._look()
        self.load.end()
        self.site.crowd.end()
        self.findings += checker.check_logs(self.site.logs())
        self._keep_logs()
        self.findings += [Finding("stop", "the whole", problem) for problem in self.site.stop()]

    def _look(self):
        try:
            self.findings += Aftermath(self.load, log).run()
        except (AssertionError, Again, Refused, *BROKEN) as error:
            self.report("unreadable", "after healing", f"{type(error).__name__}: {error}")

    def _keep_logs(self):
        if not self.findings:
            return
        directory = REPOSITORY / "build" / "chaos" / f"seed-{self.options.seed}"
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in self.site.logs().items():
            (directory / f"{name}.log").write_text(text)
        log(f"the programs' logs are in {directory}")

    def print(self):
        for title, lines in (("Faults", report.fault_table(self.breaker.done)),
                             ("Findings", report.finding_table(self.findings))):
            print(f"\n{title}\n" + "\n".join(lines))
        print(f"\nErrors sent to clients: {report.error_counts(self.load.ledger)}")
        print(report.summary(self.options, self.load, self.breaker.done, self.findings))


def list_faults(options):
    for fault in schedule.make(options.seed, options.seconds, options.store, options.kinds):
        print(f"{fault.start:7.2f} s  {fault.kind:15} {' '.join(fault.targets):24} "
              f"{fault.seconds:5.2f} s  {fault.amount or ''}".rstrip())


def main(argv=None):
    options = parse(argv)
    if options.list:
        list_faults(options)
        return 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    run = None
    try:
        run = Run(options)
        run.run()
    except (AssertionError, FileNotFoundError, NoMongo) as error:
        print(f"cannot run: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("cut short", file=sys.stderr)
        return 2
    finally:
        if run is not None:
            run.site.destroy()
    run.print()
    return 1 if run.findings else 0


if __name__ == "__main__":
    sys.exit(main())
