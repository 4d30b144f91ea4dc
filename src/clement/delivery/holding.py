"""Keeping a message instead of delivering it: prepare, then commit or abort, as with a delivery.

`quarantine` stands for a message that was accepted and is held for its recipient; `refused copy` for one that
its sender knows to be refused. When `commit` returns, contents and index entry are durable.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

import msgspec

from clement.delivery.transport import Destination, Envelope
from clement.spool.content import Content


class HeldAs(StrEnum):
    """Why a message is kept."""

    QUARANTINE = "quarantine"
    REFUSED_COPY = "refused-copy"


class Hold(msgspec.Struct, frozen=True):
    """One recipient for whom a message is kept.

    reason: the one that decided, as in the log. score: log-odds for unwanted mail. why: bounded, printable.
    """

    kind: HeldAs
    destination: Destination
    reason: str
    score: float = 0.0
    why: str = ""


class Held(msgspec.Struct, frozen=True):
    """What is true of the message apart from its recipients.

    message_id, author, subject: for people, as in the log. body_hash and authenticated_as: by which the same
    message is known again; body_hash: SHA-256, b"" to have it computed; authenticated_as: the proven domains,
    a space between two, or the person; "" when nobody is proven. features: what the learning filter saw, for
    whoever teaches it by a release.
    """

    envelope: Envelope
    message_id: str = ""
    author: str = ""
    subject: str = ""
    body_hash: bytes = b""
    authenticated_as: str = ""
    features: bytes = b""


class Holding(Protocol):
    """One message on its way to be kept."""

    async def prepare(self, content: Content) -> None:
        """Do everything that can be taken back.

        Raises StorageFailure, or StorageFull when the group's bound is reached: never for the sake of a
        refused copy, which is kept where that is possible and is no reason to answer otherwise.
        """

    async def commit(self) -> None:
        """Make it final and durable. Raises StorageFailure, as `prepare` does; then nothing is kept."""

    async def abort(self) -> None:
        """Take back what `prepare` did. Safe at any time before `commit`, and twice."""

    async def withdraw(self) -> None:
        """Take back what `commit` did, as far as it is still possible: the client was told of none of it.

        It will send the message again. Never raises for storage faults: what remains is held twice.
        """


class Holder(Protocol):
    """Keeps messages."""

    def start(self, held: Held, holds: Sequence[Hold]) -> Holding:
        """Begin to keep one message for these recipients, all of its transaction; waits for nothing.

        Once a transaction: its id names what is kept.
        """


class Reconciler(Protocol):
    """Knows a message again that its recipient has been given already: released, or sent once more.

    What is the same: Message-ID, hash of the body, one proven domain (or the person), recipient. A message
    for which nobody is proven is never known: its Message-ID could be anybody's.
    """

    def may_know(self, held: Held, destination: Destination) -> bool:
        """Whether asking further is worth the hash of the body, which `held` need not have yet."""

    def known(self, held: Held, destination: Destination) -> str:
        """The id under which all whom this destination stands for have it already, "" when one has not."""

    def kept(self, held: Held, destination: Destination, recipient: str) -> None:
        """It is kept under this recipient's id, and may be released."""

    def delivered(self, held: Held, destination: Destination) -> None:
        """It was accepted and delivered: where a copy of it is kept, a release need not repeat that."""
