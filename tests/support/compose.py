"""The messenger in containers, as started by tests/compose/run.sh."""

import json
import os
import pathlib
import signal
import subprocess

import requests

from support import nats
from support.process import REPOSITORY
from support.wait import wait_until

PROGRAMS = ("gateway", "user", "message", "presence")


def docker(*arguments, check=True):
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 or not check, f"docker {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


def running_inside():
    """Whether the tests run under run.sh at all."""
    return "COMPOSE" in os.environ


class Container:
    """`details` are those of docker inspect."""

    def __init__(self, details):
        self.id = details["Id"]
        self.name = details["Name"].lstrip("/")
        self.service = details["Config"]["Labels"]["com.docker.compose.service"]

    def __repr__(self):
        return self.name

    def inspect(self):
        return json.loads(docker("inspect", self.id))[0]

    @property
    def state(self):
        return self.inspect()["State"]

    @property
    def healthy(self):
        state = self.state
        return state["Running"] and state.get("Health", {}).get("Status") == "healthy"

    def address(self, network):
        """On the network of docker-compose.yml of this name."""
        networks = self.inspect()["NetworkSettings"]["Networks"]
        return next(n["IPAddress"] for name, n in networks.items() if name.endswith("_" + network))

    def gateway_address(self, network):
        networks = self.inspect()["NetworkSettings"]["Networks"]
        return next(n["Gateway"] for name, n in networks.items() if name.endswith("_" + network))

    def crash(self):
        """Kills its first process as the kernel would: the restart policy must restart it."""
        started = self.state["StartedAt"]
        os.kill(self.state["Pid"], signal.SIGKILL)
        wait_until(lambda: self.state["StartedAt"] != started, f"{self} to be started again")
        self.wait_healthy()

    def stop(self):
        """In good order. Returns the exit code."""
        docker("stop", self.id)
        return self.state["ExitCode"]

    def start(self):
        docker("start", self.id)
        self.wait_healthy()

    def wait_healthy(self):
        wait_until(lambda: self.healthy, lambda: f"{self} to be healthy: {self.state.get('Health')}\n{self.log(20)}")

    def log(self, lines=200):
        done = subprocess.run(["docker", "logs", "--tail", str(lines), self.id], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30)
        return done.stdout


class ComposeStack:
    """Whatever is asked of it goes through the balancer, unless a gateway's own address is meant."""

    def __init__(self):
        self._compose = os.environ["COMPOSE"].split()
        self._project = os.environ["COMPOSE_PROJECT_NAME"]
        self._secrets = pathlib.Path(os.environ["SECRETS"])
        self._base = f"http://127.0.0.1:{os.environ['PORT']}"

    def compose(self, *arguments):
        done = subprocess.run([*self._compose, *arguments], cwd=REPOSITORY, capture_output=True,
                              text=True, timeout=180)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def scale(self, **counts):
        """Only these services; others stay as they are."""
        scales = [f"--scale={service}={count}" for service, count in counts.items()]
        self.compose("up", "-d", "--no-deps", "--no-recreate", *scales, *counts)
        for service in counts:
            for container in self.containers(service):
                container.wait_healthy()

    def containers(self, *services):
        listed = docker("ps", "-aq", "--filter", f"label=com.docker.compose.project={self._project}")
        details = json.loads(docker("inspect", *listed.split()))
        found = sorted(map(Container, details), key=lambda c: c.name)
        return [c for c in found if not services or c.service in services]

    def url(self, gateway=0, path=""):
        return self._base + path

    def gateway_urls(self):
        return [f"http://{c.address('clients')}:8000" for c in self.containers("gateway")]

    def ready(self):
        try:
            return requests.get(self.url(path="/readyz"), timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def reachable(self):
        """Somebody answers, whatever it is."""
        try:
            return requests.get(self.url(path="/healthz"), timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def wait_ready(self):
        for container in self.containers():
            container.wait_healthy()
        wait_until(self.ready, "/readyz to answer 200")

    def bus(self, user="monitor"):
        (server,) = self.containers("nats")
        return nats.Client(4222, server.address("bus"), user, (self._secrets / f"nats_{user}").read_text())

    def log_tails(self, lines=60):
        return "\n".join(f"----- {c}\n{c.log(lines)}" for c in self.containers())
