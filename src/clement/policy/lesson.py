"""Lessons: what somebody, or certain evidence, tells the learning filter of one message.

A lesson has features only, which are keyed hashes; the message cannot be read out of it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

MOST_FEATURES_BYTES: Final = 256 * 1024
"""Of one message; whatever lies behind is not taught."""


class Way(StrEnum):
    """How a lesson came about.

    RELEASE: somebody let a held message go. REPORT: sent to a report address. JUNK: moved into or out of a
    junk folder. IMPORT: from a mailbox that was imported. REPLY: an answer to a person's own mail. TRAP: sent
    to an address that nobody has. CLI: said on the command line.
    """

    RELEASE = "release"
    REPORT = "report"
    JUNK = "junk"
    IMPORT = "import"
    REPLY = "reply"
    TRAP = "trap"
    CLI = "cli"


class Lesson(msgspec.Struct, frozen=True, kw_only=True):
    """One message and what is said of it.

    features: `Features.hashes`. extra: names of what other checks found. weight: 1 for a person's word, less
    for evidence. body_hash: to know the message again; b"" when it is not known. transaction_id: "" when the
    message did not come through a session of ours.
    """

    way: Way
    unwanted: bool
    features: bytes
    extra: tuple[str, ...] = ()
    weight: float = 1.0
    message_id: str = ""
    body_hash: bytes = b""
    transaction_id: str = ""


def scopes_of(domain_id: int, mailbox_id: int) -> tuple[str, ...]:
    """Whose taste a lesson or a judgement is about, beside everybody's; 0 is none."""
    domain = (f"d:{domain_id}",) if domain_id else ()
    return (*domain, f"m:{mailbox_id}") if mailbox_id else domain
