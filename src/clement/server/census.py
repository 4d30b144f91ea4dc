"""What receivers count together: sessions now, in all and for each client, and those held in the tarpit.

Receivers share one anonymous memory map made before they are forked. Each
writes only its own region, so no lock is needed; a sum over the regions may be
a moment old, which for a limit is near enough. Clients are counted in hashed
slots: two that share a slot are counted together, so a limit may come a little
early, never late. Nobody outside can tell who shares a slot with whom.

What is counted over time instead of at once has its place in `tally`, and failed
logins, of which none may be put to another's account, in a `slot_table`.
"""

from __future__ import annotations

import mmap
import struct
from ipaddress import IPv4Address
from typing import Final

from clement.policy.network import Address
from clement.server.slot_table import SlotTable
from clement.server.tally import Tally, shared_tally

SLOTS: Final = 8192
_COUNTER: Final = struct.Struct("=H")
_PLANES: Final = 2
"""Sessions, and those of them that are held in the tarpit."""
_REGION_SLOTS: Final = _PLANES * SLOTS
_REGION_BYTES: Final = _REGION_SLOTS * _COUNTER.size
_TOTAL_SLOT: Final = 0


MINUTE_S: Final = 60.0
HOUR_S: Final = 3600.0

LOGIN_BUCKETS: Final = 2048
"""Room for 16384 clients whose logins failed lately: 4 MiB, used as they come."""


class Census:
    """The shared counters. Made once, in the supervisor; each receiver then takes its `Region`."""

    def __init__(self, receivers: int) -> None:
        self._shared = mmap.mmap(-1, receivers * _REGION_BYTES)
        self._minute, self._hour = shared_tally(), shared_tally()
        self._failed_logins = SlotTable.in_memory(LOGIN_BUCKETS)

    def region(self, number: int) -> Region:
        """The region of receiver `number`, emptied: who had it before is gone, his sessions with him."""
        start = number * _REGION_BYTES
        self._shared[start : start + _REGION_BYTES] = bytes(_REGION_BYTES)
        counters = memoryview(self._shared).cast("H")
        lately = Tally(self._minute, MINUTE_S), Tally(self._hour, HOUR_S)
        return Region(counters, number * _REGION_SLOTS, *lately, self._failed_logins)


class Region:
    """One receiver's view: it adds to its own counters and reads everybody's. The rest belongs to all."""

    __slots__ = ("_base", "_counters", "failed_logins", "hour", "minute")

    def __init__(
        self, counters: memoryview, base: int, minute: Tally, hour: Tally, failed_logins: SlotTable
    ) -> None:
        self._counters = counters
        self._base = base
        self.minute = minute
        self.hour = hour
        self.failed_logins = failed_logins

    def enter(self, slot: int) -> None:
        """A session with the client of this slot begins."""
        self._add(_TOTAL_SLOT, 1)
        self._add(slot, 1)

    def leave(self, slot: int) -> None:
        """That session ended."""
        self._add(_TOTAL_SLOT, -1)
        self._add(slot, -1)

    def sessions(self) -> int:
        """Sessions now, in all receivers."""
        return self._sum(_TOTAL_SLOT)

    def sessions_of(self, slot: int) -> int:
        """Sessions of the client of this slot now."""
        return self._sum(slot)

    def hold(self, slot: int) -> None:
        """A session of this client goes into the tarpit."""
        self._add(SLOTS + _TOTAL_SLOT, 1)
        self._add(SLOTS + slot, 1)

    def release(self, slot: int) -> None:
        """It has come out again."""
        self._add(SLOTS + _TOTAL_SLOT, -1)
        self._add(SLOTS + slot, -1)

    def held(self) -> int:
        """Sessions in the tarpit now, in all receivers."""
        return self._sum(SLOTS + _TOTAL_SLOT)

    def held_of(self, slot: int) -> int:
        """Sessions of the client of this slot in the tarpit now."""
        return self._sum(SLOTS + slot)

    def _add(self, slot: int, change: int) -> None:
        try:
            self._counters[self._base + slot] += change
        except ValueError:
            return  # beyond what a counter holds: it stays as it is

    def _sum(self, slot: int) -> int:
        return sum(self._counters[slot::_REGION_SLOTS])


def slot_of(client: Address) -> int:
    """The slot a client is counted in: an IPv4 address, or an IPv6 /64, which is one customer's.

    Slot 0 is kept for the total. Python hashes bytes with a key drawn at its start (SipHash), which receivers
    inherit when they are forked: they agree, and nobody can choose an address to share the slot of another.
    """
    number = int(client) if isinstance(client, IPv4Address) else int(client) >> 64
    return 1 + hash(number.to_bytes(8, "big")) % (SLOTS - 1)
