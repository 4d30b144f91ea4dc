"""How often something happened lately: counts by key, shared by all receivers, in memory of fixed size.

A key (a network, a reverse-path, a recipient) is counted in one cell of each of
`ROWS` rows, and its count is the least of them, so two keys are taken for one
only when they meet in every row (a count-min sketch with conservative update).
Python hashes text with a key drawn at its start (SipHash), which receivers
inherit when they are forked: they agree on the cells, and nobody can choose a
key to meet another's.

Time is cut into epochs of one window. What counts is this epoch, and of the one
before as much as the window still covers; so a limit is never met twice around
the turn of a minute. Cells of an epoch that is over are emptied one epoch ahead
of their next use, and each epoch's cells bear its number: whoever finds another
number there empties them. A receiver that dies leaves true counts behind, and
one that starts has nothing to put right.

No locks: two receivers that count the same key in the same instant may count
it once. For a limit that is near enough.
"""

from __future__ import annotations

import mmap
from typing import Final

ROWS: Final = 2
CELLS: Final = 1 << 16
_MASK: Final = CELLS - 1
_SHIFT: Final = 32
_EPOCHS: Final = 3
"""The present epoch, the one before, and the one to come, which is emptied meanwhile."""
_EPOCH_CELLS: Final = ROWS * CELLS
_STAMPS: Final = _EPOCHS * _EPOCH_CELLS
_TYPE: Final = "I"
_CELL_BYTES: Final = 4
_MOST: Final = 0xFFFFFFFF
_NOTHING: Final = memoryview(bytes(_EPOCH_CELLS * _CELL_BYTES)).cast(_TYPE)

TALLY_BYTES: Final = (_STAMPS + _EPOCHS) * _CELL_BYTES


class Tally:
    """One process's view of shared counts.

    `turn` it before its first use and then about once a second.
    """

    __slots__ = ("_cells", "_left", "_past", "_present", "_window_s")

    def __init__(self, shared: mmap.mmap, window_s: float) -> None:
        self._cells = memoryview(shared).cast(_TYPE)
        self._window_s = window_s
        self._left = 1.0
        self._past = self._present = 0

    def turn(self, now_s: float) -> None:
        """Time has passed. now_s: monotonic, the same in all processes of this machine."""
        epoch, passed = divmod(now_s / self._window_s, 1.0)
        self._left = 1.0 - passed
        number = int(epoch) + 1
        self._past, self._present, _ = [self._cells_of(each) for each in (number - 1, number, number + 1)]

    def _cells_of(self, epoch: int) -> int:
        """Where the cells of an epoch begin, after whatever older epoch was in them is forgotten."""
        place = epoch % _EPOCHS
        start = place * _EPOCH_CELLS
        stamp = epoch & _MOST
        if self._cells[_STAMPS + place] != stamp:
            self._cells[start : start + _EPOCH_CELLS] = _NOTHING
            self._cells[_STAMPS + place] = stamp
        return start

    def count(self, key: str) -> float:
        """How often this key was counted within the window that ends now."""
        hashed = hash(key)
        first, second = hashed & _MASK, CELLS + (hashed >> _SHIFT & _MASK)
        cells, present, past = self._cells, self._present, self._past
        now = min(cells[present + first], cells[present + second])
        before = min(cells[past + first], cells[past + second])
        return now + before * self._left if before else now

    def add(self, key: str, times: int = 1) -> None:
        """It happened again. Only cells that hold the least are raised: the others count somebody else."""
        hashed = hash(key)
        first = self._present + (hashed & _MASK)
        second = self._present + CELLS + (hashed >> _SHIFT & _MASK)
        cells = self._cells
        raised = min(cells[first], cells[second]) + times
        if raised <= _MOST:
            cells[first] = max(cells[first], raised)
            cells[second] = max(cells[second], raised)

    def wait_s(self, key: str, most: float) -> int:
        """Seconds until the count of this key will be below `most`, if nothing is added; at least 1."""
        hashed = hash(key)
        first, second = hashed & _MASK, CELLS + (hashed >> _SHIFT & _MASK)
        cells = self._cells
        now = min(cells[self._present + first], cells[self._present + second])
        before = min(cells[self._past + first], cells[self._past + second])
        if now < most:
            # Of the epoch before, as much must have left the window as is too much.
            share = max(0.0, self._left - (most - now) / before) if before else 0.0
        else:
            share = self._left + (1.0 - most / now if now else 0.0)
        return 1 + int(share * self._window_s)


def shared_tally() -> mmap.mmap:
    """Memory for one tally, to be made before processes are forked."""
    return mmap.mmap(-1, TALLY_BYTES)
