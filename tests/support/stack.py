"""A whole messenger on this machine: a NATS server and any number of each program.

    with Stack(gateways=2, settings={"rpc.timeoutMs": 1000}) as stack:
        stack.kill("message")
        stack.restart("message")
"""

import atexit
import os
import pathlib
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
import weakref

import requests

from support import nats
from support.ports import free_port
from support.process import REPOSITORY, Program, binary, clean_environment
from support.wait import PATIENCE_SECONDS, wait_until

SERVICES = ("user", "message", "presence")
KINDS = ("gateway",) + SERVICES
CLIENT_URL = "http://client.test:3000"

# Quick and without limits. What a test is about, it sets itself.
DEFAULT_SETTINGS = {
    "client.url": CLIENT_URL,
    "limits.callsPerSecond": 0,
    "limits.failedLoginsPerAccount": 0,
    "limits.failedLoginsPerAddress": 0,
    "limits.loginsPerMinute": 0,
    "limits.messageKibPerMinute": 0,
    "limits.signupsPerMinute": 0,
    "limits.uploadsPerMinute": 0,
    "log.level": "debug",
    "password.hashMemoryKib": 1024,
    "password.hashPasses": 1,
    "webSocket.host": "127.0.0.1",
    "webSocket.maxConnections": 400,
}

_live = weakref.WeakSet()


def live_stacks():
    return list(_live)


@atexit.register
def _kill_what_is_left():
    for stack in live_stacks():
        stack.destroy()


