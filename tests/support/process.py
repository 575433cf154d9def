"""One program of the stack: a process that can be started, stopped, killed, frozen and started again."""

import os
import pathlib
import signal
import subprocess

from support.wait import PATIENCE_SECONDS, wait_until

# For bounds of memory: sanitizers (tests/run-sanitized.sh) add to each allocation, and keep freed memory for a while.
MEMORY_FACTOR = 6 if os.environ.get("MESSENGER_SANITIZER") else 1
# For time-outs of programs that a test of something else must not meet: so much slower they are.
TIME_FACTOR = 10 if os.environ.get("MESSENGER_SANITIZER") else 1

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


def binary(name):
    """Path of a built program; MESSENGER_BIN names another build's directory."""
    directory = os.environ.get("MESSENGER_BIN") or REPOSITORY / "build" / "release" / "bin"
    path = pathlib.Path(directory) / name
    if not path.exists():
        raise FileNotFoundError(f"{path} is not built: run make first")
    return str(path)


def clean_environment():
    """The environment without settings that would leak into the programs under test."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("MESSENGER_")}
    return {"MONGOC_DISABLE_SHM": "1", **kept}  # see tests/conftest.py


class Program:
    """`name` is unique in its stack, for example `gateway-0`."""

    def __init__(self, name, argv, env, log_path):
        self.name, self.argv, self.env, self.log_path = name, argv, dict(env), log_path
        self._process = None
        self._frozen = False
        self._log_mark = 0

    @property
    def pid(self):
        return self._process.pid if self._process else None

    @property
    def alive(self):
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self):
        return self._process.poll() if self._process else None

    def start(self, env=None):
        """Starts the program; `env` changes its environment for good."""
        assert not self.alive, f"{self.name} is already running"
        self.env.update(env or {})
        with open(self.log_path, "ab") as log:
            self._process = subprocess.Popen(
                self.argv, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)
        self._frozen = False

    def terminate(self):
        """Asks the program to end, and lets it run so that it can."""
        if self.alive:
            self.resume()
            self._process.send_signal(signal.SIGTERM)

    def wait(self, timeout=PATIENCE_SECONDS):
        """Returns the exit code, or None if the program is still running after timeout seconds."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def stop(self, timeout=PATIENCE_SECONDS):
        """SIGTERM, then fails unless the program ends by itself in time. Returns the exit code."""
        self.terminate()
        code = self.wait(timeout)
        if code is None:
            self.kill()
            raise AssertionError(f"{self.name} did not end within {timeout} s of SIGTERM")
        return code

    def signal_kill(self):
        """kill -9, without waiting for the end: kill() does."""
        if self.alive:
            self._process.kill()

    def kill(self):
        """kill -9."""
        if self.alive:
            self._process.kill()
        if self._process:
            self._process.wait()
        self._process = None

    def freeze(self):
        self._process.send_signal(signal.SIGSTOP)
        self._frozen = True
        # Each thread runs until it sees the flag, and may answer calls until then.
        wait_until(self._stands_still, "the process to stand still")

    def _stands_still(self):
        stats = pathlib.Path(f"/proc/{self.pid}/task").glob("*/stat")
        try:
            return all(stat.read_text().rpartition(")")[2].split()[0] == "T" for stat in stats)
        except (FileNotFoundError, ProcessLookupError):
            return False  # a thread has just ended

    def resume(self):
        if self._frozen:
            self._process.send_signal(signal.SIGCONT)
            self._frozen = False

    def resident_kib(self, field="VmRSS"):
        """A memory figure of the running process; VmHWM is the most it ever held."""
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1])
        raise KeyError(field)

    def log(self, since_mark=False):
        try:
            with open(self.log_path, "rb") as log:
                log.seek(self._log_mark if since_mark else 0)
                return log.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def mark_log(self):
        """Remembers the end of the log: a failing test shows what was logged since."""
        try:
            self._log_mark = os.path.getsize(self.log_path)
        except FileNotFoundError:
            self._log_mark = 0
