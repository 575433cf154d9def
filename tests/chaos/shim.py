"""The control of fault_shim.c: one file for each program."""

import struct

from support.process import REPOSITORY

LIBRARY = REPOSITORY / "build" / "chaos" / "fault_shim.so"
_FIELDS = ("disk_full", "sync_delay_ms", "clock_offset_ms")
_SIZE = 8 * len(_FIELDS)


class Shim:
    """The disk and the clock of one program; changes take effect at once."""

    def __init__(self, path, data_directory):
        self._path, self._data_directory = path, data_directory
        path.write_bytes(bytes(_SIZE))

    def environment(self):
        """For the program. AddressSanitizer must allow a library to be loaded before it."""
        if not LIBRARY.exists():
            raise FileNotFoundError(f"{LIBRARY} is not built: run make chaos")
        return {"LD_PRELOAD": str(LIBRARY), "CHAOS_CONTROL": str(self._path),
                "CHAOS_DATA": str(self._data_directory), "ASAN_OPTIONS": "verify_asan_link_order=0"}

    def set(self, **values):
        with open(self._path, "r+b") as file:
            for name, value in values.items():
                file.seek(8 * _FIELDS.index(name))
                file.write(struct.pack("=q", value))

    def clear(self):
        self.set(**dict.fromkeys(_FIELDS, 0))
