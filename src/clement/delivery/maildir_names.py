"""Names of messages in a Maildir: never the same twice, and telling readers the size.

The form is the one readers know: seconds, a dot, what makes it unique, a dot, the host. Uniqueness does not
rest on the clock, which may jump (hostile case 125): process, counter and 64 random bits stand beside it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from itertools import count

_NOT_IN_NAME = re.compile(r"[^A-Za-z0-9-]")


class MaildirNames:
    """Makes names. `clock` gives epoch seconds, `entropy` that many random octets."""

    __slots__ = ("_clock", "_counter", "_entropy", "_host")

    def __init__(
        self,
        host_name: str,
        clock: Callable[[], float],
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        # "/" ends a name and ":" begins its flags; the Maildir convention spells both in octal.
        self._host = host_name.replace("/", "\\057").replace(":", "\\072").replace(",", "\\054")
        self._clock = clock
        self._entropy = entropy
        self._counter = count(1)

    def next(self) -> str:
        """A name for tmp/, without the size, which is only known once all is written."""
        now_s, fraction_s = divmod(self._clock(), 1)
        random = self._entropy(8).hex()
        unique = f"M{int(fraction_s * 1e6)}P{os.getpid()}Q{next(self._counter)}R{random}"
        return f"{int(now_s)}.{unique}.{self._host}"

    def of_delivery(self, delivery_id: str) -> str:
        """The name of a delivery that may be repeated: always the same, so without a time of its own."""
        return f"0.D{_NOT_IN_NAME.sub('_', delivery_id)}.{self._host}"


def sized(name: str, size_bytes: int) -> str:
    """The name for new/: readers, and our own quota, take the size from it without touching the file."""
    return f"{name},S={size_bytes}"


def size_of(name: str) -> int | None:
    """The size that a name tells, None when it tells none."""
    _, mark, rest = name.partition(",S=")
    digits = rest.partition(",")[0].partition(":")[0]
    return int(digits) if mark and digits.isascii() and digits.isdigit() and len(digits) < 19 else None
