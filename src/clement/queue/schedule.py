"""When a delivery that failed is tried again: soon at first, then less and less often. Nothing here waits."""

from __future__ import annotations

from typing import Final

FIRST_PAUSE_S: Final = 60.0
"""A next hop has come back from a restart by then, and somebody who waits for his mail has not given up."""
LONGEST_PAUSE_S: Final = 3600.0


def next_try_at_s(failures: int, now_s: float) -> float:
    """When to try again after so many failures in a row (from 1): doubled each time, up to an hour."""
    pause_s = FIRST_PAUSE_S * (1 << min(max(failures, 1) - 1, 16))
    return now_s + min(pause_s, LONGEST_PAUSE_S)


def is_over(failing_since_s: float, now_s: float, patience_s: float) -> bool:
    """Whether it has been tried for long enough. failing_since_s: 0 for not yet."""
    return failing_since_s > 0 and now_s - failing_since_s >= patience_s
