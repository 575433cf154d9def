"""deploy/install-deps.sh with an apt-get of ours: what it does when the real one cannot."""

import os
import subprocess

import pytest

from support.process import REPOSITORY, clean_environment
from support.wait import PATIENCE_SECONDS

SCRIPT = REPOSITORY / "deploy" / "install-deps.sh"
LOCKED = "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 4711 (unattended-upgr)"
NO_NETWORK = """Err:1 http://deb.example bookworm InRelease
  Temporary failure resolving 'deb.example'
W: Failed to fetch http://deb.example/dists/bookworm/InRelease  Temporary failure resolving 'deb.example'
W: Some index files failed to download. They have been ignored, or old ones used instead."""


class FakeSystem:
    """Programs that stand before the real ones on PATH. Nothing is installed, and nothing sleeps."""

    def __init__(self, directory):
        self.directory = directory
        self.program("dpkg-query", "exit 1")
        self.program("id", "echo 0")
        self.program("sleep", "")

    def program(self, name, script):
        path = self.directory / name
        path.write_text("#!/bin/bash\n" + script + "\n")
        path.chmod(0o755)

    def apt_get(self, **scripts):
        """What apt-get does for each of its commands; it notes how it is called."""
        cases = "".join(f"{command}) {script} ;;\n" for command, script in scripts.items())
        self.program("apt-get", f'echo "$1" >>{self.directory}/calls\ncase $1 in\n{cases}esac')

    def calls(self):
        return (self.directory / "calls").read_text().split()

    def install(self, *sets):
        environment = {**clean_environment(), "PATH": f"{self.directory}:{os.environ['PATH']}"}
        environment.pop("NO_INSTALL", None)
        return subprocess.run([SCRIPT, *sets], env=environment, capture_output=True, text=True,
                              timeout=PATIENCE_SECONDS)


@pytest.fixture
def system(tmp_path):
    return FakeSystem(tmp_path)


def test_it_prints_what_it_installs(system):
    system.apt_get()
    done = system.install("run")
    assert (done.returncode, done.stdout, done.stderr) == (0, "installing: nats-server\n", "")
    assert system.calls() == ["update", "install"]


@pytest.mark.parametrize("command", ["update", "install"])
def test_it_waits_for_a_lock_and_prints_that_once(system, command):
    counter = system.directory / "tries"
    system.apt_get(**{command: f'echo x >>{counter}; [ $(wc -l <{counter}) = 4 ] || {{ echo "{LOCKED}"; exit 100; }}'})
    done = system.install("run")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("waiting for another package manager") == 1
    assert "held by process 4711 (unattended-upgr)" in done.stdout
    assert system.calls().count(command) == 4


def test_a_lock_that_is_never_released_ends_it(system):
    system.apt_get(update=f'echo "{LOCKED}"; exit 100')
    done = system.install("run")
    assert done.returncode == 1
    assert f"apt-get failed: {LOCKED}" in done.stderr
    assert "install" not in system.calls()


def test_without_a_network_that_is_the_first_error(system):
    """apt-get update then only warns, and ends well."""
    system.apt_get(update=f'echo "{NO_NETWORK}"',
                   install='echo "E: Unable to locate package nats-server"; exit 100')
    done = system.install("run")
    assert done.returncode == 1
    first = done.stderr.splitlines()[0]
    assert first.startswith("install-deps: apt-get failed: W: Failed to fetch") and "failure resolving" in first
    assert "Unable to locate package nats-server" in done.stderr
