"""What a receiver knows of the mesh: the log it serves to peers, and what it knows of each; as bytes."""

from __future__ import annotations

from bisect import bisect_right
from operator import attrgetter
from typing import Final

import msgspec

from clement.policy.mesh.exchange import MAX_HOPS, PAGE_ENTRIES, Entry, Page
from clement.policy.mesh.key import KeyId

SCANNED_FOR_A_PAGE: Final = 2_000
"""Entries looked at for one page, so that a log of what may not be told to a peer cannot hold up the loop."""


class SnapshotUnreadable(ValueError):
    """These bytes are no snapshot of this version of Clement."""


class LoggedEntry(msgspec.Struct, frozen=True, array_like=True):
    """One assertion of the log. hops: made when it came here; handed_by: from whom, "" for our own."""

    position: int
    hops: int
    origin: KeyId
    handed_by: str
    text: str


class MeshSnapshot(msgspec.Struct, frozen=True):
    """The log in order of its positions, up to `until`. have: up to where we have the log of each peer."""

    entries: tuple[LoggedEntry, ...] = ()
    until: int = 0
    have: dict[KeyId, int] = {}

    def page(self, asking: KeyId, after: int) -> Page:
        """What this peer may be told next: nothing it said or gave us, nothing too far travelled."""
        begin = bisect_right(self.entries, after, key=attrgetter("position"))
        chosen: list[Entry] = []
        end = begin
        for entry in self.entries[begin : begin + SCANNED_FOR_A_PAGE]:
            if len(chosen) == PAGE_ENTRIES:
                break
            end += 1
            hops = 0 if entry.handed_by == "" else entry.hops + 1
            if asking not in (entry.origin, entry.handed_by) and hops <= MAX_HOPS:
                chosen.append(Entry(entry.position, hops, entry.text))
        if end < len(self.entries):
            return Page(tuple(chosen), self.entries[end - 1].position, has_more=True)
        return Page(tuple(chosen), max(self.until, after), has_more=False)


_DECODER: Final = msgspec.msgpack.Decoder(MeshSnapshot)


def encode_snapshot(snapshot: MeshSnapshot) -> bytes:
    """The snapshot as MessagePack."""
    return msgspec.msgpack.encode(snapshot)


def decode_snapshot(octets: bytes) -> MeshSnapshot:
    """The snapshot that `encode_snapshot` wrote. Raises SnapshotUnreadable."""
    try:
        return _DECODER.decode(octets)
    except msgspec.DecodeError as fault:
        raise SnapshotUnreadable(str(fault)) from fault
