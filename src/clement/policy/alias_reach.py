"""Whom an alias stands for in the end, followed through other aliases, within bounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

ALIAS_DEPTH: Final = 10
"""Aliases that may lead to one another in a row."""

ALIAS_REACH: Final = 2000
"""Addresses that one alias may reach, those of other aliases included."""


def reached(start: str, targets_of: Callable[[str], Sequence[str] | None]) -> tuple[str, ...] | None:
    """The addresses that are no aliases, level by level, each once; None for a loop or too many.

    targets_of: what an address stands for, None for one that is no alias.
    """
    finals: dict[str, None] = {}
    seen, level = {start}, [start]
    for _depth in range(ALIAS_DEPTH + 1):
        below: list[str] = []
        for current in level:
            targets = targets_of(current)
            if targets is None:
                finals[current] = None
            else:
                below += targets
        level = [target for target in dict.fromkeys(below) if target not in seen]
        seen.update(level)
        if not level or len(seen) > ALIAS_REACH:
            break
    return None if level else tuple(finals)