def env_name(key):
    """Environment variable of a configuration key: webSocket.maxPerUser -> MESSENGER_WEB_SOCKET_MAX_PER_USER."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key)
    return "MESSENGER_" + words.replace(".", "_").upper()


def to_env(settings):
    def text(value):
        return str(value).lower() if isinstance(value, bool) else str(value)
    return {env_name(key): text(value) for key, value in settings.items()}


def start_nats(program, port):
    program.start()

    def accepts():
        assert program.alive, f"nats-server ended at once:\n{program.log()}"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False
    wait_until(accepts, "nats-server to accept connections")


class Stack:
    """`settings` are configuration keys, `env` is for other environment variables. A setting of
    None is left unset, so that the program's own default or its `config` file decides. With
    `authorised`, NATS runs with deploy/nats.conf, and each program logs in as itself; with
    `nats_nodes` over one, NATS is a cluster of so many servers with deploy/nats-cluster.conf.
    `nats_server` is the program to run instead of the one on the PATH (nats_server.py), `nats_options`
    are further ones of it, and `nats_address` is where programs find it, without the port."""

    def __init__(self, gateways=1, users=1, messages=1, presences=1, settings=None, env=None,
                 config=None, authorised=False, nats_nodes=1, nats_server="nats-server",
                 nats_options=(), nats_address="nats://127.0.0.1"):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="messenger-test-"))
        self.counts = dict(zip(KINDS, (gateways, users, messages, presences)))
        self.nats_ports = [free_port() for _ in range(nats_nodes)]
        self.nats_port = self.nats_ports[0]
        self._route_ports = [free_port() for _ in range(nats_nodes)]
        self._monitor_ports = [free_port() for _ in range(nats_nodes)]
        self.jwt_key = secrets.token_hex(32)
        self.ports = [free_port() for _ in range(gateways)]
        self._config = config
        self._nats_server, self._nats_options = nats_server, [str(option) for option in nats_options]
        self.nats_url = ",".join(f"{nats_address}:{port}" for port in self.nats_ports)
        self.authorised = authorised or nats_nodes > 1
        if self.authorised:
            self._write_nats_conf()
        self._env = {**clean_environment(), **self._settings_env(settings), **(env or {})}
        self._nats = [Program(f"nats-{i}", self._nats_argv(i), clean_environment(), self._log(f"nats-{i}"))
                      for i in range(nats_nodes)]
        self._programs = {
            kind: [self._program(kind, i) for i in range(count)]
            for kind, count in self.counts.items()}
        _live.add(self)

    # Building

    def _settings_env(self, settings):
        fresh_id = secrets.token_hex(6)
        merged = dict(DEFAULT_SETTINGS)
        merged["nats.url"] = self.nats_url
        merged["data.directory"] = self.directory / "data"
        merged["JWT.privateKey"] = self.jwt_key
        for store in ("users", "messages"):
            template = os.environ.get(f"MESSENGER_TEST_STORE_{store.upper()}")
            if template:
                merged[f"store.{store}"] = template.replace("{id}", fresh_id)
        merged.update(settings or {})
        return to_env({k: v for k, v in merged.items() if v is not None})

    def _nats_argv(self, index):
        argv = [self._nats_server, "-sd", str(self.directory / f"nats-{index}"), "-a", "127.0.0.1",
                "-p", str(self.nats_ports[index]), *self._nats_options]
        if not self.authorised:
            return argv + ["-js"]
        argv += ["-m", str(self._monitor_ports[index]), "-c"]
        if len(self.nats_ports) == 1:
            return argv + [str(self.directory / "nats.conf")]
        login = "nats://route:" + self.secret_file("nats_route").read_text() + "@127.0.0.1"
        return argv + [str(self.directory / "nats-cluster.conf"), "--name", f"nats-{index}",
                       "--cluster", f"{login}:{self._route_ports[index]}",
                       "--routes", ",".join(f"{login}:{port}" for port in self._route_ports)]

    def _write_nats_conf(self):
        """The real files, with secrets beside them as deploy/make-secrets.sh makes them."""
        for name in ("nats.conf", "nats-cluster.conf"):
            shutil.copy(REPOSITORY / "deploy" / name, self.directory)
        subprocess.run([REPOSITORY / "deploy" / "make-secrets.sh", self.directory / "secrets"],
                       check=True, stdout=subprocess.DEVNULL)

    def secret_file(self, name):
        return self.directory / "secrets" / name

    def _log(self, name):
        return self.directory / f"{name}.log"

    def _program(self, kind, index):
        argv = [binary(kind)]
        if self._config:
            argv += ["--config", str(self._config)]
        env = dict(self._env)
        if kind == "gateway":
            env.update(to_env({"app.port": self.ports[index]}))
        if self.authorised:
            env.update(to_env({"nats.user": kind}))
            env[env_name("nats.password") + "_FILE"] = str(self.secret_file(f"nats_{kind}"))
        return Program(f"{kind}-{index}", argv, env, self._log(f"{kind}-{index}"))

    # Life

    def __enter__(self):
        return self.start()

    def __exit__(self, *exception):
        self.stop()

    def start(self):
        try:
            (self.directory / "data").mkdir(exist_ok=True)
            self.start_nats()
            for program in self.programs():
                program.start()
            self.wait_ready()
        except BaseException as error:
            logs = self.log_tails()
            self.destroy()
            if isinstance(error, AssertionError):
                raise AssertionError(f"{error}\n{logs}") from None
            raise
        return self

    def stop(self):
        """Ends everything in good order; fails if a program has ended before, lingers or ends badly."""
        problems = []
        try:
            running = [p for p in self.programs() if p.alive]
            problems += [f"{p.name} had ended with {p.exit_code}" for p in self.programs()
                         if p.exit_code is not None]
            for program in running:
                program.terminate()
            for program in running:
                code = program.wait()
                if code is None:
                    problems.append(f"{program.name} still ran {PATIENCE_SECONDS:g} s after SIGTERM")
                elif code != 0:
                    problems.append(f"{program.name} ended with {code} on SIGTERM")
            logs = self.log_tails() if problems else ""
        finally:
            self.destroy()
        assert not problems, "; ".join(problems) + "\n" + logs

    def destroy(self):
        """Kills whatever runs and removes the directory; never fails."""
        for program in self.programs() + self._nats:
            program.kill()
        shutil.rmtree(self.directory, ignore_errors=True)
        _live.discard(self)

    # The programs

    def programs(self, kind=None):
        if kind:
            return list(self._programs[kind])
        return [program for kind in KINDS for program in self._programs[kind]]

    def program(self, kind, index=0):
        return self._programs[kind][index]

    def kill(self, kind, index=0):
        self.program(kind, index).kill()

    def terminate(self, kind, index=0, timeout=PATIENCE_SECONDS):
        """SIGTERM and wait; fails unless the exit code is 0."""
        program = self.program(kind, index)
        code = program.stop(timeout)
        assert code == 0, f"{program.name} ended with {code} on SIGTERM"
        program.kill()

    def freeze(self, kind, index=0):
        self.program(kind, index).freeze()

    def resume(self, kind, index=0):
        self.program(kind, index).resume()

    def restart(self, kind, index=0, settings=None, ready=True):
        """Starts an instance (again), with changed settings if given; waits until all is ready."""
        program = self.program(kind, index)
        if program.alive:
            self.terminate(kind, index)
        program.start(to_env(settings or {}))
        if ready:
            self.wait_ready()

    def stop_nats(self):
        for server in self._nats:
            server.terminate()
        for server in self._nats:
            server.wait()
            server.kill()

    def start_nats(self):
        for server, port in zip(self._nats, self.nats_ports):
            start_nats(server, port)

    def nats_node(self, index):
        """One server of the cluster; start_nats_node() brings it back, and nats_whole() says when it
        has caught up: until then no other may go."""
        return self._nats[index]

    def nats_nodes(self):
        return list(self._nats)

    def nats_whole(self):
        def healthy(port):
            try:
                return requests.get(f"http://127.0.0.1:{port}/healthz", timeout=5).status_code == 200
            except requests.RequestException:
                return False
        return all(healthy(port) for port in self._monitor_ports)

    def start_nats_node(self, index):
        start_nats(self._nats[index], self.nats_ports[index])

    def repair(self):
        """Brings back whatever a test has stopped, so that the next one finds a whole stack."""
        for program in self.programs():
            program.resume()
        for index, server in enumerate(self._nats):
            if not server.alive:
                server.kill()
                self.start_nats_node(index)
        for program in self.programs():
            if not program.alive:
                program.kill()
                program.start()
        self.wait_ready()

    def pids(self):
        return {program.name: program.pid if program.alive else None for program in self.programs()}

    def healthy(self):
        return all(s.alive for s in self._nats) and all(program.alive for program in self.programs())

    # Looking at it

    def url(self, gateway=0, path=""):
        return f"http://127.0.0.1:{self.ports[gateway]}{path}"

    def ready(self, gateway=0):
        """True when /readyz answers 200, False when 503 or without a listener."""
        try:
            return requests.get(self.url(gateway, "/readyz"), timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def wait_ready(self, timeout=PATIENCE_SECONDS):
        for index, program in enumerate(self._programs["gateway"]):
            if program.alive:
                wait_until(lambda: self._alive_or_fail() and self.ready(index),
                           f"/readyz of {program.name} to answer 200", timeout)

    def _alive_or_fail(self):
        for program in self.programs():
            code = program.exit_code
            assert code is None, f"{program.name} ended with {code} while starting"
        return True

    def bus(self, user=None):
        """A client on this stack's NATS; close it, or use it in a with statement. Under
        authorisation it is the monitor, or the user named."""
        if not self.authorised:
            return nats.Client(self.nats_port)
        user = user or "monitor"
        return self.connect_as(user, self.secret_file(f"nats_{user}").read_text())

    def connect_as(self, user, password):
        return nats.Client(self.nats_port, user=user, password=password)

    def run_once(self, kind, *arguments, env=None):
        """Runs a program of this stack beside it, until it ends by itself."""
        program = self.program(kind)
        environment = {**program.env, **(env or {})}
        return subprocess.run([*program.argv, *arguments], env=environment, capture_output=True,
                              text=True, timeout=PATIENCE_SECONDS)

    def wait_all_instances(self, timeout=PATIENCE_SECONDS):
        """Waits until every instance, not just one of each kind, answers on the bus."""
        wanted = sum(program.alive for program in self.programs())
        with self.bus() as bus:
            wait_until(lambda: len(bus.request_many("$SRV.PING", quiet=0.2)) >= wanted,
                       f"all {wanted} instances to answer $SRV.PING", timeout)

    def mark_logs(self):
        for program in self.programs() + self._nats:
            program.mark_log()

    def log_tails(self, lines=300, since_mark=False):
        parts = []
        for program in self.programs() + self._nats:
            text = program.log(since_mark).splitlines()
            if text:
                parts.append(f"----- {program.name} (last lines of {len(text)})")
                parts += text[-lines:]
        return "\n".join(parts)
