"""Names for sessions: unique on every node without asking anyone, and sorting by time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

_DIGITS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS: Final = tuple(first + second for first in _DIGITS for second in _DIGITS)

TIME_BITS: Final = 45
RANDOM_BITS: Final = 55
ID_LENGTH: Final = (TIME_BITS + RANDOM_BITS) // 5


def session_id(now_s: float, random_bits: Callable[[int], int]) -> str:
    """Twenty characters of Crockford's base 32: 45 bits of milliseconds since 1970, then 55 random ones.

    random_bits: gives an integer of that many random bits (`random.getrandbits`, seeded by the system).
    The name is read aloud on telephones: it has no capitals, and no i, l, o or u.
    """
    time, chance, pairs = int(now_s * 1000), random_bits(RANDOM_BITS), _PAIRS
    return (
        f"{_DIGITS[time >> 40 & 31]}"
        f"{pairs[time >> 30 & 1023]}{pairs[time >> 20 & 1023]}{pairs[time >> 10 & 1023]}{pairs[time & 1023]}"
        f"{_DIGITS[chance >> 50]}{pairs[chance >> 40 & 1023]}{pairs[chance >> 30 & 1023]}"
        f"{pairs[chance >> 20 & 1023]}{pairs[chance >> 10 & 1023]}{pairs[chance & 1023]}"
    )
