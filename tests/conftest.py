"""Stacks that tests share, users, and the programs' logs beside every failure."""

import itertools
import os
import signal

import pytest
import requests

from support.client import Crowd, User
from support.compose import running_inside
from support.stack import Stack, live_stacks
from support.wait import PATIENCE_SECONDS

# MongoDB's library puts counters into shared memory when a program is loaded: one that is killed leaves them behind, and
# the next one with its process number complains.
os.environ["MONGOC_DISABLE_SHM"] = "1"

# They need a stack in containers, which `make test-compose` starts.
collect_ignore = [] if running_inside() else ["compose"]



class SharedStack:
    """A stack for many tests. A test that breaks it fails, and the next one gets a fresh stack."""

    def __init__(self, **options):
        self._options = options
        self._stack = None

    def get(self):
        if self._stack is not None and not self._stack.healthy():
            self._stack.destroy()
            self._stack = None
        if self._stack is None:
            self._stack = Stack(**self._options).start()
        return self._stack

    def stop(self):
        if self._stack is not None:
            self._stack.stop()


def lend(shared):
    """For fixtures: the shared stack, with a check that the test has ended none of its programs."""
    stack = shared.get()
    before = stack.pids()
    yield stack
    assert stack.pids() == before, "a program has ended during the test"


@pytest.fixture(scope="session")
def shared_single():
    shared = SharedStack()
    yield shared
    shared.stop()


@pytest.fixture(scope="session")
def shared_pair():
    shared = SharedStack(gateways=2, users=2, messages=2, presences=2)
    yield shared
    shared.stop()


@pytest.fixture
def stack(shared_single):
    """One of each program, shared by all tests that end none of them."""
    yield from lend(shared_single)


@pytest.fixture
def pair(shared_pair):
    """Two of each program, shared likewise."""
    yield from lend(shared_pair)


@pytest.fixture
def crowd():
    """Makes users, on any stack, whose sockets are closed after the test."""
    crowd = Crowd()
    yield crowd
    crowd.close()


@pytest.fixture
def alice(stack, crowd):
    return crowd.user(stack, firstName="Alice", lastName="Liddell")


@pytest.fixture
def bob(stack, crowd):
    return crowd.user(stack, firstName="Bob", lastName="Builder")


def pytest_collection_modifyitems(items):
    """Files with slow tests first, so that none is left at the end for one worker; and files that keep the
    processor busy with a browser in turn with the others, which mostly wait."""
    files = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    browser = [path for path in files if "browser" in path.parts]
    others = sorted((path for path in files if path not in browser),
                    key=lambda path: not any(item.get_closest_marker("slow") for item in files[path]))
    turns = itertools.chain.from_iterable(itertools.zip_longest(others, browser))
    items[:] = [item for path in turns if path for item in files[path]]


def pytest_configure(config):
    """On SIGTERM end as on Ctrl-C, so that no program is left running."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    """A test that hangs fails, and the next one runs."""
    limit = 600 if item.get_closest_marker("slow") else 300

    def too_long(number, frame):
        raise AssertionError(f"the test did not end within {limit} s")
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(limit)
    yield
    signal.alarm(0)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    for stack in live_stacks():
        stack.mark_logs()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for number, stack in enumerate(live_stacks()):
            tails = stack.log_tails(since_mark=True)
            if tails:
                report.sections.append((f"logs of stack {number}", tails))


class Witness:
    """Somebody who is there all the time and must notice nothing."""

    def __init__(self, stack):
        self.stack = stack
        self.user = User(stack)
        self.socket = self.user.socket()

    def check(self):
        assert self.socket.call("getSelfInfo")["tag"] == self.user.tag
        assert requests.get(self.stack.url(path="/healthz"), timeout=PATIENCE_SECONDS).status_code == 200


@pytest.fixture(scope="session")
def witnesses():
    by_stack = {}
    yield by_stack
    for witness in by_stack.values():
        witness.user.close()


@pytest.fixture
def witness(stack, witnesses):
    """After the test, an open socket and HTTP must work as before."""
    if stack not in witnesses:
        witnesses[stack] = Witness(stack)
    yield witnesses[stack]
    witnesses[stack].check()
