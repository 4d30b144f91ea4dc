"""Final delivery: the transport that puts messages into Maildirs on this machine.

One mailbox costs one trip to a worker thread: everything happens in `commit`. With several, `prepare`
stages and syncs every copy, and `commit` places them all or none. The order of steps, and what a crash can
leave behind, stand in docs/decisions/0003. RFC 5321 §4.4 (Return-Path at final delivery).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence

import msgspec

from clement.delivery.line_endings import with_lf
from clement.delivery.mailbox_usage import MailboxUsage
from clement.delivery.maildir_names import MaildirNames
from clement.delivery.maildir_store import MaildirOptions, MaildirStore, StagedCopy
from clement.delivery.transport import ACCEPTED, Destination, Envelope, Placement
from clement.message.trace import delivered_to_field, return_path_field
from clement.policy.directory import Local, LocalMailbox
from clement.smtp import Reply, ReversePath, replies
from clement.spool.content import Content
from clement.spool.failure import StorageFailure, StorageFull, storage_failure
from clement.spool.filesystem import FileSystem
from clement.spool.workers import Workers

LOCAL_TARGET = "local"


class MaildirTransport:
    """Delivers to the mailboxes of `Local` routes.

    workers: threads; their number bounds how many deliveries touch the disk at once.
    clock: epoch seconds.
    """

    __slots__ = ("store", "usage", "workers")

    def __init__(
        self,
        filesystem: FileSystem,
        options: MaildirOptions,
        workers: Workers,
        clock: Callable[[], float],
    ) -> None:
        self.workers = workers
        self.store = MaildirStore(filesystem, options, MaildirNames(options.host_name, clock))
        self.usage = MailboxUsage(filesystem, clock)

    def target(self, destination: Destination) -> Hashable:
        """All mailboxes here share one fate, whatever their group."""
        return LOCAL_TARGET

    def answers_each(self, destination: Destination) -> bool:
        """All copies are placed, or none."""
        return False

    def known(self, destination: Destination) -> Placement | bool | None:
        """Without quota there is nothing to find out; with one, memory may already know."""
        for mailbox in mailboxes_of(destination):
            if mailbox.quota_bytes:
                try:
                    maildir = self.store.path(mailbox.maildir)
                except StorageFailure:
                    return False
                if not self.usage.known_room(maildir, mailbox.quota_bytes):
                    return False
        return None

    async def verify(self, envelope_reverse_path: ReversePath, destination: Destination) -> Placement | None:
        """Whether every mailbox has at least one octet of room."""
        return await self.workers.run(lambda: self._verify(mailboxes_of(destination)))

    def start(self, envelope: Envelope, destinations: Sequence[Destination]) -> MaildirDelivery:
        """Begin a delivery. A mailbox reached by several destinations gets one copy."""
        return MaildirDelivery(self, envelope, destinations)

    def _verify(self, mailboxes: Iterable[LocalMailbox]) -> Placement | None:
        for mailbox in mailboxes:
            try:
                refusal = self.reserve(mailbox, 1)
                if refusal is not None:
                    return Placement(refusal)
                self.settle(mailbox, 1, placed=False)
            except StorageFailure as failure:
                return Placement(reply_for(failure))
        return None

    def reserve(self, mailbox: LocalMailbox, size_bytes: int) -> Reply | None:
        """Claim quota for a message; the refusal when it does not fit. Blocks. Raises StorageFailure."""
        if not mailbox.quota_bytes:
            return None
        if size_bytes > mailbox.quota_bytes:
            return replies.QUOTA_EXCEEDED
        try:
            fits = self.usage.reserve(self.store.path(mailbox.maildir), size_bytes, mailbox.quota_bytes)
        except OSError as error:
            raise storage_failure(error) from error
        return None if fits else replies.QUOTA_FULL

    def settle(self, mailbox: LocalMailbox, size_bytes: int, *, placed: bool) -> None:
        """Say what became of a claim."""
        if mailbox.quota_bytes:
            self.usage.settle(self.store.path(mailbox.maildir), size_bytes, placed=placed)


class _Copy(msgspec.Struct):
    """One mailbox on its way to one copy of the message. head: fields for this copy alone."""

    mailbox: LocalMailbox
    head: bytes = b""
    staged: StagedCopy | None = None
    refusal: Reply | None = None
    claimed_bytes: int = 0


class MaildirDelivery:
    """One message on its way into one or several Maildirs."""

    __slots__ = ("_content", "_copies", "_destinations", "_envelope", "_transport")

    def __init__(
        self, transport: MaildirTransport, envelope: Envelope, destinations: Sequence[Destination]
    ) -> None:
        self._transport = transport
        self._envelope = envelope
        self._destinations = destinations
        self._copies = {
            mailbox.id: _Copy(mailbox, destination.head)
            for destination in reversed(destinations)
            for mailbox in mailboxes_of(destination)
        }
        self._content: Content | None = None

    async def prepare(self, content: Content) -> Sequence[Placement | None]:
        """Stage every copy; a single one is left to `commit`, which saves a trip to a worker thread."""
        self._content = content
        if len(self._copies) == 1:
            return [None] * len(self._destinations)
        await self._transport.workers.run(lambda: self._stage_all(content))
        return [self._refusal_of(destination) for destination in self._destinations]

    async def commit(self) -> Sequence[Placement]:
        """Place every copy whose destination was ready; all of them, or none."""
        failure = await self._transport.workers.run(self._place_all)
        placed = Placement(ACCEPTED if failure is None else failure)
        return [self._refusal_of(destination) or placed for destination in self._destinations]

    async def abort(self) -> None:
        """Remove what has been staged."""
        if any(copy.staged for copy in self._copies.values()):
            await self._transport.workers.run(lambda: self._take_back(self._copies.values()))

    def _refusal_of(self, destination: Destination) -> Placement | None:
        for mailbox in mailboxes_of(destination):
            refusal = self._copies[mailbox.id].refusal
            if refusal is not None:
                return Placement(refusal)
        return None

    def _stage_all(self, content: Content) -> None:
        for copy in self._copies.values():
            self._stage(copy, content)

    def _stage(self, copy: _Copy, content: Content) -> None:
        transport, head = self._transport, self._head(copy)
        claim_bytes = len(head) + content.size_bytes
        try:
            copy.refusal = transport.reserve(copy.mailbox, claim_bytes)
            if copy.refusal is None:
                copy.claimed_bytes = claim_bytes
                copy.staged = transport.store.stage(
                    copy.mailbox.maildir, head, content, self._envelope.delivery_id
                )
        except StorageFailure as failure:
            copy.refusal = reply_for(failure)
            self._give_back(copy, placed=False)

    def _place_all(self) -> Reply | None:
        """The reply for all when placing failed; None when every ready copy is durable."""
        if len(self._copies) == 1 and self._content is not None:
            self._stage_all(self._content)
        wanted = {
            mailbox.id
            for destination in self._destinations
            if self._refusal_of(destination) is None
            for mailbox in mailboxes_of(destination)
        }
        self._take_back([copy for number, copy in self._copies.items() if number not in wanted])
        ready = [copy for number, copy in self._copies.items() if number in wanted]
        try:
            self._transport.store.place([copy.staged for copy in ready if copy.staged is not None])
        except StorageFailure as failure:
            self._take_back(ready)
            return reply_for(failure)
        for copy in ready:
            copy.staged = None
            self._give_back(copy, placed=True)
        return None

    def _take_back(self, copies: Iterable[_Copy]) -> None:
        for copy in copies:
            if copy.staged is not None:
                self._transport.store.take_back([copy.staged])
                copy.staged = None
            self._give_back(copy, placed=False)

    def _give_back(self, copy: _Copy, *, placed: bool) -> None:
        claimed_bytes, copy.claimed_bytes = copy.claimed_bytes, 0
        if claimed_bytes:
            self._transport.settle(copy.mailbox, claimed_bytes, placed=placed)

    def _head(self, copy: _Copy) -> bytes:
        """The trace of final delivery, topmost first, with LF."""
        envelope = self._envelope
        return with_lf(
            return_path_field(str(envelope.reverse_path))
            + delivered_to_field(copy.mailbox.address)
            + copy.head
            + envelope.trace
        )


def mailboxes_of(destination: Destination) -> tuple[LocalMailbox, ...]:
    """The mailboxes a destination stands for. Raises TypeError when it does not lead to this machine."""
    if not isinstance(destination.route, Local):
        raise TypeError("not a local destination")
    return destination.route.mailboxes


def reply_for(failure: StorageFailure) -> Reply:
    """What the client hears of a failing disk: never more than that, and never for good."""
    return replies.STORAGE_FULL if isinstance(failure, StorageFull) else replies.LOCAL_ERROR
