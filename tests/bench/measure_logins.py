"""Log-ins beside what their hash alone costs."""

from bench import generator
from bench.figures import Figure, Goal
from bench.stage import PASSWORD

SECTION = "Log-ins"


def measure_logins(book, stage, roster, plan):
    one = generator.run("hash", threads=1, seconds=plan.short)
    all_cores = generator.run("hash", threads=plan.cores, seconds=plan.short)
    logins = generator.run("login", address=stage.address, roster=roster, password=PASSWORD,
                           at_once=plan.logins, seconds=plan.seconds, watch=stage.watch())

    def ninety(book):
        return 0.9 * plan.cores * 1000 / book.median("logins.hash")
    book.add(SECTION, "logins.hash", Figure("one Argon2id hash", "ms"), one["seconds_each"] * 1000)
    book.add(SECTION, "logins.hashes", Figure("hashes on all cores, and nothing else", "/s"), all_cores["per_s"])
    book.add(SECTION, "logins.per_s", Figure(f"log-ins, {plan.logins} at a time", "/s",
                                             Goal(">=", ninety, "90 % of cores / hash")), logins["per_s"])
    book.add(SECTION, "logins.p50", Figure("  p50", "ms"), logins["times"]["p50_us"] / 1000)
    book.add(SECTION, "logins.p99", Figure("  p99", "ms"), logins["times"]["p99_us"] / 1000)
