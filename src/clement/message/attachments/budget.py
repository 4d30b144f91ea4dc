"""How much may be spent on the attachments of one message, in entries and octets and never in seconds."""

from __future__ import annotations

import msgspec


class ExamineLimits(msgspec.Struct, frozen=True):
    """Bounds for one message.

    listed: attachments that are told of; entries: files looked at, those in archives included.
    depth: archives within one another. ratio: octets unpacked for each packed one, from `ratio_floor_bytes`
    on; unpacked_bytes: what an archive may claim to hold. work_bytes: octets that may be decompressed, in
    those of deflate. whole_bytes: of one archive or document in memory; stream_bytes: of one packed tar;
    read_bytes: of all of them together, since parts that are readings of one another share their octets.
    """

    listed: int = 200
    entries: int = 1000
    depth: int = 5
    ratio: int = 100
    ratio_floor_bytes: int = 1024 * 1024
    unpacked_bytes: int = 100_000_000
    work_bytes: int = 64 * 1024 * 1024
    whole_bytes: int = 40 * 1024 * 1024
    stream_bytes: int = 64 * 1024 * 1024
    read_bytes: int = 160 * 1024 * 1024


class Unreadable(Exception):
    """This file, or the rest of it, cannot be looked into; the text says why."""


class Exhausted(Exception):
    """There are more files than are looked at in one message."""


class Budget:
    """What is left of the limits while one message is examined."""

    __slots__ = ("entries", "limits", "read", "work")

    def __init__(self, limits: ExamineLimits) -> None:
        self.limits = limits
        self.entries = limits.entries
        self.work = limits.work_bytes
        self.read = limits.read_bytes

    def take_entry(self) -> None:
        """Count one file. Raises Exhausted."""
        if self.entries <= 0:
            raise Exhausted(f"more than {self.limits.entries} files")
        self.entries -= 1

    def spend(self, work_bytes: int) -> None:
        """Count decompressed octets. Raises Unreadable when there were none left before."""
        if self.work <= 0:
            raise Unreadable(f"more than {self.limits.work_bytes >> 20} MiB had to be unpacked")
        self.work -= work_bytes

    def count_read(self, size_bytes: int) -> None:
        """Count octets that are read whole. Raises Unreadable when there were none left before."""
        if self.read <= 0:
            raise Unreadable(f"more than {self.limits.read_bytes >> 20} MiB had to be read")
        self.read -= size_bytes

    def check_ratio(self, packed_bytes: int, unpacked_bytes: int) -> None:
        """Raises Unreadable for what unpacks to more than the limits allow."""
        limits = self.limits
        if unpacked_bytes > limits.unpacked_bytes:
            raise Unreadable(f"unpacks to {_amount(unpacked_bytes)}")
        if unpacked_bytes > limits.ratio_floor_bytes and unpacked_bytes > limits.ratio * packed_bytes:
            raise Unreadable(f"unpacks to more than {limits.ratio} times its size")


def _amount(size_bytes: int) -> str:
    units = ("B", "kB", "MB", "GB", "TB", "PB")
    power = min(max(len(str(size_bytes)) - 1, 0) // 3, len(units) - 1)
    return f"{size_bytes / 1000**power:.3g} {units[power]}"
