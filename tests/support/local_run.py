"""`make run` as a test starts it."""

import contextlib
import os
import pathlib
import re
import signal
import subprocess

import requests

from support.ports import free_port
from support.process import REPOSITORY, clean_environment
from support.wait import wait_until



def environment_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def state_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (OSError, IndexError):
        return "X"


def name_of(pid):
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe"))
    except OSError:
        return ""


def hear_ctrl_c():
    """A shell makes what it starts in the background deaf to Ctrl-C, and that is inherited."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class LocalRun:
    """A running `make run`. Its processes are known by a mark in their environment."""

    def __init__(self, directory, **env):
        self.directory = pathlib.Path(directory)
        self.nats_port, self.port = free_port(), free_port()
        free_port()  # for a second gateway, which listens one port further
        self.mark = f"MESSENGER_TEST_RUN={self.directory}"
        self._log = self.directory / "output.txt"
        variables = {"PORT": self.port, "NATS_PORT": self.nats_port, "DATA_DIR": self.directory / "data",
                     "NO_INSTALL": 1, **env}
        environment = {**clean_environment(), **{k: str(v) for k, v in variables.items()}}
        environment.update([self.mark.split("=", 1)])
        self._variables = variables
        with open(self._log, "wb") as log:
            self.process = subprocess.Popen(
                ["make", "--no-print-directory", "run"], cwd=REPOSITORY, env=environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=hear_ctrl_c)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        wait_until(self._kill_all, "the last of its processes to be gone")
        self.process.wait()

    def _kill_all(self):
        """Those that a test has left behind; again and again, since one may restart another."""
        left = self.pids()
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not left

    def url(self, path=""):
        return f"http://127.0.0.1:{self._variables['PORT']}{path}"

    def output(self):
        return self._log.read_text(errors="replace")

    def lines(self, pattern):
        return [line for line in self.output().splitlines() if re.search(pattern, line, re.IGNORECASE)]

    def pids(self, name=None):
        """All its processes that live, or those of one program."""
        found = [int(entry) for entry in os.listdir("/proc")
                 if entry.isdigit() and self.mark.encode() in environment_of(entry).split(b"\0")]
        return [pid for pid in found if state_of(pid) not in "ZX" and name in (None, name_of(pid))]

    def ready(self):
        try:
            return requests.get(self.url("/readyz"), timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def wait_ready(self):
        def ready_or_ended():
            assert self.process.poll() is None, f"ended:\n{self.output()}"
            return self.ready()
        wait_until(ready_or_ended, lambda: f"make run to be ready:\n{self.output()}")
        return self

    def wait_stopped(self):
        wait_until(lambda: self.process.poll() is not None and not self.pids(),
                   lambda: f"all to stop; left: {[name_of(p) for p in self.pids()]}\n{self.output()}")
