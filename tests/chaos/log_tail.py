"""Cuts the end off a SQLite log, as a disk that has lost its last writes, at a place of which is known when it was the
end. https://sqlite.org/walformat.html has the layouts."""

import dataclasses
import os
import struct
import threading
import time

SAMPLE_SECONDS = 0.01
INDEX_BYTES = 136
LOG_HEADER, FRAME_HEADER = 32, 24


@dataclasses.dataclass
class Sample:
    """The log at a time: `frames` were committed, `copied` at most are (partly) in the database file."""
    time: float
    salt: bytes
    page_size: int
    frames: int
    copied: int


def sample(path):
    """From the index of the log in shared memory; None while it is written."""
    now = time.monotonic()
    with open(f"{path}-shm", "rb") as file:
        index = file.read(INDEX_BYTES)
    if len(index) < INDEX_BYTES or index[:48] != index[48:96]:
        return None
    page_size, frames = struct.unpack_from("=HI", index, 14)
    copied, = struct.unpack_from("=I", index, 128)
    return Sample(now, index[32:40], 65536 if page_size == 1 else page_size, frames, copied)


class Samples:
    """Taken until end()."""

    def __init__(self, path):
        self._path, self._all, self._over = path, [], threading.Event()
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

    def _take(self):
        while not self._over.wait(SAMPLE_SECONDS):
            if (one := sample(self._path)) is not None:
                self._all.append(one)

    def end(self):
        self._over.set()
        self._thread.join()
        return self._all


def cut(path, samples):
    """After the processes were killed. Returns since when what was committed may be lost."""
    now = time.monotonic()
    last = sample(path)
    frames, since = (last.frames, now) if last else (None, now)
    for one in reversed(samples):
        # A frame that may be in the database file must stay: it may be there in part.
        if last and one.salt == last.salt and last.copied <= one.frames <= last.frames:
            frames, since = one.frames, one.time
    if frames is not None:
        end = LOG_HEADER + frames * (FRAME_HEADER + last.page_size) if frames else 0
        os.truncate(f"{path}-wal", end)
    os.unlink(f"{path}-shm")
    return since
