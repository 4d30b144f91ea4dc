"""The one way mail leaves a session: start, prepare, then commit or abort.

A transport is chosen from the recipient's route; the session never asks which.
`prepare` does all that can fail or be taken back, `commit` the one step that
cannot. Recipients whose `target` differs cannot share a transaction, because
one reply could not be true for both.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Final, Protocol

import msgspec

from clement.policy.directory import Local, Relayed
from clement.smtp import ForwardPath, Reply, ReversePath, replies
from clement.spool.content import Content


class Envelope(msgspec.Struct, frozen=True):
    """What is true of a message apart from its recipients.

    transaction_id: ours, stands in Received and in the log.
    trace: the complete Received header field, CRLF-terminated, without Return-Path.
    content_ended_s: when the client had sent its dot, in seconds of the monotonic clock; 0: just now. It
    waits ten minutes from there (RFC 5321 §4.5.3.2.6), and all that we do meanwhile is a part of them.
    delivery_id: names this delivery to one mailbox, so that it can be repeated after a crash: where final
    delivery finds that it was made already, it makes no second. "": every delivery is a new one.
    """

    transaction_id: str
    reverse_path: ReversePath
    trace: bytes
    smtputf8: bool = False
    eight_bit: bool = False
    content_ended_s: float = 0.0
    delivery_id: str = ""


class Destination(msgspec.Struct, frozen=True):
    """One recipient: what the client said, and where that leads.

    head: fields for his copy alone, CRLF-terminated; only copies in mailboxes of our own have any.
    """

    forward_path: ForwardPath
    route: Local | Relayed
    head: bytes = b""


class Placement(msgspec.Struct, frozen=True):
    """What became of one recipient. `next_hop` names the server that answered, "" for a local store."""

    reply: Reply
    next_hop: str = ""


class Delivery(Protocol):
    """One message on its way. Each sequence has one entry for each destination, in order."""

    async def prepare(self, content: Content) -> Sequence[Placement | None]:
        """Do everything that can be taken back. None: ready; a placement: refused or deferred, and why."""

    async def commit(self) -> Sequence[Placement]:
        """Make it final and durable for all that were ready. A positive reply is a promise kept."""

    async def abort(self) -> None:
        """Take back what `prepare` did. Safe to call at any time before `commit`, and twice."""


class Transport(Protocol):
    """A kind of place that mail can go to."""

    def target(self, destination: Destination) -> Hashable:
        """What must be equal for two recipients to share a transaction."""

    def answers_each(self, destination: Destination) -> bool:
        """Whether each recipient gets an answer of its own only after the content (LMTP).

        Such recipients can share a transaction only when our own client can take several answers too.
        """

    async def verify(self, envelope_reverse_path: ReversePath, destination: Destination) -> Placement | None:
        """Ask, while the client waits at RCPT, whether this recipient would be taken. None: yes."""

    def known(self, destination: Destination) -> Placement | bool | None:
        """The answer of `verify` when it can be had without waiting; False when it cannot."""

    def start(self, envelope: Envelope, destinations: Sequence[Destination]) -> Delivery:
        """Begin a delivery to destinations of one target."""


ACCEPTED: Final = replies.MESSAGE_OK
"""The reply that takes responsibility. Whoever began the delivery tells its client, in words of its own."""
