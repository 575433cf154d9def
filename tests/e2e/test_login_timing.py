"""Log-ins with real argon2 parameters: they tell nothing by their time, and they slow nobody down."""

import json
import statistics
import time

import pytest

from support.client import User, login, unique
from support.raw import Connection, HttpAnswer, request_bytes
from support.stack import Stack
from support.wait import wait_until

ROUNDS = 15
LOGINS_AT_ONCE = 50
CALLS = 100
SLOWEST_CALL_MS = 100


@pytest.fixture(scope="module")
def real_hashing():
    with Stack(settings={"password.hashMemoryKib": None, "password.hashPasses": None}) as stack:
        yield stack


def timed_login(stack, email, password):
    started = time.perf_counter()
    response = login(stack.url(), email, password)
    seconds = time.perf_counter() - started
    assert response.status_code == 401
    return seconds


def test_unknown_email_takes_as_long_as_a_wrong_password(real_hashing):
    user = User(real_hashing)
    timed_login(real_hashing, user.email, "wrong-password")
    wrong, unknown = [], []
    for _ in range(ROUNDS):
        wrong.append(timed_login(real_hashing, user.email, "wrong-password"))
        unknown.append(timed_login(real_hashing, unique() + "@example.com", "wrong-password"))
    ratio = statistics.median(unknown) / statistics.median(wrong)
    print(f"wrong password {statistics.median(wrong) * 1000:.1f} ms, "
          f"unknown e-mail {statistics.median(unknown) * 1000:.1f} ms, ratio {ratio:.2f}")
    assert statistics.median(wrong) > 0.005, "this is too quick for real argon2 parameters"
    assert 0.7 < ratio < 1.4


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


def test_fifty_log_ins_at_once_do_not_slow_an_open_socket(real_hashing):
    user = User(real_hashing)
    socket = user.socket()
    socket.call("getSelfInfo")
    started = time.perf_counter()
    pending = [PendingLogin(real_hashing, user) for _ in range(LOGINS_AT_ONCE)]
    times, during = [], 0
    while len(times) < CALLS or not all(login.answered() for login in pending):
        before = time.perf_counter()
        socket.call("getSelfInfo")
        times.append((time.perf_counter() - before) * 1000)
        during += not pending[-1].answered()
        assert time.perf_counter() - started < 60, "the log-ins are not answered"
    statuses = [login.status() for login in pending]
    times.sort()
    print(f"{len(times)} calls, {during} of them while the last log-in waited: median "
          f"{statistics.median(times):.2f} ms, p95 {times[int(len(times) * .95)]:.2f} ms, "
          f"slowest {times[-1]:.2f} ms")
    user.close()
    assert statuses == [200] * LOGINS_AT_ONCE
    assert during > 0, "no call was made while log-ins were being worked on"
    assert times[-1] <= SLOWEST_CALL_MS


def test_log_ins_at_once_all_get_a_right_answer(real_hashing):
    """Half of them with a wrong password: the lane for hashing mixes nothing up."""
    user = User(real_hashing)
    answers = []
    for number in range(12):
        attempt = user if number % 2 else WrongPassword(user)
        answers.append((200 if number % 2 else 401, PendingLogin(real_hashing, attempt)))
    wait_until(lambda: all(login.answered() for _, login in answers), 30, "all log-ins")
    assert [login.status() for _, login in answers] == [expected for expected, _ in answers]


class WrongPassword:
    def __init__(self, user):
        self.email, self.password = user.email, user.password + "x"
