#!/usr/bin/python3
"""Measures a messenger beside the floor of its bus, and prints one table. See README.md here.

The exit status is 0 when everything could be measured, whether or not the goals are met; 1 when
something went wrong, though the other parts are shown; 2 for a wrong usage."""

import argparse
import json
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from bench import figures, machine  # noqa: E402  (needs the path above)
from bench.generator import Failed  # noqa: E402
from bench.parts import PARTS, Parts, RemoteParts  # noqa: E402
from bench.plan import SMOKE_NOTE, Plan  # noqa: E402
from bench.remote import Remote  # noqa: E402
from bench.stage import HOME, Library  # noqa: E402
from support.process import REPOSITORY  # noqa: E402

FILES_WANTED = 65536
BUSY_PERCENT = 5  # by others, from which on figures are not to be trusted


def whole(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def parse(argv):
    parser = argparse.ArgumentParser(
        description="Measures a messenger beside the floor of its bus: starts one on stores filled for the "
        "purpose, or takes one that runs, prints one table and writes a file. tests/bench/README.md says how.")
    parser.add_argument("--only", metavar="PART,...", help="of: " + ", ".join(PARTS))
    parser.add_argument("--smoke", action="store_true", help="little of everything, in about 40 seconds")
    parser.add_argument("--repeats", type=whole, help="of each measurement; the table shows the median (3)")
    parser.add_argument("--seconds", type=float, help="of each measurement (5; 3 where there is one at a time)")
    parser.add_argument("--baseline", metavar="FILE", help="the output of another run, to compare with")
    parser.add_argument("--output", metavar="FILE", default=REPOSITORY / "build" / "bench.json",
                        help="(build/bench.json)")
    parser.add_argument("--keep", action="store_true",
                        help="leave the filled stores in build/bench, where the next run finds them")
    load = parser.add_argument_group("load")
    load.add_argument("--pairs", type=whole, default=256, help="of users who write to each other (256)")
    load.add_argument("--window", type=whole, default=1, help="messages that each has under way (1)")
    load.add_argument("--size", type=whole, default=100, help="bytes of a text (100)")
    other = parser.add_argument_group("a messenger that runs already, without limits on log-ins and calls")
    other.add_argument("--address", metavar="HOST:PORT", help="of its gateway, or what stands before it")
    other.add_argument("--nats", metavar="URL", help="of its NATS server, for the floor")
    other.add_argument("--watch", metavar="NAME=PID,...", help="its programs on this machine, for the CPU time")
    options = parser.parse_args(argv)
    options.only = options.only.split(",") if options.only else list(PARTS)
    if unknown := sorted(set(options.only) - set(PARTS)):
        parser.error(f"no such parts: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    if options.seconds is not None and options.seconds <= 0:
        parser.error("--seconds must be greater than 0")
    if not options.address and (options.nats or options.watch):
        parser.error("--nats and --watch go with --address")
    options.baseline = read_baseline(parser, options.baseline)
    return options


def read_baseline(parser, path):
    if path is None:
        return None
    try:
        return json.loads(pathlib.Path(path).read_text())["figures"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        parser.error(f"--baseline: {path} is no output of this program: {error}")


def log(text):
    print(time.strftime("%H:%M:%S ") + text, file=sys.stderr, flush=True)


def run(options, book):
    plan = Plan(options)
    if options.smoke:
        book.note(SMOKE_NOTE)
    busy = machine.busy_percent()
    if busy > BUSY_PERCENT:
        book.note(f"{busy:.0f} % of all cores were in use by others before the run")
    if options.address:
        place = Remote(options.address, options.watch, options.nats, log)
        parts = RemoteParts(book, place, plan, log)
    else:
        place = Library(options.keep, log)
        parts = Parts(book, place, plan, log)
    try:
        for name in options.only:
            run_part(parts, name, book)
    finally:
        place.close()


def run_part(parts, name, book):
    """Half an hour of other parts is not lost with one that fails."""
    try:
        parts.run(name)
    except (Failed, AssertionError, OSError) as error:
        print(f"bench: {name} FAILED: {error}", file=sys.stderr, flush=True)
        book.failed.append(name)
        book.note(f"{name} FAILED: what it shows, if anything, is not all: {str(error).splitlines()[0][:300]}")


def finish(options, book, about):
    result = {**about, "options": {name: str(value) for name, value in vars(options).items()
                                   if name not in ("baseline", "output")},
              "notes": book.notes, "failed": book.failed, "figures": book.as_json()}
    pathlib.Path(options.output).write_text(json.dumps(result, indent=1) + "\n")
    print(f"{about['commit']}, {about['date']}, {about['cores']} cores ({about['processor']}), "
          f"{about['file_system']}\n")
    print("\n".join(figures.table(book, options.baseline)))
    print()
    for note in book.notes:
        print("note: " + note)
    print(book.summary())


def main(argv=None):
    options = parse(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    HOME.mkdir(parents=True, exist_ok=True)
    machine.allow_many_files(FILES_WANTED)
    about, book = machine.describe(HOME), figures.Book()
    try:
        run(options, book)
    except Failed as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("cut short", file=sys.stderr)
        return 1
    finish(options, book, about)
    return 1 if book.failed else 0


if __name__ == "__main__":
    sys.exit(main())
