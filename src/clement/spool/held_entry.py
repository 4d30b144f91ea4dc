"""What stands in the manifest of a held message, and what its files are called.

An entry is one message held for recipients of one group, for one reason of keeping: two files, the octets as
the client sent them and a manifest that tells all else. Where they lie follows from the id alone:

    quarantine/12/2026-11-26/06dzq3cm0h2v5x7k9npr-1-q12.content
    kind / group / day of the session / transaction, first letter of the kind, group
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

import msgspec

MANIFEST_VERSION: Final = 1
CONTENT: Final = ".content"
MANIFEST: Final = ".manifest"
RELEASED: Final = ".released"
KEPT: Final = ".kept"
KINDS: Final = ("quarantine", "refused-copy")

_DIGITS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_TIME_CHARS: Final = 9
_RANDOM_CHARS: Final = 11
# entry-id = 20base32 "-" 1*9DIGIT "-" ( "q" / "r" ) 1*18DIGIT; recipient-id = entry-id "." 1*6DIGIT
_ENTRY: Final = re.compile(
    rf"([{_DIGITS}]{{{_TIME_CHARS}}}[{_DIGITS}]{{{_RANDOM_CHARS}}}-[0-9]{{1,9}})-([qr])([0-9]{{1,18}})"
)
_RECIPIENT: Final = re.compile(r"(.+)\.([1-9][0-9]{0,5})")


class HeldRecipient(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One recipient: a mailbox here, or an address that a next hop is given.

    address: normalised, where the message goes when it is released. forward_path: what the client said.
    reason, score, why: as in `clement.delivery.holding.Hold`.
    """

    address: str
    forward_path: str
    domain_id: int = 0
    mailbox_id: int = 0
    reason: str = ""
    score: float = 0.0
    why: str = ""


class HeldFacts(msgspec.Struct, frozen=True):
    """All of an entry that people ask for: it stands in the manifest, in the journal and in SQL.

    id: see `entry_id`; that of a recipient is `ID.N`, N from 1 in order. kind: one of KINDS. size_bytes: of
    the content. at_s, expires_at_s: Unix seconds. body_hash: hexadecimal.
    """

    id: str
    node: str
    kind: str
    group_id: int
    at_s: float
    expires_at_s: float
    transaction_id: str
    reverse_path: str
    size_bytes: int
    recipients: tuple[HeldRecipient, ...]
    message_id: str = ""
    author: str = ""
    subject: str = ""
    body_hash: str = ""
    authenticated_as: str = ""


class Manifest(msgspec.Struct, frozen=True):
    """The second file of an entry.

    trace: the header fields that a delivery would have put above the content. content_hash: SHA-256 of the
    content, by which damage is noticed before anybody is given it. features: what the learning filter saw.
    """

    facts: HeldFacts
    trace: bytes
    content_hash: bytes
    smtputf8: bool = False
    eight_bit: bool = False
    features: bytes = b""
    version: int = MANIFEST_VERSION


def entry_id(transaction_id: str, kind: str, group_id: int) -> str:
    """The id of a transaction's entry for a group. Raises ValueError for an unfit transaction."""
    found = f"{transaction_id}-{kind[0]}{group_id}"
    if _ENTRY.fullmatch(found) is None:
        raise ValueError(f"no id of a transaction: {transaction_id[:60]!r}")
    return found


def recipient_id(entry: str, number: int) -> str:
    """The id of an entry's recipient; numbers begin with 1."""
    return f"{entry}.{number}"


def entry_and_number(recipient: str) -> tuple[str, int]:
    """The entry and the number in a recipient's id. Raises ValueError."""
    match = _RECIPIENT.fullmatch(recipient)
    if match is None or _ENTRY.fullmatch(match[1]) is None:
        raise ValueError("no id of a held message's recipient")
    return match[1], int(match[2])


def folder_of(entry: str) -> tuple[str, str, str]:
    """Kind, group and day: the folders in which an entry lies. Raises ValueError for what is no id."""
    match = _ENTRY.fullmatch(entry)
    if match is None:
        raise ValueError("no id of a held message")
    kind = KINDS[0] if match[2] == "q" else KINDS[1]
    return kind, match[3], day_of(entry)


def day_of(entry: str) -> str:
    """The day, in UTC, on which the session began: the first 45 bits of an id are milliseconds since 1970."""
    milliseconds = 0
    for char in entry[:_TIME_CHARS]:
        milliseconds = milliseconds << 5 | _DIGITS.index(char)
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d")
    except (OverflowError, ValueError, OSError):
        raise ValueError("an id from no day of the calendar") from None


def is_entry(name: str) -> bool:
    """Whether this is the id of an entry."""
    return _ENTRY.fullmatch(name) is not None
