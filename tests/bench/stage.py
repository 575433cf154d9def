"""The messenger that is measured: one of each program, on SQLite stores filled beforehand."""

import os
import pathlib
import shutil
import subprocess
import tempfile

from bench import generator, machine
from support.process import REPOSITORY
from support.stack import KINDS, Stack

HOME = REPOSITORY / "build" / "bench"
PASSWORD = "correct horse"


class World:
    """What the stores hold (fill_sqlite.h). Big ones are kept, for the next stage or run."""

    def __init__(self, users, rounds=0, deep=0, contacts=0):
        self.users, self.rounds, self.deep, self.contacts = users, rounds, deep, contacts

    def messages(self):
        ring = 2 * (self.users - 3) if self.rounds else 0
        return ring * self.rounds + self.deep + 2 * self.contacts

    def make(self, directory):
        generator.run("fill", timeout=1800, directory=directory, users=self.users, rounds=self.rounds,
                      deep=self.deep, contacts=self.contacts, password=PASSWORD)

    @property
    def deep_pair(self):
        return self.users - 3, self.users - 2

    @property
    def hub(self):
        """The user with `contacts` dialogs, with users 0, 1..."""
        return self.users - 1


class Library:
    """Filled stores, each made once; with `keep`, they are there for the next run of this program."""

    def __init__(self, keep, log):
        self._keep, self._log = keep, log
        self._directory = HOME / "stores" / generator.fingerprint()

    def copy(self, world, directory):
        kept = self._directory / f"{world.users}-{world.rounds}-{world.deep}-{world.contacts}"
        if not kept.exists():
            self._log(f"filling the stores with {world.users:,} users and {world.messages():,} messages")
            self._directory.mkdir(parents=True, exist_ok=True)
            fresh = pathlib.Path(tempfile.mkdtemp(prefix="new-", dir=self._directory))
            world.make(fresh)
            fresh.rename(kept)  # so that nothing is there that is not whole
        subprocess.run(["cp", "--reflink=auto", *map(str, kept.glob("*.db")), str(directory)], check=True)
        # What is still to be written to the disk would be written while something is measured.
        os.sync()

    def close(self):
        if not self._keep:
            shutil.rmtree(self._directory, ignore_errors=True)


class Stage:
    """`sockets`: how many the gateway must take; None = as it is by default."""

    def __init__(self, library, world, sockets=None, settings=None):
        self.world = world
        self._directory = pathlib.Path(tempfile.mkdtemp(prefix="run-", dir=HOME))
        library.copy(world, self._directory)
        self.stack = Stack(settings={
            "data.directory": self._directory, "log.level": "warn", "password.hashMemoryKib": None,
            "password.hashPasses": None, "webSocket.maxConnections": sockets, **(settings or {})})
        (self._directory / "key").write_text(self.stack.jwt_key)

    def __enter__(self):
        self.kernel_kib_before = machine.kernel_kib()
        try:
            self.stack.start()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, kind, *rest):
        try:
            if kind is None:
                self.stack.stop()
            else:
                self.stack.destroy()
        finally:
            self._remove()

    def _remove(self):
        shutil.rmtree(self._directory, ignore_errors=True)

    @property
    def address(self):
        return f"127.0.0.1:{self.stack.ports[0]}"

    @property
    def nats_url(self):
        return f"nats://127.0.0.1:{self.stack.nats_port}"

    def pids(self):
        return {"nats-server": self.stack.nats_node(0).pid,
                **{kind: self.stack.program(kind).pid for kind in KINDS}}

    def watch(self):
        return ",".join(f"{name}={pid}" for name, pid in self.pids().items())

    def roster(self, *ranges):
        """A file of users with tokens; a range is (first, count) or (first, count, step)."""
        text = "".join(generator.text_of("roster", key_file=self._directory / "key",
                                         **dict(zip(("first", "count", "step"), numbers)))
                       for numbers in ranges)
        with tempfile.NamedTemporaryFile("w", dir=self._directory, delete=False) as file:
            file.write(text)
        return file.name

    def tags(self, *ranges):
        return [line.split()[0] for line in pathlib.Path(self.roster(*ranges)).read_text().splitlines()]

    def file(self, text):
        with tempfile.NamedTemporaryFile("w", dir=self._directory, delete=False) as file:
            file.write(text)
        return file.name
