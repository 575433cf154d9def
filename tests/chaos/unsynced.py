"""A loss of power: takes from the files of killed programs what they had written and not synced.

The journals (fault_shim.c) say what was written, and what was there before. Each block of a file becomes what it was
after one of the writes to it: at least the last one that a successful sync covers, and none that only a failed sync
covers, unless a later write to that block was synced."""

import bisect
import collections
import dataclasses
import struct

WRITTEN, RESIZED, SYNCED, SYNC_FAILED = range(4)
DURABLE, OPEN, LOST = "durable", "open", "lost"
_HEADER = struct.Struct("=9q")
SECTOR, PAGE = 512, 4096


@dataclasses.dataclass
class Record:
    time: int
    file: tuple  # device and inode
    kind: int
    offset: int
    size_before: int
    size_after: int
    before: bytes
    after: bytes
    fate: str = OPEN


def read_journal(path):
    """The records of one program; none if there is no journal."""
    data = path.read_bytes() if path.exists() else b""
    records, at = [], 0
    while at + _HEADER.size <= len(data):
        time, device, inode, kind, offset, size_before, size_after, before, after = _HEADER.unpack_from(data, at)
        at += _HEADER.size
        records.append(Record(time, (device, inode), kind, offset, size_before, size_after,
                              data[at:at + before], data[at + before:at + before + after]))
        at += before + after
    return records


def _judge(records):
    """The fate of each write: decided by the first sync that began after it."""
    syncs = [record for record in records if record.kind in (SYNCED, SYNC_FAILED)]
    times = [record.time for record in syncs]
    for record in records:
        first = bisect.bisect_right(times, record.time)
        if first < len(syncs):
            record.fate = DURABLE if syncs[first].kind == SYNCED else LOST


def _undo(content, records):
    """To what the file was before the first record."""
    for record in reversed(records):
        if record.before:
            end = record.offset + len(record.before)
            content.extend(bytes(max(0, end - len(content))))
            content[record.offset:end] = record.before
        _resize(content, record.size_before)


def _resize(content, size):
    del content[size:]
    content.extend(bytes(size - len(content)))


def _blocks(record, size):
    return range(record.offset // size, (record.offset + len(record.after) - 1) // size + 1)


def _choose(fates, choose):
    """How many of the writes to a block, or of the changes of a length, happened. `choose` picks one of several."""
    kept = max((number for number, fate in enumerate(fates, 1) if fate == DURABLE), default=0)
    return choose([kept] + [number for number, fate in enumerate(fates, 1) if number > kept and fate == OPEN])


def _replay(content, records, block_size, choose):
    """Returns how many blocks are not as they were written last."""
    writes = [record for record in records if record.kind == WRITTEN and record.after]
    by_block = collections.defaultdict(list)
    for record in writes:
        for block in _blocks(record, block_size):
            by_block[block].append(record.fate)
    left = {block: _choose(fates, choose) for block, fates in by_block.items()}
    dropped = sum(left[block] < len(fates) for block, fates in by_block.items())
    sizes = [record for record in records if record.size_after != record.size_before]
    kept_sizes = sizes[:_choose([record.fate for record in sizes], choose)]
    size = kept_sizes[-1].size_after if kept_sizes else len(content)
    for record in records:
        if record.kind == RESIZED and record.size_after < record.size_before and record in kept_sizes:
            _resize(content, record.size_after)
        if record.kind != WRITTEN or not record.after:
            continue
        if record.fate == DURABLE and not any(cut.time > record.time for cut in kept_sizes):
            size = max(size, record.offset + len(record.after))  # its sync has written the length, too
        for block in _blocks(record, block_size):
            if left[block] > 0:
                left[block] -= 1
                _copy(content, record, block * block_size, block_size)
    _resize(content, size)
    return dropped


def _copy(content, record, start, size):
    begin = max(start, record.offset)
    end = min(start + size, record.offset + len(record.after))
    content.extend(bytes(max(0, end - len(content))))
    content[begin:end] = record.after[begin - record.offset:end - record.offset]


def _identity(path):
    """As Record.file; None if it is gone: other programs may be running."""
    try:
        status = path.stat()
        return status.st_dev, status.st_ino
    except FileNotFoundError:
        return None


def drop(journals, directory, rng, torn, block_size=PAGE):
    """What was not synced is gone: all of it, or with `torn` an arbitrary part. Returns the number of
    blocks that are not as they were written last."""
    by_file = collections.defaultdict(list)
    for record in sorted((r for journal in journals for r in read_journal(journal)), key=lambda r: r.time):
        by_file[record.file].append(record)
    dropped = 0
    for path in directory.rglob("*"):
        records = by_file.get(_identity(path))
        if not records:
            continue
        _judge(records)
        changes = [record for record in records if record.kind in (WRITTEN, RESIZED)]
        content = bytearray(path.read_bytes())
        _undo(content, changes)
        dropped += _replay(content, changes, block_size, rng.choice if torn else lambda choices: choices[0])
        path.write_bytes(content)
    return dropped
