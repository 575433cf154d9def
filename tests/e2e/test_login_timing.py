"""Log-ins with real argon2 parameters: their time reveals nothing, and they delay no other client."""

import json
import sqlite3
import statistics
import time

import pytest

from support.client import User, login, unique
from support.raw import Connection, HttpAnswer, request_bytes
from support.stack import Stack
from support.wait import wait_until

ROUNDS = 15
LOGINS_AT_ONCE = 50
CALLS = 20


@pytest.fixture(scope="module")
def real_hashing():
    # With the program's own cost of a hash, and time for fifty of them on a busy machine.
    settings = {"password.hashMemoryKib": None, "password.hashPasses": None, "rpc.timeoutMs": 60000,
                "store.users": None}
    with Stack(settings=settings) as stack:
        yield stack


def cpu_seconds(program):
    """The CPU time of a process: unlike the time on the clock, it does not grow with what else runs."""
    return time.clock_gettime(~program.pid << 3 | 2)  # as clock_getcpuclockid(3) makes it


def cost_of_login(stack, email, password):
    """Of one that is refused, in CPU time of the service that looks at it."""
    service = stack.program("user")
    before = cpu_seconds(service)
    assert login(stack.url(), email, password).status_code == 401
    return cpu_seconds(service) - before


@pytest.mark.parametrize("typed", ["wrong-password", "wrong-pa\u0301ssword"], ids=["prepared", "not prepared"])
def test_unknown_email_costs_as_much_as_a_wrong_password(real_hashing, typed):
    user = User(real_hashing)
    store = sqlite3.connect(real_hashing.directory / "data" / "users.db")
    assert store.execute("SELECT password_hash FROM user").fetchone()[0].startswith("$argon2id$v=19$m=19456,t=2")
    wrong, unknown = [], []
    for _ in range(ROUNDS):
        wrong.append(cost_of_login(real_hashing, user.email, typed))
        unknown.append(cost_of_login(real_hashing, unique() + "@example.com", typed))
    ratio = statistics.median(unknown) / statistics.median(wrong)
    print(f"CPU time: wrong password {statistics.median(wrong) * 1000:.1f} ms, "
          f"unknown e-mail {statistics.median(unknown) * 1000:.1f} ms, ratio {ratio:.2f}")
    assert 0.5 < ratio < 2  # without a hash it would be a hundredth


class PendingLogin:
    """A log-in whose answer is looked at when it is there."""

    def __init__(self, stack, user):
        body = json.dumps({"user": {"email": user.email, "password": user.password}}).encode()
        self._connection = Connection(stack.ports[0])
        self._connection.send(request_bytes("POST", "/login", body,
                                            {"Content-Type": "application/json"}))

    def answered(self):
        self._connection.read_more(0)
        return self._connection.ended or b"\r\n\r\n" in self._connection.received

    def status(self):
        self._connection.close()
        return HttpAnswer(self._connection.received).status


def test_an_open_socket_is_answered_while_log_ins_wait(real_hashing):
    """Each call overtakes earlier log-ins: they delay no other call."""
    user = User(real_hashing)
    socket = user.socket()
    socket.call("getSelfInfo")
    pending, done, times = [], [], []
    for _ in range(CALLS):
        pending += [PendingLogin(real_hashing, user) for _ in range(LOGINS_AT_ONCE - len(pending))]
        before = time.perf_counter()
        socket.call("getSelfInfo")
        times.append((time.perf_counter() - before) * 1000)
        done += [login for login in pending if login.answered()]
        pending = [login for login in pending if login not in done]
        assert pending, "the call was answered after all of them"
    wait_until(lambda: all(login.answered() for login in pending), "all log-ins")
    print(f"calls beside {LOGINS_AT_ONCE} log-ins: median {statistics.median(times):.2f} ms, slowest {max(times):.2f} ms")
    user.close()
    assert {login.status() for login in pending + done} == {200}


def test_log_ins_at_once_all_get_a_right_answer(real_hashing):
    """Half of them with a wrong password: the lane for hashing mixes nothing up."""
    user = User(real_hashing)
    answers = []
    for number in range(12):
        attempt = user if number % 2 else WrongPassword(user)
        answers.append((200 if number % 2 else 401, PendingLogin(real_hashing, attempt)))
    wait_until(lambda: all(login.answered() for _, login in answers), "all log-ins")
    assert [login.status() for _, login in answers] == [expected for expected, _ in answers]


class WrongPassword:
    def __init__(self, user):
        self.email, self.password = user.email, user.password + "x"
