"""The mail that lies on this machine's disk in the folders of mailboxes: told of, never touched.

Removing a mailbox leaves its mail. Whoever gets the address, and with it the folder, gets to read that mail.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

COUNTED_AT_MOST: Final = 10_000


def messages_in(folder: Path) -> int:
    """How many messages a Maildir and the folders in it hold; counts to COUNTED_AT_MOST.

    0 also where there is no such folder, or none that we may look into.
    """
    return sum(1 for _name in islice(_messages(str(folder)), COUNTED_AT_MOST))


def earlier_mail(mail_root: Path, maildirs: Iterable[str]) -> str:
    """What to tell an operator who has made mailboxes with these folders; "" when all of them are empty."""
    found = [(folder, count) for folder in maildirs if (count := messages_in(mail_root / folder))]
    if not found:
        return ""
    where, count = found[0]
    others = f", and {len(found) - 1} more folders hold mail" if len(found) > 1 else ""
    return (
        f"{mail_root / where} holds mail of a mailbox that was here before (messages: {count}){others}. "
        "The new one shows it to its reader: move it away first if the address has gone to somebody else."
    )


def _messages(folder: str) -> Iterator[str]:
    inside = [folder, *(f"{folder}/{name}" for name in _names(folder) if name.startswith("."))]
    for parent in inside:
        for part in ("new", "cur"):
            yield from _names(f"{parent}/{part}")


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - names alone are asked for
    except OSError:
        return []
