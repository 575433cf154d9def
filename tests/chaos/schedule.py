"""Which faults, when and for how long: made from the seed alone."""

import dataclasses
import random

SERVICES = ("gateway", "user", "message", "presence")
INSTANCES = 2
GAP_SECONDS = (0.5, 2.5)
OVERLAP_CHANCE = 0.35
SEED = (1, 10**6)


@dataclasses.dataclass(frozen=True)
class Fault:
    """`targets` are names of programs (`message-1`), `nats`, `store`, `clients` or `all`. `amount` is what the
    kind needs a number for: milliseconds, minutes that a clock is ahead, KiB a second, one of several ways,
    or the seed of further choices."""
    kind: str
    targets: tuple
    start: float  # seconds from the beginning
    seconds: float
    amount: int = 0

    @property
    def end(self):
        return self.start + self.seconds

    @property
    def service(self):
        return self.targets[0].split("-")[0]


@dataclasses.dataclass(frozen=True)
class Kind:
    """How long such a fault lasts, whom it may hit and what its amount may be. With `both`, all
    instances of a service at once. With `alone`, no other fault is active meanwhile, and none for `calm`
    seconds afterwards: for what would not be legitimate during another fault, too."""
    services: tuple
    seconds: tuple
    amount: tuple = ()
    both: bool = False
    alone: bool = False
    calm: float = 0.0


KINDS = {
    "kill": Kind(SERVICES + ("nats", "store"), (0.2, 4)),
    "freeze": Kind(SERVICES + ("nats", "store"), (1, 8)),
    "restart": Kind(SERVICES + ("nats",), (0.1, 2)),
    "kill-both": Kind(SERVICES, (0.2, 3), both=True),
    "cut": Kind(SERVICES, (1, 8)),
    "swallow": Kind(SERVICES, (1, 8)),
    "delay": Kind(SERVICES, (4, 12), amount=(50, 200)),
    "disk-full": Kind(("user",), (2, 6)),
    "disk-full-both": Kind(("message",), (2, 6), both=True),  # they share the file
    "slow-disk": Kind(("user", "message"), (4, 12), amount=(30, 400)),
    "clock": Kind(SERVICES, (4, 15), amount=(-30, 30)),
    "kill-all": Kind(("all",), (0.5, 3), amount=SEED, alone=True, calm=2),
    # Longer than any time-out; the check that follows is part of the fault.
    "nats-away": Kind(("nats",), (10, 20), alone=True),
    "nats-wiped": Kind(("nats",), (0.5, 3), alone=True),
    "bucket-deleted": Kind(("nats",), (0.5, 3), alone=True),
    "bucket-purged": Kind(("nats",), (0.5, 3), alone=True),
    # `seconds` between the copy and its return; a gateway checks its positions every 5 s.
    "turned-back": Kind(("message",), (1, 4), amount=(1, 4), both=True, alone=True, calm=6),
    "restored": Kind(("stores",), (1, 4), alone=True, calm=6),
    "log-tail-lost": Kind(("message",), (0.5, 1.5), amount=SEED, both=True, alone=True, calm=6),
    "file-lost": Kind(("user", "message"), (1, 3), amount=(1, 5), both=True, alone=True, calm=6),
    "file-damaged": Kind(("user", "message"), (1, 3), amount=SEED, both=True, alone=True, calm=6),
    "power-loss": Kind(("user", "message"), (1, 4), amount=SEED, both=True),
    "sync-error": Kind(("user", "message"), (1, 5), amount=SEED, both=True),
    "frozen-clients": Kind(("clients",), (3, 8), amount=SEED, alone=True),
    "narrow-links": Kind(("clients",), (5, 10), amount=(3, 16), alone=True),
    "stalling-links": Kind(("clients",), (3, 8), amount=SEED, alone=True),
}
SQLITE_KINDS = {"disk-full", "disk-full-both", "slow-disk", "turned-back", "restored", "log-tail-lost",
                "file-lost", "file-damaged", "power-loss", "sync-error"}


def cards(store):
    """Every kind of fault with every service it may hit on this kind of store."""
    return [(kind, service) for kind, rule in KINDS.items() for service in rule.services
            if (store == "mongodb" and kind not in SQLITE_KINDS) or
            (store == "sqlite" and service != "store")]


def _amount(rng, bounds):
    if not bounds:
        return 0
    return rng.randint(*bounds) or 1


def _fault(rng, card, start):
    kind, service = card
    rule = KINDS[kind]
    if service in SERVICES:
        chosen = range(INSTANCES) if rule.both else [rng.randrange(INSTANCES)]
        targets = tuple(f"{service}-{index}" for index in chosen)
    else:
        targets = (service,)
    return Fault(kind, targets, round(start, 2), round(rng.uniform(*rule.seconds), 2),
                 _amount(rng, rule.amount))


class _Deck:
    """Every card once, in random order, before any comes again."""

    def __init__(self, rng, store):
        self._rng, self._all, self._left = rng, cards(store), []

    def draw(self, fits=lambda card: True):
        """The next card that fits, or None if none is left that does."""
        if not self._left:
            self._left = self._rng.sample(self._all, len(self._all))
        for index, card in enumerate(self._left):
            if fits(card):
                return self._left.pop(index)
        return None


def make(seed, seconds, store="sqlite", kinds=None):
    """The faults of a run, by their start: one at a time, or two of different services. All end
    within `seconds`. `kinds` are the only ones to use, None: all."""
    rng = random.Random(f"faults {seed}")
    deck = _Deck(rng, store)
    faults, now = [], rng.uniform(*GAP_SECONDS)

    def allowed(card):
        return kinds is None or card[0] in kinds
    while True:
        card = deck.draw(allowed)
        if card is None:  # only others are left: the next draw shuffles again
            deck = _Deck(rng, store)
            card = deck.draw(allowed)
        first = _fault(rng, card, now)
        if first.end + KINDS[first.kind].calm > seconds:
            return sorted(faults, key=lambda fault: fault.start)
        faults.append(first)
        end = first.end
        if rng.random() < OVERLAP_CHANCE and not KINDS[first.kind].alone:
            other = deck.draw(lambda card: allowed(card) and card[1] != first.service and
                              not KINDS[card[0]].alone)
            if other is not None:
                second = _fault(rng, other, rng.uniform(first.start, first.end))
                if second.end <= seconds:
                    faults.append(second)
                    end = max(end, second.end)
        now = end + KINDS[first.kind].calm + rng.uniform(*GAP_SECONDS)
