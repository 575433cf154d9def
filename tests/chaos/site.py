"""The messenger that is to be broken: two of each program, each with its own way to NATS, its own disk
and its own clock."""

import contextlib
import shutil
import threading

from chaos.schedule import INSTANCES
from chaos.shim import Shim
from support.mongo import MongoServer
from support.proxy import Proxy
from support.stack import Stack, start_nats, to_env

RPC_TIMEOUT_MS = 2000
WATCH_SECONDS = 0.2
READY_SECONDS = 10


class Site:
    """`store` is sqlite or mongodb. `report` takes what a program did that it must not, as (check,
    where, detail); `log` a line of text; faults that lose something note it in `ledger`."""

    def __init__(self, store, log_level, report, ledger, log):
        self.report, self.ledger, self.log = report, ledger, log
        self.crowd, self.devices = None, list  # of the load; a function that lists them
        self.mongo = MongoServer() if store == "mongodb" else None
        self.stack = Stack(INSTANCES, INSTANCES, INSTANCES, INSTANCES, settings=self._settings(log_level))
        self.nats = self.stack._nats[0]
        self.proxies, self.shims = {}, {}
        self.links = [Proxy(port, is_link=True) for port in self.stack.ports]  # between clients and gateways
        self.accounts = threading.RLock()  # held while a new account would be lost
        self.data = self.stack.directory / "data"
        self._down, self._lock = set(), threading.RLock()
        self._store_is_down, self._started_without_store = False, set()
        self._ending = threading.Event()
        for program in self.stack.programs():
            self._furnish(program)

    def _settings(self, log_level):
        settings = {"rpc.timeoutMs": RPC_TIMEOUT_MS, "log.level": log_level,
                    "webSocket.pingInterval": 5}
        if self.mongo:
            url = self.mongo.new_url()
            settings |= {"store.users": url, "store.messages": url}
        return settings

    def _furnish(self, program):
        proxy = Proxy(self.stack.nats_port)
        shim = Shim(self.stack.directory / f"{program.name}.control", self.data)
        self.proxies[program.name], self.shims[program.name] = proxy, shim
        program.env |= {**to_env({"nats.url": f"nats://127.0.0.1:{proxy.port}"}), **shim.environment()}

    def program(self, name):
        service, _, index = name.partition("-")
        return self.stack.program(service, int(index))

    def link_url(self, gateway):
        return f"http://127.0.0.1:{self.links[gateway].port}"

    def instances(self, service):
        return [program.name for program in self.stack.programs(service)]

    def names(self):
        return [program.name for program in self.stack.programs()]

    # Life

    def start(self):
        self.stack.start()
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    def _watch(self):
        """A program that ends unexpectedly is reported, and restarted so that the run continues. One that was started
        without its store may refuse, with status 1: what supervises it starts it again, as the containers do."""
        while not self._ending.wait(WATCH_SECONDS):
            with self._lock:
                for name in set(self.names()) - self._down:
                    self._restart_ended(self.program(name))

    def _restart_ended(self, program):
        code = program.exit_code
        if code is None:
            return
        if code != 1 or program.name not in self._started_without_store:
            self.report("crash", program.name, f"ended with {code}; last lines:\n" +
                        "\n".join(program.log().splitlines()[-15:]))
        self._start(program)

    def _start(self, program):
        program.start()
        if self._store_is_down:
            self._started_without_store.add(program.name)
        else:
            self._started_without_store.discard(program.name)

    def stop(self):
        """Ends everything in good order. Returns what was not in order."""
        self._ending.set()
        problems = []
        try:
            self.stack.stop()
        except AssertionError as error:
            problems.append(str(error)[:4000])
        self.destroy()
        return problems

    def destroy(self):
        self._ending.set()
        self.stack.destroy()
        for proxy in [*self.proxies.values(), *self.links]:
            proxy.close()
        if self.mongo:
            self.mongo.stop()

    def wait_ready(self):
        """What was healed needs a moment. What never recovers is found at the end."""
        with contextlib.suppress(AssertionError):
            self.stack.wait_ready(READY_SECONDS)

    # Programs going down and coming back

    def take_down(self, name, how):
        """`how` is kill or terminate; the second must end with 0 within 10 s."""
        with self._lock:
            self._down.add(name)
            program = self.program(name)
        if how == "kill":
            program.kill()
            return
        program.terminate()
        code = program.wait(10)
        if code != 0:
            what = "still ran after 10 s" if code is None else f"ended with {code}"
            self.report("stop", name, f"{what} on SIGTERM; last lines:\n" +
                         "\n".join(program.log().splitlines()[-15:]))
        program.kill()

    def bring_back(self, name):
        with self._lock:
            program = self.program(name)
            if not program.alive:
                program.kill()
                self._start(program)
            self._down.discard(name)

    def kill_all(self):
        """Everything at once."""
        with self._lock:
            self._down |= set(self.names())
        for program in [self.nats, *self.stack.programs()]:
            program.signal_kill()
        if self.mongo and self.mongo.is_own:
            self.take_store_down()
        for name in self.names():
            self.take_down(name, "kill")
        self.nats.kill()

    def bring_all_back(self, rng):
        """In random order; some a little later than the one before."""
        names = ["nats", *self.names()] + (["store"] if self.mongo and self.mongo.is_own else [])
        for name in rng.sample(names, len(names)):
            if name == "nats":
                self.bring_nats_back()
            elif name == "store":
                self.bring_store_back()
            else:
                self.bring_back(name)
            self._ending.wait(rng.choice((0, 0, rng.uniform(0, 1))))

    def take_store_down(self):
        self._store_is_down = True
        self.mongo.kill()

    def bring_store_back(self):
        self.mongo.start_again()
        self._store_is_down = False

    def wipe_nats(self):
        """While it is down."""
        shutil.rmtree(self.stack.directory / "nats-0", ignore_errors=True)

    def take_nats_down(self, how):
        self.nats.kill() if how == "kill" else self.stack.stop_nats()

    def bring_nats_back(self):
        if not self.nats.alive:
            self.nats.kill()
            start_nats(self.nats, self.stack.nats_port)

    def pause(self, seconds):
        self._ending.wait(seconds)

    # Healing

    def heal(self):
        """Undoes whatever may be broken."""
        self.nats.resume()
        self.bring_nats_back()
        if self.mongo:
            self.mongo.resume()
            with contextlib.suppress(AssertionError):  # it runs already
                self.bring_store_back()
        for link in self.links:
            link.heal()
        for name in self.names():
            self.proxies[name].heal()
            self.shims[name].end_journal()
            self.shims[name].clear()
            self.program(name).resume()
            self.bring_back(name)

    def logs(self):
        return {program.name: program.log() for program in self.stack.programs()}
