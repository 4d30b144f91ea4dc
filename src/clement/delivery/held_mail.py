"""Keeping messages on this machine's disk: `Holder` by way of `HeldStore`.

A message becomes one entry for each group and kind, so that one tenant's mail never depends on another's.
What a group may keep is bounded: the oldest refused copies give way first; a message that was to be
quarantined and still does not fit is not dropped but deferred, since nobody may learn of mail only by its
absence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import Final, NamedTuple, Protocol

import msgspec

from clement.delivery.holding import Held, HeldAs, Hold, Reconciler
from clement.delivery.transport import Destination
from clement.journal.records import HeldGone, HeldRecord, Record
from clement.policy.directory import Local
from clement.smtp.address import fold_local_part
from clement.spool.content import Content
from clement.spool.failure import StorageFailure, StorageFull, storage_failure
from clement.spool.held import HeldStore, StagedEntry
from clement.spool.held_entry import HeldFacts, HeldRecipient, Manifest, entry_id, recipient_id
from clement.spool.held_usage import HeldUsage
from clement.spool.workers import Workers
from clement.telemetry import events as log_events
from clement.telemetry import metrics
from clement.telemetry.log import Log
from clement.telemetry.metrics import Series
from clement.telemetry.pace import Pace

log = Log("server")

DAY_S: Final = 86_400
GIVE_WAY_AT_ONCE: Final = 50
"""Refused copies that one new message may push out: more would keep its client waiting."""
_MOST_TEXT: Final = 500
_PIECE_BYTES: Final = 128 * 1024


class HoldLimits(msgspec.Struct, frozen=True):
    """How much is kept, and how long; `clement.config.held` says what each is for."""

    days: float
    refused_copy_days: float
    limit_bytes: int
    limit_bytes_per_group: int


class Records(Protocol):
    """Where the index entry goes: the journal."""

    def append(self, record: Record) -> None: ...

    def flush(self) -> bool: ...


class HoldingPlace(msgspec.Struct, frozen=True):
    """All that keeping needs.

    room_for: whether the disk has room for so many octets. now_s: Unix time. count: counts a metric.
    """

    store: HeldStore
    usage: HeldUsage
    limits: HoldLimits
    workers: Workers
    records: Records
    room_for: Callable[[int], bool]
    now_s: Callable[[], float]
    node: str
    count: Callable[[Series], None]
    reconciler: Reconciler | None = None


class SpoolHolder:
    """Keeps messages on this machine."""

    __slots__ = ("_pace", "_place")

    def __init__(self, place: HoldingPlace) -> None:
        self._place = place
        self._pace = Pace()

    def start(self, held: Held, holds: Sequence[Hold]) -> SpoolHolding:
        """See `Holder.start`."""
        return SpoolHolding(self._place, self._pace, held, holds)


class _Entry:
    """One group's part of a message on its way."""

    __slots__ = ("bytes_claimed", "destinations", "facts", "staged")

    def __init__(self, facts: HeldFacts, destinations: Sequence[Destination]) -> None:
        self.facts = facts
        self.destinations = destinations
        self.staged: StagedEntry | None = None
        self.bytes_claimed = 0

    @property
    def is_copy(self) -> bool:
        return self.facts.kind == HeldAs.REFUSED_COPY


