"""`make run`: everything on this machine with one command."""

import contextlib
import os
import pathlib
import re
import signal
import socket

import pytest
import requests

from support import nats
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


# It is closed

def modes_beyond_the_owner(directory):
    return [str(path) for path in directory.rglob("*") if path.lstat().st_mode & 0o077 and not path.is_symlink()]


def test_all_files_are_for_their_owner_only(tmp_path):
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    (data / "logs").mkdir(mode=0o755)
    (data / "jwt.key").write_text("k" * 64)  # as an earlier version could have left it
    (data / "jwt.key").chmod(0o644)
    old_mask = os.umask(0o022)
    try:
        with LocalRun(tmp_path) as run:
            run.wait_ready()
            assert (data / "messages.db").exists() and (data / "users.db").exists()
            assert (data / "secrets" / "nats_gateway").exists()
            assert modes_beyond_the_owner(data) == []
            os.kill(run.process.pid, signal.SIGTERM)
            run.wait_stopped()
    finally:
        os.umask(old_mask)
    assert modes_beyond_the_owner(data) == []


def test_nats_refuses_clients_without_a_password_and_lets_the_monitor_watch(tmp_path):
    with LocalRun(tmp_path) as run:
        run.wait_ready()
        logins = [{}, *({"user": user, "password": "guessed"}
                        for user in ("gateway", "user", "message", "presence", "monitor"))]
        for login in logins:
            with pytest.raises(nats.Refused):
                nats.Client(run.nats_port, **login)
        password = (tmp_path / "data" / "secrets" / "nats_monitor").read_text()
        with nats.Client(run.nats_port, user="monitor", password=password) as monitor:
            events = monitor.subscribe("event.user.registered")
            assert requests.post(run.url("/signup"), json={"user": {
                "tag": "@watched", "firstName": "Test", "lastName": "User", "email": "watched@example.com",
                "password": "password"}}).status_code == 200
            assert b"@watched" in events.next().data
        os.kill(run.process.pid, signal.SIGTERM)
        run.wait_stopped()


def listeners(run):
    """The addresses at which its processes listen."""
    inodes = set()
    for pid in run.pids():
        for entry in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                inodes.add(os.readlink(f"/proc/{pid}/fd/{entry}"))
    found = set()
    for name, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in pathlib.Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            columns = line.split()
            if columns[3] == "0A" and f"socket:[{columns[9]}]" in inodes:
                words = bytes.fromhex(columns[1].split(":")[0])
                address = b"".join(words[i:i + 4][::-1] for i in range(0, len(words), 4))
                found.add(socket.inet_ntop(family, address))
    return found


@pytest.mark.parametrize("host, expected", [(None, {"127.0.0.1"}), ("127.0.0.2", {"127.0.0.1", "127.0.0.2"}),
                                            ("0.0.0.0", {"127.0.0.1", "0.0.0.0"})])
def test_it_listens_on_this_machine_only_unless_a_host_is_given(tmp_path, host, expected):
    with LocalRun(tmp_path, **({"HOST": host} if host else {})) as run:
        wait_until(lambda: run.lines("ready at"), lambda: f"the line that says so:\n{run.output()}")
        assert listeners(run) == expected
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
