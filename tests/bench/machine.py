"""The machine of a run, and the kernel's counters."""

import datetime
import os
import pathlib
import platform
import resource
import subprocess
import time

from support.process import REPOSITORY


def _first_line(path, prefix):
    for line in pathlib.Path(path).read_text().splitlines():
        if line.startswith(prefix):
            return line.partition(":")[2].strip()
    return ""


def _git(*arguments):
    done = subprocess.run(["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def _file_system(path):
    """Type of the file system that a path lies on."""
    path, best = str(pathlib.Path(path).resolve()), ("", "?")
    for line in pathlib.Path("/proc/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split()
        if (path + "/").startswith(place.rstrip("/") + "/") and len(place) >= len(best[0]):
            best = (place, kind)
    return best[1]


def describe(data_directory):
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "--short=12", "HEAD") + (" and changes" if changed else ""),
        "cores": os.cpu_count(),
        "processor": _first_line("/proc/cpuinfo", "model name"),
        "memory_mib": int(_first_line("/proc/meminfo", "MemTotal").split()[0]) // 1024,
        "kernel": platform.release(),
        "file_system": _file_system(data_directory),
    }


def _busy_and_all():
    fields = [int(word) for word in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return sum(fields) - fields[3] - fields[4], sum(fields)


def busy_percent(seconds=1.0):
    """How much of all cores is in use."""
    busy, everything = _busy_and_all()
    time.sleep(seconds)
    busy_later, everything_later = _busy_and_all()
    return 100 * (busy_later - busy) / max(1, everything_later - everything)


def kernel_kib():
    """Memory of the kernel that sockets and threads take: caches of objects (sockets, files, epoll
    entries), stacks, page tables, and the pages that buffers of TCP hold."""
    total = 0
    for line in pathlib.Path("/proc/meminfo").read_text().splitlines():
        name, value = line.split()[:2]
        if name in ("Slab:", "KernelStack:", "PageTables:"):
            total += int(value)
    words = next(line for line in pathlib.Path("/proc/net/sockstat").read_text().splitlines()
                 if line.startswith("TCP:")).split()
    return total + int(words[words.index("mem") + 1]) * resource.getpagesize() // 1024


def allow_many_files(wanted):
    """Raises the limit on open files, for what is started from here on; returns what it is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
        except (ValueError, PermissionError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    else:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
