"""The files of a SQLite store, as an operator handles them."""

import contextlib
import sqlite3


def remove_log(path):
    """The write-ahead log and its index, of a file that is not in use."""
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def back_up(path, target):
    """As `.backup` and `.restore` of the sqlite3 tool; either may be in use."""
    with contextlib.closing(sqlite3.connect(path)) as source, contextlib.closing(sqlite3.connect(target)) as copied:
        source.backup(copied)
