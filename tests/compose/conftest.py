"""The stack in containers, shared by all tests; its logs beside every failure."""

import pytest

from support.client import Crowd
from support.compose import ComposeStack


@pytest.fixture(scope="session")
def shared():
    stack = ComposeStack()
    stack.wait_ready()
    return stack


@pytest.fixture
def stack(shared):
    """Whole before each test, whatever the one before has done."""
    shared.wait_ready()
    return shared


@pytest.fixture
def crowd():
    crowd = Crowd()
    yield crowd
    crowd.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed and "shared" in item.funcargs:
        report.sections.append(("logs of the containers", item.funcargs["shared"].log_tails()))
