"""Records of sessions that have ended are written together, a moment later.

What was accepted is written down before its reply. That the session then ended is
worth a hundredth of a second of patience: under load it is one write(2) for many
sessions, and what a kill can take is the transcripts of that hundredth.
"""

from __future__ import annotations

import asyncio
from typing import Final

from clement.server.services import RecordPort

DELAY_S: Final = 0.01


class FlushSoon:
    """Call it after a record was appended; it flushes once for all calls within `DELAY_S`."""

    __slots__ = ("_journal", "_loop", "_pending")

    def __init__(self, loop: asyncio.AbstractEventLoop, journal: RecordPort) -> None:
        self._loop = loop
        self._journal = journal
        self._pending = False

    def __call__(self) -> None:
        """Have what was appended written soon."""
        if not self._pending:
            self._pending = True
            self._loop.call_later(DELAY_S, self._flush)

    def _flush(self) -> None:
        self._pending = False
        self._journal.flush()
