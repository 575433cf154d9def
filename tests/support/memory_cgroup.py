"""A bound on the memory of a program, as a container has it: a control group of the kernel, of version 2 or 1."""

import contextlib
import pathlib
import secrets

ROOT = pathlib.Path("/sys/fs/cgroup")


class MemoryCgroup:
    def __init__(self, path, version):
        self._path, self._version = path, version

    def add(self, pid):
        (self._path / "cgroup.procs").write_text(str(pid))

    def peak_mib(self):
        """Memory of the kernel for sockets and the page cache count, too."""
        name = "memory.peak" if self._version == 2 else "memory.max_usage_in_bytes"
        return int((self._path / name).read_text()) / (1 << 20)


def _make(limit_mib):
    version = 2 if (ROOT / "cgroup.controllers").exists() else 1
    path = (ROOT if version == 2 else ROOT / "memory") / f"messenger-test-{secrets.token_hex(4)}"
    path.mkdir()
    (path / ("memory.max" if version == 2 else "memory.limit_in_bytes")).write_text(str(limit_mib << 20))
    return MemoryCgroup(path, version), path


@contextlib.contextmanager
def memory_cgroup(limit_mib):
    """None where this user may make none. The programs must have ended before the exit."""
    try:
        cgroup, path = _make(limit_mib)
    except OSError:
        yield None
        return
    try:
        yield cgroup
    finally:
        path.rmdir()
