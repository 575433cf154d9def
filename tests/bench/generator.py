"""Runs the generator (main.c) and reads what it has found."""

import hashlib
import json
import subprocess

from support.process import REPOSITORY

BINARY = REPOSITORY / "build" / "release" / "bench"


class Failed(Exception):
    """Something went wrong in a measurement; its figures are worth nothing."""


def _binary():
    if not BINARY.exists():
        raise Failed(f"{BINARY} is not built: make bench does that")
    return BINARY


def _argv(scenario, options):
    argv = [str(_binary()), scenario]
    for name, value in options.items():
        argv += ["--" + name.replace("_", "-"), str(int(value) if isinstance(value, bool) else value)]
    return argv


def fingerprint():
    """Another one for another build: what an older one has filled may be of another form."""
    return hashlib.sha256(_binary().read_bytes()).hexdigest()[:12]


def run(scenario, timeout=300, **options):
    """The JSON object that the scenario prints at its end."""
    try:
        done = subprocess.run(_argv(scenario, options), capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise Failed(f"{scenario} did not end within {timeout} s") from None
    if done.returncode != 0:
        raise Failed(f"{scenario}: {done.stderr.strip() or f'ended with {done.returncode}'}")
    return json.loads(done.stdout.splitlines()[-1])


def text_of(scenario, **options):
    """All that the scenario prints."""
    done = subprocess.run(_argv(scenario, options), capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise Failed(f"{scenario}: {done.stderr.strip()}")
    return done.stdout


class Conversation:
    """A scenario that prints a line after each of its steps and waits for one before the next; its
    input closed means the end."""

    def __init__(self, scenario, **options):
        self._name = scenario
        self._process = subprocess.Popen(_argv(scenario, options), stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._process.stdin.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def pid(self):
        return self._process.pid

    def hear_line(self):
        line = self._process.stdout.readline()
        if not line:
            self._process.wait(30)
            raise Failed(f"{self._name}: {self._process.stderr.read().strip()}")
        return line.strip()

    def hear(self):
        return json.loads(self.hear_line())

    def go_on(self, word="go"):
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
