"""The floor, and messages from one user to another beside it."""

from bench import generator
from bench.figures import Figure, Goal, times
from bench.generator import Conversation

FLOOR, MAXIMUM, HALF, ONE = ("Floor: raw NATS request-reply", "Messages, as many as go",
                             "Messages, half of that, at fixed moments", "Messages, one at a time")
# What a request to store a message weighs beyond its text.
ENVELOPE_BYTES = 100
PROGRAMS = ("gateway", "message", "user", "presence", "nats-server", "generator")


def measure_floor(book, nats_url, watch, plan):
    """Requests and replies of the size of a message's, and nothing else."""
    payload = plan.text_bytes + ENVELOPE_BYTES
    with Conversation("responder", nats=nats_url) as responder:
        assert responder.hear_line() == "ready"
        programs = ",".join(filter(None, (watch, f"responder={responder.pid}")))
        options = dict(nats=nats_url, payload=payload, warm_up=plan.warm_up, watch=programs)
        one = generator.run("floor", manner="threads", callers=1, seconds=plan.short, **options)
        threads = generator.run("floor", manner="threads", callers=plan.callers, seconds=plan.short, **options)
        many = generator.run("floor", manner="pipelined", callers=plan.callers, seconds=plan.seconds, **options)
    book.add(FLOOR, "floor.one.p50", Figure("1 caller, p50", "us"), one["times"]["p50_us"])
    book.add(FLOOR, "floor.one.p99", Figure("1 caller, p99", "us"), one["times"]["p99_us"])
    book.add(FLOOR, "floor.many.per_s", Figure(f"{plan.callers} under way, pipelined", "/s"), many["per_s"])
    cpu = sum(many["cpu_us"].get(name, 0) for name in ("nats-server", "responder", "generator"))
    book.add(FLOOR, "floor.many.cpu", Figure("  CPU a request, all of the floor's", "us"),
             cpu / (many["per_s"] * many["seconds"]))
    book.add(FLOOR, "floor.threads.per_s", Figure(f"{plan.callers} threads that wait", "/s"), threads["per_s"])


def _times(book, section, key, found, goals=None):
    goals = goals or {}
    for what, title in (("to_acknowledged", "send -> acknowledged"), ("to_delivered", "send -> delivered")):
        for quantile in ("p50", "p99", "max"):
            name = f"{what}.{quantile}"
            book.add(section, f"{key}.{name}", Figure(f"{title}, {quantile}", "us", goals.get(name)),
                     found[what][quantile + "_us"])


def add_cpu(book, section, key, found):
    """CPU time a message, of each program that was watched."""
    messages = max(1, found["delivered_within"])
    total = 0
    for name in PROGRAMS:
        if name in found["cpu_us"]:
            used = found["cpu_us"][name] / messages
            total += used
            book.add(section, f"{key}.cpu.{name}", Figure(f"  {name}", "us"), used)
    book.add(section, f"{key}.cpu.all", Figure("  CPU a message, all of these", "us"), total)


def _add_others(book, section, key, found, plan):
    """What went to neither the messenger nor the generator, and what the machine did not get."""
    for name, title, taken_us in (("others", "  used by others of this machine", found["cpu_us"]["others"]),
                                  ("stolen", "  stolen by a hypervisor", found["stolen_us"])):
        book.add(section, f"{key}.{name}", Figure(title, "% of all cores"),
                 100 * taken_us / 1e6 / found["seconds"] / plan.cores)


def _maximum(book, options, plan, section=MAXIMUM, key="send.max"):
    """As many messages as go, each sender with so many under way. Returns what was found."""
    found = generator.run("send", pairs=plan.pairs, window=plan.window, size=plan.text_bytes,
                          warm_up=plan.warm_up, seconds=plan.seconds, **options)
    forty, stretch = times("floor.many.per_s", 0.4), times("floor.many.per_s", 0.6)
    book.add(section, f"{key}.acknowledged", Figure("acknowledged", "/s", Goal(">=", forty, "40 % of the floor")),
             found["acknowledged_per_s"])
    book.add(section, f"{key}.delivered", Figure("delivered", "/s", Goal(">=", forty, "40 % of the floor")),
             found["delivered_per_s"])
    floor = book.values.get("floor.many.per_s")
    if floor:
        book.add(section, f"{key}.stretch", Figure("  the same", "/s", Goal(">=", stretch, "60 %: stretch")),
                 found["delivered_per_s"])
        book.add(section, f"{key}.share", Figure("  share of the floor", "%"),
                 100 * found["delivered_per_s"] / floor[-1])
    _times(book, section, key, found)
    add_cpu(book, section, key, found)
    _add_others(book, section, key, found, plan)
    return found


def measure_send(book, options, plan):
    """Most, half of it, one at a time. The three are one repeat."""
    most = _maximum(book, options, plan)
    rate = most["delivered_per_s"] / 2
    half = generator.run("send", pairs=plan.pairs, rate=rate, size=plan.text_bytes, warm_up=plan.warm_up,
                         seconds=plan.seconds, **options)
    book.add(HALF, "send.half.delivered", Figure("delivered", "/s"), half["delivered_per_s"])
    _times(book, HALF, "send.half", half, {"to_delivered.p99": Goal("<=", 20000)})
    add_cpu(book, HALF, "send.half", half)
    _add_others(book, HALF, "send.half", half, plan)
    one = generator.run("send", pairs=1, window=1, lockstep=True, size=plan.text_bytes, warm_up=plan.warm_up,
                        seconds=plan.short, **options)
    five = times("floor.one.p50", 5)
    _times(book, ONE, "send.one", one, {"to_delivered.p50": Goal("<=", five, "5 x the floor"),
                                        "to_delivered.p99": Goal("<=", 5000)})
