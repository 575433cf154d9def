"""The control of fault_shim.c: one file for each program; and its journal."""

import os
import struct

from support.process import REPOSITORY

LIBRARY = REPOSITORY / "build" / "chaos" / "fault_shim.so"
_FIELDS = ("disk_full", "sync_delay_ms", "clock_offset_ms", "journal", "sync_error")
_SIZE = 8 * len(_FIELDS)


class Shim:
    """The disk and the clock of one program; changes take effect at once. `journal` is the file in which the program
    records what it writes and syncs while that is set (unsynced.py)."""

    def __init__(self, path, data_directory):
        self._path, self._data_directory = path, data_directory
        self.journal = path.with_suffix(".journal")
        path.write_bytes(bytes(_SIZE))

    def environment(self):
        """For the program. AddressSanitizer must allow a library to be loaded before it."""
        if not LIBRARY.exists():
            raise FileNotFoundError(f"{LIBRARY} is not built: run make chaos")
        options = filter(None, [os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0"])
        return {"LD_PRELOAD": str(LIBRARY), "CHAOS_CONTROL": str(self._path), "CHAOS_JOURNAL": str(self.journal),
                "CHAOS_DATA": str(self._data_directory), "ASAN_OPTIONS": ":".join(options)}

    def set(self, **values):
        with open(self._path, "r+b") as file:
            for name, value in values.items():
                file.seek(8 * _FIELDS.index(name))
                file.write(struct.pack("=q", value))

    def clear(self):
        self.set(**dict.fromkeys(_FIELDS, 0))

    def end_journal(self):
        self.set(journal=0)
        self.journal.unlink(missing_ok=True)
