"""Who there is and what each device does, one thing after the other: made from the seed alone."""

import dataclasses
import itertools
import random

FILLERS = ("", "hi", "how are you?", "привет, как дела", "😍 👍🏽", "\"quoted\" \\ and \t tabbed", "x" * 120)
NAME_LETTERS = "abcdefghij"

# kind -> how often of a hundred things a device does
WEIGHTS = {
    "send": 72,
    "send-twice": 5,   # the same at once, as by an impatient app
    "send-and-drop": 3,  # the connection breaks before the answer comes
    "mark": 11,
    "list": 4,
    "away": 2,         # closes its socket, reconnects
    "drop": 2,         # the connection breaks
    "name": 1,         # on the first device of a user alone
    "old": 2,          # reads old messages
}
LATE_USERS, LATE_PAIRS = 3, 5
IDLE_PAIRS, IDLE_CHANCE = 4, 0.01  # conversations that have existed since the start, and are nearly never used
NARROW_CHANCE = 0.3


@dataclasses.dataclass(frozen=True)
class Action:
    """`pause` seconds before it. `peer` is a tag; `word` a text or a name; `seconds` how long away."""
    kind: str
    pause: float
    peer: str = ""
    word: str = ""
    seconds: float = 0.0


@dataclasses.dataclass(frozen=True)
class DevicePlan:
    name: str  # unique, letters and digits
    user: str
    first: bool  # of its user
    ends_offline: bool
    narrow: bool = False  # behind a link that may become narrow


@dataclasses.dataclass(frozen=True)
class Plan:
    """`pairs` are of tags; `joins`: when the users who come later sign up, in seconds; `idle`: pairs that are seldom
    used; `rate` is messages a second, of all together."""
    seed: int
    users: tuple
    pairs: tuple
    devices: tuple
    rate: float
    joins: dict = dataclasses.field(default_factory=dict)
    idle: tuple = ()

    def befriended_at(self, pair):
        """Seconds after the start, for all pairs."""
        return max(self.joins.get(tag, 0) for tag in pair)

    def peers(self, user):
        return [other for pair in self.pairs if user in pair for other in pair if other != user]

    def actions(self, device):
        """Without end."""
        rng = random.Random(f"device {self.seed} {device.name}")
        sends = sum(weight for kind, weight in WEIGHTS.items() if kind.startswith("send"))
        pause = len(self.devices) * sends / sum(WEIGHTS.values()) / self.rate
        peers = self.peers(device.user)
        idle = [peer for peer in peers if tuple(sorted((peer, device.user))) in self.idle]
        lively = [peer for peer in peers if peer not in idle] or peers
        for number in itertools.count():
            kind, = rng.choices(list(WEIGHTS), WEIGHTS.values())
            wait = rng.expovariate(1 / pause)
            peer = rng.choice(idle if idle and rng.random() < IDLE_CHANCE else lively)
            filler, away = rng.choice(FILLERS), rng.uniform(0.5, 6)
            if kind == "name" and not device.first:
                kind = "list"
            word = ""
            if kind.startswith("send"):
                word = f"{device.name}-{number} {filler}".strip()
            elif kind == "name":
                word = "N" + "".join(NAME_LETTERS[int(digit)] for digit in str(number))
            yield Action(kind, wait, peer, word, away if kind == "away" else 0.0)


def make(seed, rate, seconds=60, users=20, pairs=25):
    """`seconds`: how long the faults last."""
    rng = random.Random(f"plan {seed}")
    tags = tuple(f"@person{number:02}" for number in range(users))
    # Every user has a peer: a ring through half of them, the others at random.
    must = [tuple(sorted(pair)) for pair in zip(tags[::2], tags[1::2])]
    rest = [pair for pair in itertools.combinations(tags, 2) if pair not in must]
    chosen = must + rng.sample(rest, pairs - len(must))
    idle = tuple(chosen[len(must):len(must) + IDLE_PAIRS])
    late = tuple(f"@late{number}" for number in range(LATE_USERS))
    joins = {tag: round(rng.uniform(0.1, 0.8) * seconds, 1) for tag in late}
    with_late = [pair for pair in itertools.combinations(tags + late, 2) if pair[1] in late]
    chosen += sorted({next(pair for pair in with_late if pair[1] == tag) for tag in late} |
                     set(rng.sample(with_late, LATE_PAIRS)))
    chosen = [tuple(sorted(pair)) for pair in chosen]
    tags += late
    devices = []
    for tag in tags:
        offline = rng.random() < 0.2
        for number in range(rng.choice((1, 1, 2))):
            devices.append(DevicePlan(f"{tag[1:]}d{number}", tag, number == 0,
                                      offline or rng.random() < 0.1,
                                      rng.random() < NARROW_CHANCE))
    return Plan(seed, tags, tuple(chosen), tuple(devices), rate, joins, tuple(tuple(sorted(p)) for p in idle))
