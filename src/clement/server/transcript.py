"""What was said in a session and what was found, noted as cheaply as possible while it happens.

Most sessions of a flood are never read, so notes are bare tuples; only when a
session is to be recorded in full do they become `Exchange` records.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from clement.journal.records import Exchange, FindingNote
from clement.policy.finding import Observation
from clement.smtp import Reply

LONGEST_TEXT: Final = 512
MOST_EXCHANGES: Final = 500
"""A session of thousands of commands is told by its first and its last; between them a count."""

Note = tuple[int, int, bytes, Reply | None, Sequence[Observation]]
"""When an exchange began and ended, what the client said, what it was told, and what was found."""


class Transcript:
    """Notes of one session, which began at `began_ns`. All times are of one monotonic clock."""

    __slots__ = ("_began_ns", "_left_out", "_notes")

    def __init__(self, began_ns: int) -> None:
        self._began_ns = began_ns
        self._notes: list[Note] = []
        self._left_out = 0

    def note(
        self,
        at_ns: int,
        until_ns: int,
        line: bytes,
        reply: Reply | None,
        found: Sequence[Observation] = (),
    ) -> None:
        """One command and its reply. What will not be shown of a long line is not kept either."""
        note = (at_ns, until_ns, line[:LONGEST_TEXT], reply, found)
        if len(self._notes) < MOST_EXCHANGES:
            self._notes.append(note)
        else:
            self._left_out += 1
            self._notes[-1] = note

    def exchanges(self) -> tuple[Exchange, ...]:
        """The notes as records, escaped and bounded; times in microseconds since the session began."""
        began_ns = self._began_ns
        told = [
            Exchange(
                (at_ns - began_ns) // 1000,
                (until_ns - at_ns) // 1000,
                shown(line),
                reply.shown if reply is not None else "",
                notes_of(found) if found else (),
            )
            for at_ns, until_ns, line, reply, found in self._notes
        ]
        if self._left_out:
            told.insert(-1, Exchange(told[-1].at_us, 0, f"<{self._left_out} exchanges left out>", ""))
        return tuple(told)


def notes_of(found: Sequence[Observation]) -> tuple[FindingNote, ...]:
    """Observations as they stand in a record."""
    return tuple(
        [
            FindingNote(
                observation.finding.check,
                observation.finding.result,
                observation.finding.reason or "",
                shown_text(observation.finding.detail),
                observation.duration_us,
                observation.finding.weight,
            )
            for observation in found
        ]
    )


# Most lines of most sessions were said before: DATA, QUIT, and who is there and writes.
@lru_cache(maxsize=1024)
def shown(line: bytes) -> str:
    """Hostile octets as bounded, printable text; what is not printable is written as in Python source."""
    return shown_text(line[:LONGEST_TEXT].decode("utf-8", "backslashreplace"))


def shown_text(text: str) -> str:
    """Hostile text, bounded and printable."""
    text = text[:LONGEST_TEXT]
    if text.isprintable():
        return text
    return "".join(
        [char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text]
    )
