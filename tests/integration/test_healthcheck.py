"""`--healthcheck`, which containers run: it needs no shell and no other tool."""

import pytest

from support.stack import KINDS, SERVICES, Stack
from support.wait import wait_until


@pytest.fixture(scope="module")
def own():
    with Stack() as stack:
        yield stack


@pytest.fixture
def whole(own):
    yield own
    own.repair()


def check(stack, kind, healthy, *words):
    """Asks, and checks exit code and the one line."""
    done = stack.run_once(kind, "--healthcheck")
    assert done.returncode == (0 if healthy else 1), done
    assert done.stderr == "" and done.stdout.count("\n") == 1, done
    assert done.stdout.startswith(f"{kind}: {'' if healthy else 'not '}healthy: "), done
    for word in words:
        assert word in done.stdout, done


@pytest.mark.parametrize("kind", KINDS)
def test_a_running_program_is_healthy(whole, kind):
    check(whole, kind, True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_stopped_program_is_not_healthy(whole, kind):
    whole.kill(kind)
    check(whole, kind, False)


@pytest.mark.parametrize("kind", SERVICES)
def test_a_frozen_service_is_not_healthy(whole, kind):
    whole.program(kind).freeze()
    check(whole, kind, False, "DEADLINE")


@pytest.mark.parametrize("kind", SERVICES)
def test_without_nats_no_service_is_healthy(whole, kind):
    whole.stop_nats()
    check(whole, kind, False, "NATS")


def test_a_gateway_whose_services_are_away_is_not_ready(whole):
    whole.kill("user")
    wait_until(lambda: not whole.ready(), "/readyz to answer 503")
    check(whole, "gateway", False, "503")


def test_an_invalid_configuration_is_reported(own):
    done = own.run_once("user", "--healthcheck", env={"MESSENGER_NATS_REPLICAS": "6"})
    assert done.returncode == 2 and "nats.replicas" in done.stderr
