"""Listing a winmail.dat that lies in an archive; one that is part of a message the walker has read."""

from __future__ import annotations

from clement.message.attachments.archive import Member
from clement.message.attachments.budget import Budget, Unreadable
from clement.message.mime.tnef import read_tnef


class TnefArchive:
    """Implements `archive.Archive`. Raises Unreadable."""

    def __init__(self, octets: bytes, _budget: Budget) -> None:
        self._octets = octets
        found = read_tnef(octets)
        if found is None:
            raise Unreadable("damaged")
        self.members = [_member(each.names, each.data) for each in found.files]
        self.troubles = [] if found.whole or found.files else ["cut off"]
        self.disguises: list[str] = []
        self.encrypted = False

    def open(self, member: Member, limit_bytes: int) -> bytes:
        return self._octets[member.at : member.at + min(limit_bytes, member.packed_bytes)]


def _member(names: tuple[str, ...], span: tuple[int, int]) -> Member:
    start, end = span
    name, *others = names or ("",)
    return Member(name, end - start, end - start, start, other_name=others[0] if others else "")
