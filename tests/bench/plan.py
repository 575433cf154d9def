"""How much of everything a run does."""

import os

from bench.stage import World

SMOKE_NOTE = "a smoke run: little of everything, so the figures say whether it works and not how well"


class Plan:
    """Seconds, unless noted otherwise. `--smoke` is the same with little of everything."""

    def __init__(self, options):
        smoke = options.smoke
        self.cores = os.cpu_count()
        self.repeats = options.repeats or (1 if smoke else 3)
        self.text_bytes = options.size
        self.callers = 256  # of the floor
        self.pairs, self.window = options.pairs, options.window
        self.warm_up = 0.1 if smoke else 1
        self.short = options.seconds or (0.15 if smoke else 3)  # where there is one at a time
        self.seconds = options.seconds or (0.3 if smoke else 5)
        self._sockets(smoke)
        self._reads(smoke)
        self._fan(smoke)

    def _sockets(self, smoke):
        self.sockets = 500 if smoke else 10_000
        self.coming_back = self.sockets // 2
        self.settle = 0.5 if smoke else 5
        self.idle = 1 if smoke else 35  # longer than from one ping to the next

    def _reads(self, smoke):
        self.readers = self.logins = 16  # at a time
        self.read_warm_up = 0.05 if smoke else 0.5
        self.spread = 100 if smoke else 1000  # pairs all over a store
        self.large = (World(20_000, rounds=2, deep=20_000, contacts=1000) if smoke else
                      World(1_000_000, rounds=5, deep=1_000_000, contacts=1000))
        self.growth = ([World(2000, rounds=2), self.large] if smoke else
                       [World(10_000, rounds=5), World(100_000, rounds=5), self.large])

    def _fan(self, smoke):
        self.senders = 300 if smoke else 5000
        self.contacts = 100 if smoke else 1000
        self.rounds = 2 if smoke else 5
