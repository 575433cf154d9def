"""Faults under load: no acknowledged message is lost, none comes twice, and clients that connect
again find everything."""

import pytest

from support.compose import PROGRAMS
from support.ledger import Ledger

PAIRS = 3


@pytest.fixture
def pairs(stack, crowd):
    return [crowd.users(stack, 2) for _ in range(PAIRS)]


@pytest.mark.slow
def test_every_container_is_killed_in_turn(stack, pairs):
    with Ledger(pairs) as ledger:
        for container in stack.containers():
            ledger.wait_progress()
            container.crash()
            print(f"killed {container.service}: {ledger.totals()}")
        ledger.wait_progress()
    print(ledger.totals())
    ledger.check()


@pytest.mark.slow
@pytest.mark.parametrize("service", PROGRAMS)
def test_a_service_is_restarted_one_by_one(stack, pairs, service):
    """One after the other is stopped and started, as for a new version."""
    with Ledger(pairs) as ledger:
        for container in stack.containers(service):
            ledger.wait_progress()
            assert container.stop() == 0, container
            container.start()
        ledger.wait_progress()
    print(ledger.totals())
    ledger.check()


@pytest.mark.slow
@pytest.mark.parametrize("service", ["nats", "mongo", "balancer"])
def test_single_containers_are_restarted(stack, pairs, service):
    with Ledger(pairs) as ledger:
        (container,) = stack.containers(service)
        for _ in range(2):
            ledger.wait_progress()
            container.stop()
            container.start()
        stack.wait_ready()
        ledger.wait_progress()
    print(ledger.totals())
    ledger.check()
