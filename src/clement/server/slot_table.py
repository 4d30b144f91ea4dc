"""A small table in a file that all receivers of a machine share: fixed slots, mapped into memory, no locks.

The file is a page of header and then slots of 256 octets, in buckets of 8. The key, a keyed hash, says which
bucket; a bucket that is full gives up the slot that was used longest ago. Each slot has a checksum of its
own. So:

- a look-up is one search in 2 KiB of memory, a change one copy of 256 octets: no system call, nothing waits;
- what one process writes all others see at once, and it stays when that process is killed;
- two processes that write one slot at once, a process killed in the middle, a page that the disk lost: the
  checksum does not fit, and the slot counts as empty. What is lost is one memory, never the table.

The file is given all its space when it is made, so that a full disk says so then and not by SIGBUS later,
and is never shortened or written over as a whole: a new one takes its place by rename.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Final
from zlib import crc32

import msgspec

KEY_BYTES: Final = 16
SEAL_BYTES: Final = 16
SLOT_BYTES: Final = 256
SLOTS_A_BUCKET: Final = 8
MAX_TEXT_BYTES: Final = 208

_MAGIC: Final = b"CLEMENT SLOTS\0\0\0"
_VERSION: Final = 1
_HEADER_BYTES: Final = mmap.PAGESIZE
_HEADER: Final = struct.Struct(f"<16sIII{SEAL_BYTES}s")
# checksum, key, first_s, last_s, count, value, pinned, octets of text
_SLOT: Final = struct.Struct(f"<I{KEY_BYTES}sIIIIBB")
_BODY: Final = struct.Struct(f"<{KEY_BYTES}sIIIIBB")
_KEYS: Final = struct.Struct(f"<{f'4x{KEY_BYTES}s{SLOT_BYTES - KEY_BYTES - 4}x' * SLOTS_A_BUCKET}")
_CHECKSUM: Final = struct.Struct("<I")
_BUCKET_BYTES: Final = SLOT_BYTES * SLOTS_A_BUCKET
_KEY_AT: Final = _CHECKSUM.size
_TEXT_AT: Final = _SLOT.size
_MOST: Final = (1 << 32) - 1
_NO_KEY: Final = bytes(KEY_BYTES)
_EMPTY_BUCKET: Final = bytes(_BUCKET_BYTES)


class Entry(msgspec.Struct, frozen=True, gc=False):
    """What a slot holds.

    first_s, last_s: Unix seconds; last_s also says which slot of a full bucket gives way. count, value:
    numbers of the owner, up to 2^32 - 1. pinned: gives way after all others. text: for people to read.
    """

    key: bytes
    first_s: int
    last_s: int
    count: int = 0
    value: int = 0
    pinned: bool = False
    text: str = ""


class UnfitTable(ValueError):
    """The file is no table of this shape and version."""


class SlotTable:
    """One open table. Every method may be called while other processes use the same file."""

    __slots__ = ("_buckets", "_map", "_writable")

    def __init__(self, mapping: mmap.mmap, buckets: int, *, writable: bool) -> None:
        self._map = mapping
        self._buckets = buckets
        self._writable = writable

    @classmethod
    def open(cls, path: Path, buckets: int, seal: bytes, *, writable: bool = True) -> SlotTable:
        """Map a table that exists.

        seal: SEAL_BYTES that must be those it was made with; they stand for the key of its hashes.
        Raises UnfitTable, OSError (FileNotFoundError when there is none).
        """
        descriptor = os.open(path, (os.O_RDWR if writable else os.O_RDONLY) | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            size_bytes = os.fstat(descriptor).st_size
            if size_bytes != _size_of(buckets):
                raise UnfitTable(f"{size_bytes} octets instead of {_size_of(buckets)}")
            fault = _unfit(os.pread(descriptor, _HEADER.size, 0), buckets, seal)
            if fault:
                raise UnfitTable(fault)
            mapping = mmap.mmap(
                descriptor, size_bytes, access=mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
            )
        finally:
            os.close(descriptor)
        return cls(mapping, buckets, writable=writable)

    @classmethod
    def in_memory(cls, buckets: int = 1) -> SlotTable:
        """A table without a file; whoever is forked from us shares it."""
        return cls(mmap.mmap(-1, _size_of(buckets)), buckets, writable=True)

    @classmethod
    def make(cls, path: Path, buckets: int, seal: bytes) -> None:
        """Put an empty table in the place of whatever is there. Raises OSError."""
        fresh = path.with_suffix(f".{os.getpid()}.new")
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(fresh, flags, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, _size_of(buckets))
            os.pwrite(descriptor, _HEADER.pack(_MAGIC, _VERSION, SLOT_BYTES, buckets, seal), 0)
            os.fsync(descriptor)
            fresh.replace(path)
        except OSError:
            with suppress(OSError):
                fresh.unlink()
            raise
        finally:
            os.close(descriptor)

    def get(self, key: bytes) -> Entry | None:
        """What stands under a key, or None."""
        start = self._start(key)
        return _find(self._map[start : start + _BUCKET_BYTES], key)[1]

    def put(self, entry: Entry) -> None:
        """Write an entry over the one with its key, or else over the one that gives way."""
        if not self._writable:
            return
        start = self._start(entry.key)
        bucket = self._map[start : start + _BUCKET_BYTES]
        at, before = _find(bucket, entry.key)
        at = start + (at if before is not None else _gives_way(bucket))
        self._map[at : at + SLOT_BYTES] = _packed(entry)

    def remove(self, key: bytes) -> bool:
        """Empty the slot of a key; False when there was none."""
        if not self._writable:
            return False
        start, removed = self._start(key), False
        if key not in _KEYS.unpack(self._map[start : start + _BUCKET_BYTES]):
            return False
        # Two processes that put one key at once may have used two slots.
        for at in range(start, start + _BUCKET_BYTES, SLOT_BYTES):
            if self._map[at + _KEY_AT : at + _KEY_AT + KEY_BYTES] == key:
                self._map[at : at + SLOT_BYTES] = bytes(SLOT_BYTES)
                removed = True
        return removed

    def entries(self) -> Iterator[Entry]:
        """Every entry, in no order; what is changed meanwhile may be seen or not. Twins are shown once."""
        for start in range(_HEADER_BYTES, len(self._map), _BUCKET_BYTES):
            bucket = self._map[start : start + _BUCKET_BYTES]
            if bucket == _EMPTY_BUCKET:
                continue
            seen: set[bytes] = set()
            for at in range(0, _BUCKET_BYTES, SLOT_BYTES):
                entry = _read(bucket, at)
                if entry is not None and entry.key not in seen:
                    seen.add(entry.key)
                    yield entry

    def close(self) -> None:
        """Give the mapping up; what was written stays."""
        self._map.close()

    def _start(self, key: bytes) -> int:
        return _HEADER_BYTES + int.from_bytes(key[:8], "little") % self._buckets * _BUCKET_BYTES


def open_or_make(path: Path, buckets: int, seal: bytes) -> tuple[SlotTable, str]:
    """The table at a path, and what was wrong with the one that was there before if it had to be made anew.

    Call it under a lock that others respect. Raises OSError.
    """
    fault = ""
    try:
        return SlotTable.open(path, buckets, seal), fault
    except FileNotFoundError:
        pass
    except UnfitTable as unfit:
        fault = str(unfit)
    SlotTable.make(path, buckets, seal)
    return SlotTable.open(path, buckets, seal), fault


def seal_of(secret: bytes) -> bytes:
    """What a table bears that was made with this key of its hashes."""
    return blake2b(b"seal", digest_size=SEAL_BYTES, key=secret).digest()


# A bucket is copied before it is looked at. So all of one look-up sees one state; and `mmap.find` of Python
# before 3.11.5 reads an octet behind what it searches, which behind the last bucket is not ours.


def _find(bucket: bytes, key: bytes) -> tuple[int, Entry | None]:
    """Where in a bucket the valid slot of a key begins, and what it holds."""
    keys = _KEYS.unpack(bucket)
    if key in keys:
        for place, other in enumerate(keys):
            if other == key and (entry := _read(bucket, place * SLOT_BYTES)) is not None:
                return place * SLOT_BYTES, entry
    return -1, None


def _read(bucket: bytes, at: int) -> Entry | None:
    checksum, key, first_s, last_s, count, value, pinned, text_bytes = _SLOT.unpack_from(bucket, at)
    text_at = at + _TEXT_AT
    end = text_at + text_bytes
    if text_bytes > MAX_TEXT_BYTES or checksum != crc32(bucket[at + _KEY_AT : end]):
        return None
    return Entry(
        key, first_s, last_s, count, value, bool(pinned), bucket[text_at:end].decode("utf-8", "replace")
    )


def _gives_way(bucket: bytes) -> int:
    """Where the first empty slot of a bucket begins, else the one used longest ago."""
    keys = _KEYS.unpack(bucket)
    if _NO_KEY in keys:
        return keys.index(_NO_KEY) * SLOT_BYTES
    oldest, when = 0, (True, _MOST + 1)
    for at in range(0, _BUCKET_BYTES, SLOT_BYTES):
        entry = _read(bucket, at)
        if entry is None:
            return at
        if (entry.pinned, entry.last_s) < when:
            oldest, when = at, (entry.pinned, entry.last_s)
    return oldest


def _packed(entry: Entry) -> bytes:
    text = entry.text.encode("utf-8", "replace")[:MAX_TEXT_BYTES]
    body = _BODY.pack(
        entry.key,
        _bounded(entry.first_s),
        _bounded(entry.last_s),
        _bounded(entry.count),
        _bounded(entry.value),
        entry.pinned,
        len(text),
    )
    return (_CHECKSUM.pack(crc32(body + text)) + body + text).ljust(SLOT_BYTES, b"\0")


def _bounded(number: int) -> int:
    return min(max(number, 0), _MOST)


def _size_of(buckets: int) -> int:
    return _HEADER_BYTES + buckets * _BUCKET_BYTES


def _unfit(header: bytes, buckets: int, seal: bytes) -> str:
    """Why this is not the header of such a table; "" when it is."""
    if len(header) < _HEADER.size:
        return "no header"
    magic, version, slot_bytes, found_buckets, found_seal = _HEADER.unpack(header)
    if magic != _MAGIC:
        return "no table"
    if (version, slot_bytes, found_buckets) != (_VERSION, SLOT_BYTES, buckets):
        return f"a table of version {version} with {found_buckets} buckets of slots of {slot_bytes} octets"
    return "" if found_seal == seal else "a table made with another key"
