"""How many sessions there are, in all and for each client, across all receivers.

Receivers share one anonymous memory map made before they are forked. Each
writes only its own region, so no lock is needed; a sum over the regions may be
a moment old, which for a limit is near enough. Clients are counted in hashed
slots: two that share a slot are counted together, so a limit may come a little
early, never late.
"""

from __future__ import annotations

import mmap
import struct
from ipaddress import IPv4Address
from typing import Final

from clement.policy.network import Address

SLOTS: Final = 8192
_COUNTER: Final = struct.Struct("=H")
_REGION_BYTES: Final = SLOTS * _COUNTER.size
_TOTAL_SLOT: Final = 0
# Knuth's multiplicative hash, 2^32 / golden ratio.
_SPREAD: Final = 2654435769


class Census:
    """The shared counters. Made once, in the supervisor; each receiver then takes its `Region`."""

    def __init__(self, receivers: int) -> None:
        self._receivers = receivers
        self._shared = mmap.mmap(-1, receivers * _REGION_BYTES)

    def region(self, number: int) -> Region:
        """The region of receiver `number`, emptied: who had it before is gone, his sessions with him."""
        start = number * _REGION_BYTES
        self._shared[start : start + _REGION_BYTES] = bytes(_REGION_BYTES)
        return Region(memoryview(self._shared).cast("H"), number * SLOTS, self._receivers)


class Region:
    """One receiver's view: it adds to its own counters and reads everybody's."""

    __slots__ = ("_base", "_counters", "_receivers")

    def __init__(self, counters: memoryview, base: int, receivers: int) -> None:
        self._counters = counters
        self._base = base
        self._receivers = receivers

    def enter(self, client: Address) -> None:
        """A session with this client begins."""
        self._add(_TOTAL_SLOT, 1)
        self._add(slot_of(client), 1)

    def leave(self, client: Address) -> None:
        """That session ended."""
        self._add(_TOTAL_SLOT, -1)
        self._add(slot_of(client), -1)

    def sessions(self) -> int:
        """Sessions now, in all receivers."""
        return self._sum(_TOTAL_SLOT)

    def sessions_of(self, client: Address) -> int:
        """Sessions of this client now: its IPv4 address, or its IPv6 /64, which is one customer's."""
        return self._sum(slot_of(client))

    def _add(self, slot: int, change: int) -> None:
        index = self._base + slot
        self._counters[index] = min(65535, max(0, self._counters[index] + change))

    def _sum(self, slot: int) -> int:
        counters = self._counters
        return sum([counters[number * SLOTS + slot] for number in range(self._receivers)])


def slot_of(client: Address) -> int:
    """The slot a client is counted in; slot 0 is kept for the total."""
    number = int(client) if isinstance(client, IPv4Address) else int(client) >> 64
    folded = (number ^ number >> 32) & 0xFFFFFFFF
    return 1 + (folded * _SPREAD & 0xFFFFFFFF) % (SLOTS - 1)
