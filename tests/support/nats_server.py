"""The versions of nats-server that tests run on: Debian's, and a current one, built from its Go module."""

import fcntl
import os
import shutil
import subprocess

from support.process import REPOSITORY

INSTALLED, CURRENT = "installed", "current"
CURRENT_VERSION = "v2.15.3"
BUILD_SECONDS = 600


class NoServer(Exception):
    """That version is not available; the text is the reason."""


def _build(directory):
    """With the Go that is installed: none is downloaded for it."""
    if not shutil.which("go"):
        raise NoServer("no nats-server of today: there is no Go to build it with")
    environment = {**os.environ, "GOBIN": str(directory), "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod"}
    try:
        built = subprocess.run(["go", "install", f"github.com/nats-io/nats-server/v2@{CURRENT_VERSION}"],
                               env=environment, capture_output=True, text=True, timeout=BUILD_SECONDS)
    except subprocess.TimeoutExpired:
        raise NoServer(f"no nats-server of today: it was not built within {BUILD_SECONDS} s") from None
    if built.returncode != 0:
        reason = (built.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise NoServer(f"no nats-server of today: it cannot be built here: {reason}")


def find_server(version):
    """The path of a program; raises NoServer. Built once, in build/nats-server."""
    if version == INSTALLED:
        return "nats-server"
    directory = REPOSITORY / "build" / "nats-server" / CURRENT_VERSION
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests that run side by side build it once
        if not (directory / "nats-server").exists():
            _build(directory)
    return str(directory / "nats-server")
