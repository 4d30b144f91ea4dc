"""What the ids of the log tell: when a session began, and to which session a transaction belongs.

A session's id is twenty characters of Crockford's base 32, of which the first
45 bits are milliseconds since 1970; so ids sort by time, and a time is a bound
of ids. A transaction's id is its session's, a hyphen, and a number from 1.
"""

from __future__ import annotations

from collections.abc import Iterable

DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
ID_LENGTH = 20
RANDOM_BITS = 55
LATEST_MS = (1 << 45) - 1


def first_id_at(time_s: float) -> str:
    """No session that began at this time or later has a smaller id; every earlier one has."""
    number = min(max(int(time_s * 1000), 0), LATEST_MS) << RANDOM_BITS
    return "".join(DIGITS[number >> shift & 31] for shift in range(5 * (ID_LENGTH - 1), -1, -5))


def began_s(session_id: str) -> float:
    """When a session began, in Unix seconds. Raises ValueError for what is no id."""
    if len(session_id) != ID_LENGTH:
        raise ValueError(session_id)
    number = 0
    for digit in session_id:
        number = number << 5 | DIGITS.index(digit)
    return (number >> RANDOM_BITS) / 1000


def session_of(transaction_id: str) -> str:
    """The id of the session that a transaction belongs to."""
    return transaction_id.rpartition("-")[0]


def sessions_between(prefix: str) -> tuple[str, str]:
    """Bounds of the ids of sessions that begin with `prefix`.

    Of digits and letters only: collations differ in where they put a hyphen or a tilde.
    """
    return prefix, prefix.ljust(ID_LENGTH, DIGITS[-1])


def transactions_between(prefix: str) -> tuple[str, str]:
    """Bounds of the ids of transactions in those sessions."""
    first, last = sessions_between(prefix)
    return first, last + DIGITS[-1]


def transactions_of(session_id: str, count: int) -> Iterable[str]:
    """The ids of a session's transactions."""
    return (f"{session_id}-{number}" for number in range(1, count + 1))
