"""What next hops have said about recipients, remembered for a while and never for many."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

import msgspec

from clement.delivery.transport import Placement

_MAX_ENTRIES = 50_000


class CacheTimes(msgspec.Struct, frozen=True):
    """How long an answer is believed, in seconds: yes, no for good, no for now."""

    accepted_s: float = 3600.0
    refused_s: float = 600.0
    deferred_s: float = 30.0


class RecipientCache:
    """A bounded memory of verifications; the ones used least lately go first. `clock`: monotonic seconds."""

    __slots__ = ("_clock", "_entries", "_max_entries", "_times")

    def __init__(
        self, clock: Callable[[], float], times: CacheTimes | None = None, max_entries: int = _MAX_ENTRIES
    ) -> None:
        self._clock = clock
        self._times = times or CacheTimes()
        self._max_entries = max_entries
        self._entries: OrderedDict[Hashable, tuple[float, Placement | None]] = OrderedDict()

    def get(self, key: Hashable) -> Placement | bool | None:
        """None: the recipient is accepted; a placement: it is not; False: nothing is known."""
        entry = self._entries.get(key)
        if entry is None:
            return False
        if entry[0] <= self._clock():
            del self._entries[key]
            return False
        self._entries.move_to_end(key)
        return entry[1]

    def put(self, key: Hashable, placement: Placement | None) -> None:
        """Remember an answer."""
        times = self._times
        if placement is None:
            lasts_s = times.accepted_s
        else:
            lasts_s = times.refused_s if placement.reply.is_permanent else times.deferred_s
        self._entries[key] = (self._clock() + lasts_s, placement)
        self._entries.move_to_end(key)
        while len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)

    def forget(self, key: Hashable) -> None:
        """What was remembered has turned out to be wrong."""
        self._entries.pop(key, None)
