"""Programs of the tests that are built from their Go modules."""

import fcntl
import os
import shutil
import subprocess

from support.process import REPOSITORY

BUILD_SECONDS = 600


class NoProgram(Exception):
    """It is not available; the text is the reason."""


def _build(directory, module):
    """With the Go that is installed: none is downloaded for it."""
    if not shutil.which("go"):
        raise NoProgram("there is no Go to build it with")
    environment = {**os.environ, "GOBIN": str(directory), "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod"}
    try:
        built = subprocess.run(["go", "install", module], env=environment, capture_output=True, text=True, timeout=BUILD_SECONDS)
    except subprocess.TimeoutExpired:
        raise NoProgram(f"it was not built within {BUILD_SECONDS} s") from None
    if built.returncode != 0:
        reason = (built.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise NoProgram(f"it cannot be built here: {reason}")


def build_go_program(name, module, version):
    """The path of a program; raises NoProgram. Built once, in build/<name>/<version>."""
    directory = REPOSITORY / "build" / name / version
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests that run side by side build it once
        if not (directory / name).exists():
            _build(directory, f"{module}@{version}")
    return str(directory / name)
