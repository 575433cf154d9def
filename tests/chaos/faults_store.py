"""Faults of a store's file: an older copy is put back, the end of its log is lost, it is removed or damaged."""

import contextlib
import os
import random
import shutil
import sqlite3
import subprocess
import time

import requests

from chaos import log_tail
from chaos.together import together
from chaos.turn_back import MESSAGES, USERS, TurnBack
from support.process import binary
from support.sqlite_files import back_up, remove_log
from support.wait import wait_until

SAID_SECONDS = 20
STORES = {"user": USERS, "message": MESSAGES}


def file_of(site, service):
    return site.data / f"{STORES[service]}.db"


def positions(path):
    """tag -> the user sequence in a copy of the messages. What is opened here is a copy of that."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        return dict(db.execute("SELECT tag, user_seq FROM account WHERE superseded = 0"))


def stop(site, services, how="terminate"):
    together([name for service in services for name in site.instances(service)],
             lambda name: site.take_down(name, how))


def start(site, services):
    for service in services:
        for name in site.instances(service):
            site.bring_back(name)


def put_back(site, service, copy):
    """As an operator does it who has a copy of the file."""
    path = file_of(site, service)
    remove_log(path)
    path.unlink(missing_ok=True)
    shutil.copy(copy, path)


def messengerctl(*arguments):
    done = subprocess.run([binary("messengerctl"), *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, f"messengerctl {arguments[0]}: {done.stdout}{done.stderr}"


def wait_said(site, service, words):
    """/readyz of a gateway is 503 and says so of that service. Finding: it does not."""
    def said():
        for gateway in range(len(site.links)):
            try:
                answer = requests.get(site.stack.url(gateway, "/readyz"), timeout=5)
                if answer.status_code == 503 and words in answer.json()[service]:
                    return True
            except requests.RequestException:
                pass
        return False
    try:
        wait_until(said, f"/readyz to say {words!r}", SAID_SECONDS)
    except AssertionError as error:
        site.report("not-said", service, str(error))


# Copies of a store in use, and ways to put them back

def with_vacuum(path, target):
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("VACUUM INTO ?", [str(target)])


class TurnedBack:
    """An older copy of the messages is put back. `amount`: 1 `.backup`, 2 `VACUUM INTO`, 3 cp with the log while the
    processes stand still, 4 `.backup` and `.restore` into the running services."""

    def inject(self, site, fault):
        path, self._copy = file_of(site, "message"), site.stack.directory / "copy.db"
        self._remove_copy()
        self._copied = time.monotonic()
        if fault.amount == 3:
            self._with_cp(site, path)
        else:
            {1: back_up, 2: with_vacuum, 4: back_up}[fault.amount](path, self._copy)
        self._positions = positions(self._copy)

    def _remove_copy(self):
        remove_log(self._copy)
        self._copy.unlink(missing_ok=True)

    def _with_cp(self, site, path):
        frozen = [site.program(name) for name in site.instances("message")]
        for program in frozen:
            program.freeze()
        for suffix in ("", "-wal"):
            shutil.copy(path.with_name(path.name + suffix), self._copy.with_name(self._copy.name + suffix))
        for program in frozen:
            program.resume()

    def heal(self, site, fault):
        if fault.amount == 4:
            lost, turned, done = self._restore_in_place(site)
        else:
            stop(site, ["message"])
            lost = time.monotonic()
            put_back(site, "message", self._copy)
            turned = done = time.monotonic()
        site.ledger.note_turn_back(TurnBack(MESSAGES, self._copied, lost, turned, done, self._positions,
                                            site.ledger.newest_numbers()))
        if fault.amount != 4:
            start(site, ["message"])

    def _restore_in_place(self, site):
        turned = time.monotonic()
        back_up(self._copy, file_of(site, "message"))
        done = time.monotonic()
        return done, turned, done


class WithoutSignUps:
    """Nobody signs up from the copy to its return: such an account would be gone."""

    def inject(self, site, fault):
        site.accounts.acquire()
        try:
            self.inject_now(site, fault)
        except BaseException:
            site.accounts.release()
            raise

    def heal(self, site, fault):
        try:
            self.heal_now(site, fault)
        finally:
            site.accounts.release()


class Restored(WithoutSignUps):
    """`messengerctl backup` while all run, and `messengerctl restore` later."""

    def inject_now(self, site, fault):
        self._backup = site.stack.directory / "backup"
        shutil.rmtree(self._backup, ignore_errors=True)
        self._copied = time.monotonic()
        messengerctl("backup", self._backup, "--data", site.data)
        self._positions = positions(self._backup / "messages.db")

    def heal_now(self, site, fault):
        services = list(STORES)
        stop(site, services)
        lost = time.monotonic()
        messengerctl("restore", self._backup, "--data", site.data, "--force")
        now = time.monotonic()
        for store in STORES.values():
            site.ledger.note_turn_back(TurnBack(store, self._copied, lost, now, now, self._positions,
                                                site.ledger.newest_numbers(), renewed=True))
        start(site, services)


class Damaged(Restored):
    """A third of the pages is overwritten, and then the newest backup restored."""

    def inject_now(self, site, fault):
        super().inject_now(site, fault)
        path = file_of(site, fault.service)
        rng = random.Random(fault.amount)
        with contextlib.closing(sqlite3.connect(path)) as db:
            size, = db.execute("PRAGMA page_size").fetchone()
            db.execute("PRAGMA wal_checkpoint")  # pages that are in the log, too, are not read from the file
        file = os.open(path, os.O_WRONLY)
        pages = range(1, os.fstat(file).st_size // size)
        for page in rng.sample(pages, max(1, len(pages) // 3)):
            os.pwrite(file, rng.randbytes(size), page * size)
        os.close(file)
        wait_said(site, fault.service, f"{path.name} is damaged")


class FileLost(WithoutSignUps):
    """`amount`: the file is 1 removed, 2 renamed, 3 replaced by a copy, 4 by an empty one, 5 its log is removed. Then a
    copy that was made just before is put back."""

    def inject_now(self, site, fault):
        service = fault.service
        path, self._copy = file_of(site, service), site.stack.directory / "copy.db"
        self._copy.unlink(missing_ok=True)
        self._copied = time.monotonic()
        back_up(path, self._copy)
        self._positions = positions(self._copy) if service == "message" else {}
        self._lose(path, fault.amount)
        self._lost = time.monotonic()
        wait_said(site, service, f"{path.name} was removed or replaced")

    def _lose(self, path, way):
        if way == 2:
            path.rename(path.with_suffix(".away"))
        elif way == 3:
            shutil.copy(self._copy, path.with_suffix(".new"))
            path.with_suffix(".new").rename(path)
        elif way == 5:
            path.with_name(path.name + "-wal").unlink()
        else:
            path.unlink()
            if way == 4:
                path.touch()

    def heal_now(self, site, fault):
        stop(site, [fault.service])
        put_back(site, fault.service, self._copy)
        now = time.monotonic()
        site.ledger.note_turn_back(TurnBack(STORES[fault.service], self._copied, self._lost, now, now,
                                            self._positions, site.ledger.newest_numbers()))
        start(site, [fault.service])


class LogTailLost:
    """The services are killed, and the end of the log is gone: what was committed last."""

    def inject(self, site, fault):
        self._samples = log_tail.Samples(file_of(site, "message"))

    def heal(self, site, fault):
        samples = self._samples.end()
        stop(site, ["message"], "kill")
        lost, path = time.monotonic(), file_of(site, "message")
        copied = log_tail.cut(path, samples)
        scratch = site.stack.directory / "copy.db"
        remove_log(scratch)
        for suffix in ("", "-wal"):
            shutil.copy(path.with_name(path.name + suffix), scratch.with_name(scratch.name + suffix))
        now = time.monotonic()
        site.ledger.note_turn_back(TurnBack(MESSAGES, copied, lost, now, now, positions(scratch),
                                            site.ledger.newest_numbers()))
        site.log(f"           what was acknowledged in the last {lost - copied:.2f} s may be lost")
        start(site, ["message"])


DOERS = {"turned-back": TurnedBack(), "restored": Restored(), "file-lost": FileLost(), "file-damaged": Damaged(),
         "log-tail-lost": LogTailLost()}
