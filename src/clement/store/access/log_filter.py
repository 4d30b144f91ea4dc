"""What a page of the log is asked for, and what comes back."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from clement.journal.records import Outcome

RowType = TypeVar("RowType")


class LogFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of the log; every field narrows, what is left empty does not.

    since_s, until_s: Unix seconds; until_s is not included.
    client: an IP address.  reverse_path, recipient: normalised addresses; recipient also `@domain`.
    reverse_path: "" is the null one, None any.
    text: stands somewhere in subject, author, Message-ID, reverse-path or recipient.
    """

    since_s: float = 0.0
    until_s: float = 0.0
    client: str = ""
    reverse_path: str | None = None
    recipient: str = ""
    outcome: Outcome | None = None
    reason: str = ""
    text: str = ""


EVERYTHING = LogFilter()


class Page(msgspec.Struct, Generic[RowType], frozen=True):
    """Some rows, the newest first, and where the next page begins.

    cursor: to be handed back for the next page; "" at the end of the log. A page may hold fewer rows than
    asked for, even none, and still have a cursor: then much was searched and little found, and the search
    goes on from there. So no page takes long, whatever is searched for.
    """

    rows: tuple[RowType, ...]
    cursor: str = ""
