"""`make run`: everything on this machine with one command."""

import os
import re
import signal
import socket

import pytest
import requests

from support.local_run import LocalRun
from support.ports import free_port
from support.stack import KINDS
from support.wait import wait_until


def test_starts_restarts_and_stops_on_sigterm(tmp_path):
    with LocalRun(tmp_path) as run:
        run.wait_ready()
        wait_until(lambda: run.lines(rf"http://\S*:{run.port}\b"), "the line with the address")
        assert len(run.lines(rf"http://\S*:{run.port}\b")) == 1, run.output()
        assert requests.get(run.url("/")).status_code == 200
        for kind in KINDS:
            check_restart(run, kind)
        os.kill(run.process.pid, signal.SIGTERM)
        run.wait_stopped()


def check_restart(run, kind):
    """kill -9 of a program: it is restarted, and a line names it and the reason."""
    (old,) = run.pids(kind)
    before = len(run.output().splitlines())
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: [pid for pid in run.pids(kind) if pid != old], f"another {kind}")
    wait_until(run.ready, f"all to be ready after {kind} was killed")
    new = run.output().splitlines()[before:]
    said = [line for line in new if kind in line and re.search(r"signal 9|SIGKILL|killed", line, re.I)]
    assert said, "\n".join(new)


def test_ctrl_c_stops_everything(tmp_path):
    with LocalRun(tmp_path) as run:
        run.wait_ready()
        wait_until(lambda: run.lines("ready at"), "the line that says so")
        os.killpg(run.process.pid, signal.SIGINT)
        run.wait_stopped()
        after = run.output().split(" ready at ", 1)[1].splitlines()[1:]
        assert after == ["messenger: stopping"], run.output()


def test_number_of_instances(tmp_path):
    with LocalRun(tmp_path, USERS=2, MESSAGES=2, PRESENCES=3) as run:
        run.wait_ready()
        counts = {kind: len(run.pids(kind)) for kind in KINDS}
        assert counts == {"gateway": 1, "user": 2, "message": 2, "presence": 3}
        os.kill(run.process.pid, signal.SIGTERM)
        run.wait_stopped()


def test_two_gateways(tmp_path):
    with LocalRun(tmp_path, GATEWAYS=2) as run:
        run.wait_ready()
        wait_until(lambda: len(run.pids("gateway")) == 2, "two gateways")
        os.kill(run.process.pid, signal.SIGTERM)
        run.wait_stopped()


def test_accounts_and_key_are_kept_for_the_next_run(tmp_path):
    user = {"tag": "@keeper", "firstName": "Test", "lastName": "User", "email": "keeper@example.com",
            "password": "password"}
    with LocalRun(tmp_path) as run:
        run.wait_ready()
        cookie = requests.post(run.url("/signup"), json={"user": user}).cookies["auth"]
        os.kill(run.process.pid, signal.SIGTERM)
        run.wait_stopped()
    with LocalRun(tmp_path) as run:
        run.wait_ready()
        login = requests.post(run.url("/login"), json={"user": user})
        assert login.status_code == 200
        refused = requests.post(run.url("/upload-image"), cookies={"auth": cookie},
                                files={"image": ("a.png", b"x", "image/png")})
        assert refused.status_code == 400, "the token of the first run is still good"
        os.kill(run.process.pid, signal.SIGTERM)
        run.wait_stopped()


# A failed start prints one line

def assert_fails(run, *words):
    wait_until(lambda: run.process.poll() is not None, lambda: f"an end:\n{run.output()}")
    assert run.process.returncode != 0
    said = [line for line in run.output().splitlines() if all(word in line for word in words)]
    assert len(said) == 1, run.output()
    run.wait_stopped()


@pytest.mark.parametrize("which", ["PORT", "NATS_PORT"])
def test_taken_port(tmp_path, which):
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("0.0.0.0", free_port()))
        taken.listen()
        port = taken.getsockname()[1]
        with LocalRun(tmp_path, **{which: port}) as run:
            assert_fails(run, str(port))


def test_unwritable_directory(tmp_path):
    """Below a regular file no user can write, not even root."""
    (tmp_path / "file").write_text("not a directory")
    data = tmp_path / "file" / "data"
    with LocalRun(tmp_path, DATA_DIR=data) as run:
        assert_fails(run, str(data))