class SpoolHolding:
    """One message on its way to be kept."""

    __slots__ = ("_counted", "_entries", "_gone", "_held", "_holds", "_kept", "_pace", "_place")

    def __init__(self, place: HoldingPlace, pace: Pace, held: Held, holds: Sequence[Hold]) -> None:
        self._place = place
        self._pace = pace
        self._held = held
        self._holds = holds
        self._entries: list[_Entry] = []
        self._kept: list[_Entry] = []
        self._gone: list[str] = []
        self._counted: list[Series] = []
        """What happened in a worker thread; a metric belongs to the thread of the loop."""

    async def prepare(self, content: Content) -> None:
        """Write and sync every entry under its first name."""
        try:
            await self._place.workers.run(lambda: self._stage_all(content))
        except BaseException:
            await self.abort()
            raise
        finally:
            self._count()

    async def commit(self) -> None:
        """Name the entries and sync their folders; then say so in the journal."""
        try:
            await self._place.workers.run(self._place_all)
        except BaseException:
            await self.abort()
            raise
        finally:
            self._count()
        for entry in self._entries:
            self._place.records.append(HeldRecord(entry.facts))
            self._place.count(metrics.HELD[entry.facts.kind])
            self._tell_reconciler(entry)
        self._place.records.flush()
        self._kept, self._entries = self._entries, []

    async def withdraw(self) -> None:
        """Remove what was named and told already; the journal takes its word back."""
        kept, self._kept = self._kept, []
        if kept:
            await self._place.workers.run(lambda: self._drop_all(kept))
            self._tell_gone([entry.facts.id for entry in kept])

    async def abort(self) -> None:
        """Remove what has been written."""
        entries, self._entries = self._entries, []
        if entries:
            await self._place.workers.run(lambda: self._drop_all(entries))

    def _count(self) -> None:
        counted, self._counted = self._counted, []
        for series in counted:
            self._place.count(series)
        gone, self._gone = self._gone, []
        if gone:
            self._tell_gone(gone)

    def _tell_gone(self, entries: Sequence[str]) -> None:
        place = self._place
        for entry in entries:
            place.records.append(HeldGone(entry, place.node, place.now_s()))
        place.records.flush()

    # --- In a worker thread -----------------------------------------------------------------------------

    def _stage_all(self, content: Content) -> None:
        if not self._held.body_hash:
            self._held = msgspec.structs.replace(self._held, body_hash=body_hash_of(content))
        try:
            facts = list(self._facts(content.size_bytes))
        except ValueError as error:
            raise StorageFailure(str(error)) from error
        for each, destinations in facts:
            entry = _Entry(each, destinations)
            self._entries.append(entry)
            try:
                self._stage(entry, content)
            except StorageFailure as failure:
                self._give_up(entry, failure)

    def _stage(self, entry: _Entry, content: Content) -> None:
        held, envelope = self._held, self._held.envelope
        manifest = Manifest(
            entry.facts,
            envelope.trace,
            b"",
            smtputf8=envelope.smtputf8,
            eight_bit=envelope.eight_bit,
            features=held.features,
        )
        size_bytes = self._place.store.bytes_needed(manifest, content)
        if not self._place.room_for(size_bytes):
            raise StorageFull("the disk has no room for held mail")
        try:
            self._claim(entry, size_bytes)
        except OSError as error:
            raise storage_failure(error) from error
        entry.bytes_claimed = size_bytes
        entry.staged = self._place.store.stage(manifest, content)

    def _claim(self, entry: _Entry, size_bytes: int) -> None:
        """Count the entry in, if need be for the oldest refused copies. Raises StorageFull, OSError."""
        limits, usage = self._place.limits, self._place.usage
        facts = entry.facts
        for attempt in range(2):
            lacking = usage.claim(
                facts.group_id,
                facts.kind,
                size_bytes,
                group_limit_bytes=limits.limit_bytes_per_group,
                limit_bytes=limits.limit_bytes,
            )
            if not lacking:
                return
            if attempt or not self._make_room(facts.group_id, lacking):
                break
        self._counted.append(metrics.HELD_FULL[facts.kind])
        raise StorageFull("held mail has reached its bound")

    def _make_room(self, group_id: int, wanted_bytes: int) -> bool:
        """Let the oldest refused copies of a group go; whether that was enough."""
        store, usage, group = self._place.store, self._place.usage, str(group_id)
        freed_bytes, gone = 0, 0
        for day in store.days(HeldAs.REFUSED_COPY, group):
            for name in store.ids(HeldAs.REFUSED_COPY, group, day, without_kept=True):
                if freed_bytes >= wanted_bytes or gone >= GIVE_WAY_AT_ONCE:
                    return freed_bytes >= wanted_bytes
                freed = store.remove(name, recipients=0)
                usage.give_back(group_id, HeldAs.REFUSED_COPY, freed)
                self._counted.append(metrics.HELD_GAVE_WAY)
                self._gone.append(name)
                freed_bytes += freed
                gone += 1
        return freed_bytes >= wanted_bytes

    def _place_all(self) -> None:
        """Quarantine all together; each refused copy by itself, as its failing is no reason for anything."""
        wanted = [entry for entry in self._entries if not entry.is_copy and entry.staged is not None]
        if wanted:
            self._place.store.place([entry.staged for entry in wanted if entry.staged is not None])
        for entry in [entry for entry in self._entries if entry.is_copy and entry.staged is not None]:
            try:
                self._place.store.place([entry.staged] if entry.staged is not None else [])
            except StorageFailure as failure:
                self._give_up(entry, failure)

    def _give_up(self, entry: _Entry, failure: StorageFailure) -> None:
        """Raise what kept a message from being quarantined; say it only, of a copy."""
        if not entry.is_copy:
            raise failure
        self._entries.remove(entry)
        self._drop(entry)
        self._counted.append(metrics.HELD_COPIES_LOST)
        if self._pace.due(log_events.HELD_COPY_LOST):
            log.warning(log_events.HELD_COPY_LOST, id=entry.facts.id, why=str(failure)[:300])

    def _drop_all(self, entries: Sequence[_Entry]) -> None:
        for entry in entries:
            self._drop(entry)

    def _drop(self, entry: _Entry) -> None:
        if entry.staged is not None:
            self._place.store.take_back([entry.staged])
            entry.staged = None
        claimed_bytes, entry.bytes_claimed = entry.bytes_claimed, 0
        if claimed_bytes:
            try:
                self._place.usage.give_back(entry.facts.group_id, entry.facts.kind, claimed_bytes)
            except OSError as error:
                log.warning(log_events.HELD_USAGE_FAILED, why=str(error)[:300])

    # --- Facts ------------------------------------------------------------------------------------------

    def _facts(self, size_bytes: int) -> Iterator[tuple[HeldFacts, list[Destination]]]:
        """One entry for each kind and group, in the order in which they were named. Raises ValueError."""
        parts: dict[tuple[HeldAs, int], list[_Part]] = {}
        for hold in self._holds:
            parts.setdefault((hold.kind, hold.destination.route.group.id), []).extend(_parts(hold))
        held, envelope = self._held, self._held.envelope
        now_s = self._place.now_s()
        for (kind, group_id), every in parts.items():
            # Somebody reached by two of the recipients has one copy of the message.
            once = {part.recipient.address: part for part in reversed(every)}
            chosen = list(reversed(once.values()))
            days = self._days(kind, parts_of_group=every)
            facts = HeldFacts(
                id=entry_id(envelope.transaction_id, kind, group_id),
                node=self._place.node,
                kind=kind.value,
                group_id=group_id,
                at_s=now_s,
                expires_at_s=now_s + days * DAY_S,
                transaction_id=envelope.transaction_id,
                reverse_path=str(envelope.reverse_path),
                size_bytes=size_bytes,
                recipients=tuple(part.recipient for part in chosen),
                message_id=held.message_id[:_MOST_TEXT],
                author=held.author[:_MOST_TEXT],
                subject=held.subject[:_MOST_TEXT],
                body_hash=held.body_hash.hex(),
                authenticated_as=held.authenticated_as[:_MOST_TEXT],
            )
            yield facts, [part.destination for part in chosen]

    def _days(self, kind: HeldAs, parts_of_group: Sequence[_Part]) -> float:
        """How long it is kept: copies for as long as the group wants, within what the site allows."""
        limits = self._place.limits
        if kind is HeldAs.QUARANTINE:
            return limits.days
        wanted = parts_of_group[0].destination.route.group.policy.keep_refused_days
        return min(wanted or limits.refused_copy_days, limits.refused_copy_days)

    def _tell_reconciler(self, entry: _Entry) -> None:
        reconciler = self._place.reconciler
        if reconciler is not None:
            for number, destination in enumerate(entry.destinations, 1):
                reconciler.kept(self._held, destination, recipient_id(entry.facts.id, number))


