"""Many to one, and one to many."""

from bench import generator
from bench.figures import Figure
from bench.measure_send import add_cpu

IN, OUT = "Fan-in: {:,} senders, 1 receiver", "Fan-out: a user with {:,} contacts online, until all are notified"
NEWS = (("came", "comes online"), ("changed", "changes the name"), ("went", "goes offline"))


def measure_fan_in(book, stage, plan):
    section = IN.format(plan.senders)
    found = generator.run("send", pairs=plan.senders, receivers=1, window=1, size=plan.text_bytes,
                          warm_up=plan.warm_up, seconds=plan.seconds, address=stage.address,
                          roster=stage.roster((0, plan.senders + 1)), watch=stage.watch())
    book.add(section, "fan_in.delivered", Figure("delivered", "/s"), found["delivered_per_s"])
    book.add(section, "fan_in.p50", Figure("  send -> delivered, p50", "ms"), found["to_delivered"]["p50_us"] / 1000)
    book.add(section, "fan_in.p99", Figure("  send -> delivered, p99", "ms"), found["to_delivered"]["p99_us"] / 1000)
    add_cpu(book, section, "fan_in", found)


def measure_fan_out(book, stage, plan):
    contacts = stage.world.contacts
    section = OUT.format(contacts)
    found = generator.run("fan-out", address=stage.address, rounds=plan.rounds,
                          roster=stage.roster((0, contacts), (stage.world.hub, 1)))
    for key, title in NEWS:
        book.add(section, f"fan_out.{key}", Figure(title, "ms"), found[key]["all"]["p50_us"] / 1000)
        book.add(section, f"fan_out.{key}.max", Figure("  slowest", "ms"), found[key]["all"]["max_us"] / 1000)
