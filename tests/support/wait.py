"""The only place in the tests that pauses. Everything else waits on a condition through here."""

import time

POLL_SECONDS = 0.01
# A condition that is not true after this time counts as a failure. It is no performance goal: a busy
# machine is slow, and no verdict may depend on that.
PATIENCE_SECONDS = 60.0


def wait_until(predicate, what="the condition", timeout=PATIENCE_SECONDS, poll=POLL_SECONDS):
    """Polls until predicate() is true and returns its value; fails the test after timeout seconds.

    `what` is a text, or a function that makes one when it has come to that. `poll` is for questions that keep
    the one who is asked from what is waited for."""
    deadline = time.monotonic() + timeout
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() >= deadline:
            text = what() if callable(what) else what
            raise AssertionError(f"waited {timeout:g} s for {text}, without success")
        time.sleep(poll)


def stays_true(predicate, duration, what="the condition"):
    """Fails the test if predicate() turns false within duration seconds."""
    deadline = time.monotonic() + duration
    while True:
        assert predicate(), f"did not hold for {duration:g} s: {what}"
        if time.monotonic() >= deadline:
            return
        time.sleep(POLL_SECONDS)


def pass_time(seconds, what):
    """Lets time pass where time itself is tested; `what` is the reason."""
    stays_true(lambda: True, seconds, what)


def next_millisecond(date_ms):
    """Waits until the clock has left the millisecond date_ms, so that what follows is newer."""
    wait_until(lambda: int(time.time() * 1000) > date_ms, "the clock to move on")


def wait_lasting(predicate, duration, what="the condition", timeout=2 * PATIENCE_SECONDS):
    """Waits until predicate() has been true for duration seconds without a break."""
    deadline = time.monotonic() + timeout
    since = None
    while since is None or time.monotonic() - since < duration:
        now = time.monotonic()
        if not predicate():
            assert now < deadline, f"waited {timeout:g} s for {what}, to last {duration:g} s"
            since = None
        elif since is None:
            since = now
        time.sleep(POLL_SECONDS)