def body_hash_of(content: Content) -> bytes:
    """SHA-256 of what follows the empty line. Blocks when it is on disk. Raises StorageFailure."""
    digest = sha256()
    for offset in range(content.body_offset, content.size_bytes, _PIECE_BYTES):
        digest.update(content.read(offset, _PIECE_BYTES))
    return digest.digest()


class _Part(NamedTuple):
    """One recipient of an entry, and the destination that leads to it alone."""

    recipient: HeldRecipient
    destination: Destination


def _parts(hold: Hold) -> Iterator[_Part]:
    """One for each mailbox that the destination stands for, so that each owner decides for himself."""
    destination = hold.destination
    route = destination.route

    def part(address: str, mailbox_id: int, alone: Destination) -> _Part:
        recipient = HeldRecipient(
            address=address,
            forward_path=str(destination.forward_path),
            domain_id=route.domain.id,
            mailbox_id=mailbox_id,
            reason=hold.reason,
            score=hold.score,
            why=hold.why[:_MOST_TEXT],
        )
        return _Part(recipient, alone)

    if isinstance(route, Local):
        for mailbox in route.mailboxes:
            alone = msgspec.structs.replace(route, mailboxes=(mailbox,))
            yield part(mailbox.address, mailbox.id, Destination(destination.forward_path, alone))
    else:
        own = route.mailboxes[0] if route.mailboxes else None
        # By one spelling, so that he is told of all that is held for him at once.
        plain = own is not None and fold_local_part(route.address) == own.address
        yield part(own.address if own and plain else route.address, own.id if own else 0, destination)
