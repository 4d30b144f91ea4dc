"""How much of what everybody's filter has learned lately came from one person.

Each scope has a budget: a fixed share of all recent teaching. The nearer it is to spending it, the less its
next act counts for others; for its own mail it counts in full. So a person who errs, or means harm, can
move the others by that share at most, however often he teaches.
"""

from __future__ import annotations

from math import exp

import msgspec

SHARE = 0.001
"""Of recent teaching that one scope may have at most."""
FLOOR = 1000.0
"""What counts as recent teaching where there has been less: the first teachers shall be heard."""
MEMORY_ACTS = 50_000.0
MAX_SCOPES = 100_000


class Spending(msgspec.Struct):
    """What one scope has spent, and after how much teaching it was last written down."""

    acts: float
    at: float


class Influence:
    """What has been spent. total: of all teaching so far, never forgotten; it is also the clock."""

    __slots__ = ("recent", "spent", "total")

    def __init__(
        self, total: float = 0.0, recent: float = 0.0, spent: dict[int, Spending] | None = None
    ) -> None:
        self.total, self.recent = total, recent
        self.spent: dict[int, Spending] = {} if spent is None else spent

    def left(self, scope: int) -> float:
        """0 … 1: the part of an act of this scope that shall reach others."""
        budget = SHARE * max(self.recent, FLOOR)
        return max(0.0, 1.0 - self._spent(scope) / budget)

    def spend(self, scope: int | None, acts: float) -> None:
        """Write down what reached others; None: nobody's, such as evidence that no person gave."""
        if scope is not None:
            self.spent[scope] = Spending(self._spent(scope) + acts, self.total)
        self.recent = self.recent * exp(-acts / MEMORY_ACTS) + acts
        self.total += acts
        if len(self.spent) > MAX_SCOPES:
            self._forget()

    def _spent(self, scope: int) -> float:
        spending = self.spent.get(scope)
        if spending is None:
            return 0.0
        return spending.acts * exp((spending.at - self.total) / MEMORY_ACTS)

    def _forget(self) -> None:
        """Leave out the half that has spent least; who is left out may spend anew."""
        kept = sorted(self.spent.items(), key=lambda item: (-self._spent(item[0]), item[0]))[
            : MAX_SCOPES // 2
        ]
        self.spent = dict(sorted(kept))
