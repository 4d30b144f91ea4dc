"""What the journal needs from others: a place that takes records for good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from clement.journal.records import Record


class LogWriter(Protocol):
    """Moves records into SQL. Implemented by `clement.store`, faked in tests."""

    def positions(self) -> dict[str, int]:
        """Bytes of each journal segment that are in SQL already, by segment name.

        Raises LogUnavailable when SQL cannot be asked.
        """

    def write(self, records: Sequence[Record], positions: Mapping[str, int]) -> None:
        """Write records and the new positions in one SQL transaction.

        A record whose id is already there is left alone, except a RefusalRun (see there). `records` may be
        empty: then only the positions move. A segment's name has at most 120 ASCII characters.

        Raises LogUnavailable when it is not certain that this was written; the same call is then repeated.
        Raises RecordRejected when the database refuses the content of a record; nothing was written, and the
        caller finds out which one by writing fewer.
        """

    def forget(self, segments: Sequence[str]) -> None:
        """Drop the positions of segments that no longer exist."""


class LogUnavailable(Exception):
    """SQL is away, locked or full; the records wait in the journal."""


class RecordRejected(Exception):
    """The database will never take one of these records as it stands (text, range, length)."""
