#!/usr/bin/python3
"""Measures the messenger beside the floor of its bus, and prints one table. See README.md here."""

import argparse
import json
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from bench import figures, machine, measure_fan, measure_logins, measure_reads, measure_send  # noqa: E402
from bench import measure_growth, measure_sockets  # noqa: E402
from bench.generator import Failed  # noqa: E402
from bench.stage import HOME, Library, Stage, World  # noqa: E402
from support.process import REPOSITORY  # noqa: E402

PARTS = ("send", "sockets", "reads", "logins", "fan", "growth")


class Plan:
    """How much is done. `--smoke` is the same with little of everything."""

    def __init__(self, options):
        smoke = options.smoke
        self.cores = os.cpu_count()
        self.repeats = options.repeats or (1 if smoke else 3)
        self.text_bytes = options.size
        self.warm_up = 0.5 if smoke else 1
        self.short = 1 if smoke else 3
        self.seconds = options.seconds or (2 if smoke else 5)
        self.callers = 256
        self.pairs, self.window = options.pairs, options.window
        self.sockets = 500 if smoke else 10000
        self.readers = self.logins = 16
        self.large = (World(20_000, rounds=2, deep=20_000, contacts=1000) if smoke else
                      World(1_000_000, rounds=5, deep=1_000_000, contacts=1000))
        self.growth = ([World(2000, rounds=2), self.large] if smoke else
                       [World(10_000, rounds=5), World(100_000, rounds=5), self.large])
        self.spread = 200 if smoke else 1000  # pairs all over a store
        self.senders = 300 if smoke else 5000
        self.contacts = 100 if smoke else 1000
        self.rounds = 3 if smoke else 5
        self.coming_back = self.sockets // 2
        self.settle = 0.5 if smoke else 5
        self.idle = 2 if smoke else 35  # longer than from one ping to the next


def log(text):
    print(time.strftime("%H:%M:%S ") + text, file=sys.stderr, flush=True)


def run_send(book, library, plan):
    with Stage(library, World(2 * plan.pairs + 1000)) as stage:
        options = dict(address=stage.address, watch=stage.watch(),
                       roster=stage.roster((0, 2 * plan.pairs)))
        for repeat in range(plan.repeats):
            log(f"send, {repeat + 1} of {plan.repeats}")
            measure_send.measure_floor(book, stage.nats_url, stage.watch(), plan)
            measure_send.measure_send(book, options, plan)


def run_sockets(book, library, plan):
    for repeat in range(plan.repeats):
        log(f"sockets, {repeat + 1} of {plan.repeats}")
        with Stage(library, World(plan.sockets + 1000), sockets=plan.sockets + 100) as stage:
            measure_sockets.measure_sockets(book, stage, plan)


def run_reads(book, library, plan):
    with Stage(library, plan.large) as stage:
        for repeat in range(plan.repeats):
            log(f"reads, {repeat + 1} of {plan.repeats}")
            measure_reads.measure_reads(book, stage, plan)


def run_logins(book, library, plan):
    with Stage(library, World(1000)) as stage:
        for repeat in range(plan.repeats):
            log(f"logins, {repeat + 1} of {plan.repeats}")
            measure_logins.measure_logins(book, stage, plan)


def run_fan(book, library, plan):
    with Stage(library, World(plan.senders + 1000, contacts=plan.contacts), sockets=plan.senders + 100) as stage:
        for repeat in range(plan.repeats):
            log(f"fan-in and fan-out, {repeat + 1} of {plan.repeats}")
            measure_fan.measure_fan_in(book, stage, plan)
            measure_fan.measure_fan_out(book, stage, plan)


def run_growth(book, library, plan):
    for world in plan.growth:
        with Stage(library, world, sockets=2 * plan.spread + 100) as stage:
            for repeat in range(plan.repeats):
                log(f"growth, {world.users:,} users, {repeat + 1} of {plan.repeats}")
                measure_growth.Growth(book, stage, plan, plan.growth[0]).measure()


RUNNERS = {"send": run_send, "sockets": run_sockets, "reads": run_reads, "logins": run_logins,
           "fan": run_fan, "growth": run_growth}


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", metavar="PART,...", help="of: " + ", ".join(PARTS))
    parser.add_argument("--repeats", type=int, help="of each figure; the table shows the median (3)")
    parser.add_argument("--smoke", action="store_true", help="little of everything, in about 30 seconds")
    parser.add_argument("--seconds", type=float, help="of each longer measurement (5)")
    parser.add_argument("--pairs", type=int, default=256, help="of users who write to each other (256)")
    parser.add_argument("--window", type=int, default=1, help="messages that each has under way (1)")
    parser.add_argument("--size", type=int, default=100, help="bytes of a text (100)")
    parser.add_argument("--baseline", metavar="FILE", help="a bench.json of another run, to compare with")
    parser.add_argument("--output", metavar="FILE", default=REPOSITORY / "build" / "bench.json")
    options = parser.parse_args(argv)
    options.only = options.only.split(",") if options.only else list(PARTS)
    if unknown := sorted(set(options.only) - set(PARTS)):
        parser.error(f"no such parts: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    return options


def main(argv=None):
    options = parse(argv)
    baseline = json.loads(pathlib.Path(options.baseline).read_text())["figures"] if options.baseline else None
    plan, book = Plan(options), figures.Book()
    machine.allow_many_files(65536)
    HOME.mkdir(parents=True, exist_ok=True)
    about = machine.describe(HOME)
    busy = machine.busy_percent()
    if busy > 5:
        book.note(f"{busy:.0f} % of all cores were in use by others before the run")
    library = Library(log)
    try:
        for part in options.only:
            RUNNERS[part](book, library, plan)
    except (Failed, AssertionError, FileNotFoundError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    finally:
        library.close()
    result = {**about, "repeats": plan.repeats, "notes": book.notes, "figures": book.as_json()}
    pathlib.Path(options.output).write_text(json.dumps(result, indent=1) + "\n")
    print("\n".join(figures.table(book, baseline)))
    for note in book.notes:
        print("note: " + note)
    return 0


if __name__ == "__main__":
    sys.exit(main())
