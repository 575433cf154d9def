"""The same figures with ever more users and messages: they may grow as a logarithm does."""

import math
import random

from bench import generator, measure_reads
from bench.figures import Figure, Goal

SECTION = "Growth: {:,} users, {:,} messages"
SLACK = 1.1  # for noise


def goal(first, world, key, more_is_better):
    """As good as with the first world, but for the growth of a logarithm; none for the first."""
    if world is first:
        return None
    factor = SLACK * math.log(world.users) / math.log(first.users)

    def bound(book):
        before = book.median(f"growth.{first.users}.{key}")
        return None if before is None else before / factor if more_is_better else before * factor
    return Goal(">=" if more_is_better else "<=", bound, f"x {factor:.2f}")


class Growth:
    def __init__(self, book, stage, plan, first):
        self.book, self.stage, self.plan, self.first = book, stage, plan, first
        self.world = stage.world
        self.section = SECTION.format(self.world.users, self.world.messages())
        count = plan.spread
        step = (self.world.users - 3) // count
        # Who writes to whom has a dialog already; they lie all over the store.
        self.senders, self.receivers = (0, count, step), (1, count, step)

    def _add(self, key, title, unit, value, more_is_better=False, judged=True):
        wanted = goal(self.first, self.world, key, more_is_better) if judged else None
        self.book.add(self.section, f"growth.{self.world.users}.{key}", Figure(title, unit, wanted), value)

    def measure(self):
        self._send()
        users = self.stage.roster(self.senders)
        peers = self.stage.tags(self.receivers)
        # Of the ring, and perhaps one with the user who has very many.
        self._read("dialogs", "getDialogsList, 4 or 5 dialogs", measure_reads.dialogs(4, 5) * len(peers), users)
        self._read("messages", "getMessagesWithUser, all there are", "".join(
            measure_reads.newest(tag, 1, 100) for tag in peers), users)
        self._read("find", "findUsersByTag", measure_reads.finds(peers, random.Random(1)), users, False)
        self._read("self", "getSelfInfo", measure_reads.self_info() * len(peers), users)

    def _send(self):
        plan = self.plan
        found = generator.run("send", pairs=plan.spread, size=plan.text_bytes, warm_up=plan.warm_up,
                              seconds=plan.seconds, address=self.stage.address, watch=self.stage.watch(),
                              roster=self.stage.roster(self.senders, self.receivers))
        messages = max(1, found["delivered_within"])
        self._add("delivered", f"delivered, {plan.spread:,} pairs", "/s", found["delivered_per_s"], True)
        self._add("cpu.message", "  CPU a message, message service", "us", found["cpu_us"]["message"] / messages)
        self._add("cpu.all", "  CPU a message, all programs", "us",
                  sum(used for name, used in found["cpu_us"].items() if name != "others") / messages)
        self._add("p99", "  send -> delivered, p99", "us", found["to_delivered"]["p99_us"], judged=False)

    def _read(self, key, title, calls, users, own=True):
        one, many = measure_reads.time_calls(self.stage, self.plan, calls, users, callers=self.plan.spread, own=own)
        self._add(f"{key}.p50", f"{title}, p50", "us", one["times"]["p50_us"])
        self._add(f"{key}.p99", "  p99", "us", one["times"]["p99_us"], judged=False)
        self._add(f"{key}.per_s", f"  {self.plan.readers} at a time", "/s", many["per_s"], True)
