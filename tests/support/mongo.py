"""A server for MongoDB's protocol, by the rule of tests/with-mongo.sh: the one of MONGODB_URI, else a
mongod of this machine, else the server of tests/mongo-server."""

import contextlib
import os
import pathlib
import secrets
import shutil
import socket
import subprocess
import tempfile

import pytest

from support.ports import free_port
from support.process import REPOSITORY, Program, clean_environment
from support.wait import wait_until


class NoMongo(Exception):
    """No server is available; the text is the reason."""


def _build():
    """The path of the server of tests/mongo-server, which is built if need be."""
    built = subprocess.run([REPOSITORY / "tests" / "mongo-server" / "build.sh"], capture_output=True, text=True)
    if built.returncode != 0:
        raise NoMongo("no MongoDB: neither MONGODB_URI, nor mongod, nor a stand-in: " + built.stdout.strip())
    return str(REPOSITORY / "build" / "mongo-server" / "mongo-server")


class MongoServer:
    """Raises NoMongo when there is none. new_url() names an unused database."""

    def __init__(self):
        self._program, self._directory = None, None
        self._base = os.environ.get("MONGODB_URI", "").rstrip("/")
        if not self._base:
            self._start()

    def _start(self):
        directory = pathlib.Path(tempfile.mkdtemp(prefix="messenger-test-mongo-"))
        port = free_port()
        self._directory, self._base = directory, f"mongodb://127.0.0.1:{port}"
        try:
            if shutil.which("mongod"):
                argv = ["mongod", "--dbpath", str(directory), "--bind_ip", "127.0.0.1", "--port", str(port)]
            else:
                argv = [_build(), "-listen", f"127.0.0.1:{port}", "-directory", str(directory)]
            self._program = Program("mongo", argv, clean_environment(), directory / "log")
            self._program.start()
            wait_until(lambda: self._accepts(port), "the MongoDB server to accept connections")
        except BaseException:
            self.stop()
            raise

    def _accepts(self, port):
        assert self._program.alive, f"the MongoDB server ended at once:\n{self._program.log()}"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False

    def new_url(self):
        return f"{self._base}/t{secrets.token_hex(6)}"

    @property
    def is_own(self):
        """Whether it may be killed: a server that MONGODB_URI names may not."""
        return self._program is not None

    @property
    def port(self):
        return int(self._base.rpartition(":")[2])

    def kill(self):
        self._program.kill()

    def start_again(self):
        self._program.start()
        wait_until(lambda: self._accepts(self.port), "the MongoDB server to accept connections")

    def _copy(self, source, target):
        """The files, with the server ended in good order, and started again."""
        self._program.stop()
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)
        self.start_again()

    def back_up(self, directory):
        self._copy(self._directory, directory)

    def restore(self, directory):
        self._copy(directory, self._directory)

    def freeze(self):
        self._program.freeze()

    def resume(self):
        self._program.resume()

    def stop(self):
        if self._program:
            self._program.kill()
        if self._directory:
            shutil.rmtree(self._directory, ignore_errors=True)


@contextlib.contextmanager
def mongo_server(own=False):
    """A MongoServer; without one, the test is skipped. `own`: also without one that may be ended."""
    try:
        server = MongoServer()
    except NoMongo as why:
        pytest.skip(str(why))
    try:
        if own and not server.is_own:
            pytest.skip("the MongoDB server of MONGODB_URI is not ours to stop")
        yield server
    finally:
        server.stop()
