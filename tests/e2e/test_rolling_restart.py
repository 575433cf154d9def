"""A rolling update: each instance in turn is restarted while users write."""

import pytest

from support.client import User
from support.ledger import Ledger
from support.stack import KINDS, Stack

PAIRS = 6


class Balanced:
    """Spreads sockets over the gateways of a stack, as a balancer in front of them does."""

    def __init__(self, stack):
        self._stack, self._next = stack, 0

    def url(self, *_, path=""):
        ready = [n for n in range(len(self._stack.ports)) if self._stack.program("gateway", n).alive]
        self._next += 1
        return self._stack.url(ready[self._next % len(ready)], path)

    def reachable(self):
        return self._stack.ready(0) or self._stack.ready(1)


@pytest.mark.slow
def test_nothing_is_lost_while_every_instance_is_restarted_in_turn():
    with Stack(gateways=2, users=2, messages=2, presences=2) as stack:
        people = [User(stack) for _ in range(2 * PAIRS)]
        for user in people:
            user.stack = Balanced(stack)
        ledger = Ledger(list(zip(people[::2], people[1::2])))
        with ledger:
            for kind in KINDS:
                for instance in range(2):
                    stack.terminate(kind, instance)  # fails unless it ends with 0 within 10 s
                    ledger.wait_progress()
                    stack.restart(kind, instance)
                    ledger.wait_progress()
        print(ledger.totals())
        ledger.check()
