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
}


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


@dataclasses.dataclass(frozen=True)
class Plan:
    """`pairs` are of tags; `rate` is messages a second, of all together."""
    seed: int
    users: tuple
    pairs: tuple
    devices: tuple
    rate: float

    def peers(self, user):
        return [other for pair in self.pairs if user in pair for other in pair if other != user]

    def actions(self, device):
        """Without end."""
        rng = random.Random(f"device {self.seed} {device.name}")
        sends = sum(weight for kind, weight in WEIGHTS.items() if kind.startswith("send"))
        pause = len(self.devices) * sends / sum(WEIGHTS.values()) / self.rate
        peers = self.peers(device.user)
        for number in itertools.count():
            kind, = rng.choices(list(WEIGHTS), WEIGHTS.values())
            wait, peer = rng.expovariate(1 / pause), rng.choice(peers)
            filler, away = rng.choice(FILLERS), rng.uniform(0.5, 6)
            if kind == "name" and not device.first:
                kind = "list"
            word = ""
            if kind.startswith("send"):
                word = f"{device.name}-{number} {filler}".strip()
            elif kind == "name":
                word = "N" + "".join(NAME_LETTERS[int(digit)] for digit in str(number))
            yield Action(kind, wait, peer, word, away if kind == "away" else 0.0)


def make(seed, rate, users=20, pairs=25):
    rng = random.Random(f"plan {seed}")
    tags = tuple(f"@person{number:02}" for number in range(users))
    # Every user has a peer: a ring through half of them, the others at random.
    must = [tuple(sorted(pair)) for pair in zip(tags[::2], tags[1::2])]
    rest = [pair for pair in itertools.combinations(tags, 2) if pair not in must]
    chosen = must + rng.sample(rest, pairs - len(must))
    devices = []
    for tag in tags:
        offline = rng.random() < 0.2
        for number in range(rng.choice((1, 1, 2))):
            devices.append(DevicePlan(f"{tag[1:]}d{number}", tag, number == 0,
                                      offline or rng.random() < 0.1))
    return Plan(seed, tags, tuple(chosen), tuple(devices), rate)
