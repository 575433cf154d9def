"""Faults of the disk below a store: power is lost, and syncs fail."""

import random

from chaos import unsynced
from chaos.together import together

SLOW_SYNC_MS = 40
RECOVERY_SECONDS = 1


class PowerLoss:
    """Both instances are killed, and what they have not synced is not on the disk: all of it, or an arbitrary part."""

    # With slow syncs, there is nearly always something that is not synced yet.
    values = {"journal": 1, "sync_delay_ms": SLOW_SYNC_MS}

    def inject(self, site, fault):
        for target in fault.targets:
            site.shims[target].set(**self.values)

    def heal(self, site, fault):
        rng = random.Random(fault.amount)
        together(fault.targets, lambda target: site.take_down(target, "kill"))
        journals = [site.shims[target].journal for target in fault.targets]
        dropped = unsynced.drop(journals, site.data, rng, torn=rng.random() < 0.7,
                                block_size=self.block_size(rng))
        for path in site.data.glob("*-shm"):
            if path.name.startswith(fault.service):
                path.unlink()  # memory, which is made again
        site.log(f"           {dropped} blocks were not on the disk")
        for target in fault.targets:
            site.shims[target].clear()
            site.shims[target].end_journal()
        for target in fault.targets:
            site.bring_back(target)

    @staticmethod
    def block_size(rng):
        return rng.choice((unsynced.SECTOR, unsynced.PAGE))


class SyncError(PowerLoss):
    """Syncs fail with EIO for a while. What they should have written is lost, as Linux does it, and the next sync does
    not help: seen when the power is lost, too."""

    values = {"journal": 1, "sync_error": 1}

    def heal(self, site, fault):
        for target in fault.targets:
            site.shims[target].set(sync_error=0, sync_delay_ms=SLOW_SYNC_MS)
        site.pause(RECOVERY_SECONDS)  # writes and syncs that succeed again
        super().heal(site, fault)

    @staticmethod
    def block_size(rng):
        return unsynced.PAGE  # as the system's cache


DOERS = {"power-loss": PowerLoss(), "sync-error": SyncError()}
