"""Reads, from stores that hold much."""

import random

from bench import generator
from bench.figures import Figure, Goal

SECTION = "Reads"
PAGE = 100
SOUGHT = 5000  # users
DISTINCT_CALLS = 5000  # so that it is not the same page again and again


def _line(key, least, most, method, params):
    return f'{key} {least} {most} "method":"{method}","params":[{params}]\n'


def dialogs(least, most):
    return _line("seq", least, most, "getDialogsList", "0,1000")


def pages(tag, messages, rng):
    """Pages of a conversation anywhere in it; shuffled, so that none is near the one before."""
    return "".join(_line("seq", PAGE, PAGE, "getMessagesWithUser", f'"{tag}",{start},{start + PAGE}')
                   for start in (rng.randrange(messages - PAGE) for _ in range(DISTINCT_CALLS)))


def newest(tag, least=PAGE, most=PAGE):
    return _line("seq", least, most, "getMessagesWithUser", f'"{tag}",0,{PAGE}')


def finds(tags, rng):
    """Typical search texts: the whole tag, its beginning, a part of it."""
    lines = []
    for tag in rng.choices(tags, k=DISTINCT_CALLS):
        name = tag[1:]
        last = name[5:]
        part = rng.choice((name, tag, name[:rng.randint(1, 9)], name[:rng.randint(3, 6)],
                           last, last[:rng.randint(4, len(last))]))
        lines.append(_line("isOnline", 1, 30, "findUsersByTag", f'"{part}"'))
    return "".join(lines)


def self_info():
    return _line("img", 1, 1, "getSelfInfo", "")


def time_calls(stage, plan, calls, roster, **options):
    """One call at a time, for how long it takes, then many, for how many go in a second."""
    options.update(address=stage.address, roster=roster, calls=stage.file(calls), watch=stage.watch(),
                   warm_up=plan.read_warm_up)
    return (generator.run("call", at_once=1, seconds=plan.short, **options),
            generator.run("call", at_once=plan.readers, seconds=plan.short, **options))


def _measure(book, key, title, calls, roster, stage, plan, goal_us=None):
    one, many = time_calls(stage, plan, calls, roster)
    goal = Goal("<=", goal_us) if goal_us else None
    book.add(SECTION, f"{key}.p50", Figure(f"{title}, p50", "us"), one["times"]["p50_us"])
    book.add(SECTION, f"{key}.p99", Figure("  p99", "us", goal), one["times"]["p99_us"])
    book.add(SECTION, f"{key}.per_s", Figure(f"  {plan.readers} at a time", "/s"), many["per_s"])
    book.add(SECTION, f"{key}.many.p99", Figure(f"  {plan.readers} at a time, p99", "us"), many["times"]["p99_us"])


def measure_reads(book, stage, plan):
    world, rng = stage.world, random.Random(1)
    one, other = world.deep_pair
    hub, deep = stage.roster((world.hub, 1)), stage.roster((one, 1))
    some_tags = stage.tags((0, SOUGHT, (world.users - 3) // SOUGHT))
    other_tag, = stage.tags((other, 1))
    _measure(book, "reads.dialogs", f"getDialogsList, {world.contacts:,} dialogs",
            dialogs(world.contacts, world.contacts), hub, stage, plan)
    _measure(book, "reads.newest", f"getMessagesWithUser, the newest {PAGE}", newest(other_tag),
            deep, stage, plan, 5000)
    _measure(book, "reads.deep", f"  {PAGE} anywhere in {world.deep:,}",
            pages(other_tag, world.deep, rng), deep, stage, plan, 5000)
    _measure(book, "reads.find", f"findUsersByTag, {world.users:,} users", finds(some_tags, rng),
            hub, stage, plan, 20000)
    _measure(book, "reads.self", "getSelfInfo", self_info(), hub, stage, plan)
