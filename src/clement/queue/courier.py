"""The courier: delivers held mail that its recipient wants after all.

    due ──► marked? ──► read and compare ──► scan ──► deliver ──► mark beside the files ──► mark in SQL

Exactly once in effect. A crash behind the mark repeats nothing, since the mark is looked for first; between
the delivery and the mark, final delivery finds its own earlier copy by the name that this release has. What
a next hop has taken cannot be asked for: there one crash in that window makes at most one second copy, with
the same Message-ID (docs/decisions/0020).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Protocol

import msgspec

from clement.delivery.transport import Destination, Envelope, Placement, Transport
from clement.message.trace import released_field
from clement.policy.directory import Directory, Fallback, Local, Relayed
from clement.policy.ports import Infected, Scan, Scanner, ScannerUnavailable
from clement.queue.schedule import is_over, next_try_at_s
from clement.smtp import AddressError, Mailbox, parse_mailbox, parse_reverse_path
from clement.spool.content import Content
from clement.spool.failure import StorageFailure
from clement.spool.held import HeldDamaged, HeldMissing, HeldStore
from clement.spool.held_entry import HeldRecipient, Manifest, entry_and_number
from clement.spool.points import Point
from clement.spool.workers import Workers
from clement.store.held_records import DueRelease
from clement.telemetry import events as log_events
from clement.telemetry import metrics
from clement.telemetry.log import Log
from clement.telemetry.metrics import Series
from clement.telemetry.pace import Pace

log = Log("courier")

AT_ONCE: Final = 8
_PIECE_BYTES: Final = 256 * 1024


class Releases(Protocol):
    """Which releases are due, and what came of each. All methods block, and raise when SQL is away."""

    def due(self, now_s: float, limit: int) -> Sequence[DueRelease]: ...

    def released(self, recipient: str, note: str) -> bool: ...

    def refused(self, recipient: str, why: str) -> bool: ...

    def deferred(self, recipient: str, why: str, now_s: float, next_try_at_s: float) -> None: ...


class Memory(Protocol):
    """What is remembered of messages that are held, shared with the receivers."""

    def was_delivered(self, recipient: str) -> bool:
        """Whether the sender's own retry has brought this recipient the message already."""

    def released(self, recipient: str) -> None:
        """The recipient has it: the sender's own retry need not bring it again."""


class Taught(Protocol):
    """Whoever learns from releases."""

    def wanted(self, manifest: Manifest, recipient: HeldRecipient, by: str) -> None:
        """Somebody has released this message, and it has arrived. Blocks. Must not raise."""


class Fetch(Protocol):
    """Brings the files of an entry that lie elsewhere."""

    async def __call__(self, entry: str, object_key: str) -> None:
        """Put them where `HeldStore` finds them. Raises StorageFailure, HeldMissing."""


class CourierWorld(msgspec.Struct, frozen=True):
    """All that the courier asks of the world.

    transport_for: as in `Services.transports`. workers: for the disk. sql: one thread, in which `releases` is
    called. now_s: Unix time. reached: passes a point that is no operation of the disk.
    """

    releases: Releases
    store: HeldStore
    transport_for: Callable[[Local | Relayed], Transport]
    directory: Callable[[], Directory]
    workers: Workers
    sql: Workers
    now_s: Callable[[], float]
    reached: Callable[[Point], None]
    count: Callable[[Series], None]
    hostname: str
    patience_s: float
    scanner: Scanner | None = None
    memory: Memory | None = None
    taught: Taught | None = None
    fetch: Fetch | None = None


class _Refused(Exception):
    """The release is over: the message is held as before, and the text says why."""


class _NotNow(Exception):
    """The release is tried again; the text says why."""


class _ToRelease(msgspec.Struct, frozen=True):
    """What is known of a release once its files are read."""

    due: DueRelease
    manifest: Manifest
    recipient: HeldRecipient
    content: Content


class Courier:
    """Makes the releases of one node."""

    def __init__(self, world: CourierWorld) -> None:
        self._world = world
        self._pace = Pace()

    async def round(self) -> int:
        """Make what is due, some at once; how many were tried. Raises what `Releases` raises."""
        world = self._world
        due = await world.sql.run(lambda: world.releases.due(world.now_s(), AT_ONCE))
        results = await asyncio.gather(*map(self._release, due), return_exceptions=True)
        faults = [result for result in results if isinstance(result, BaseException)]
        if faults:
            raise faults[0]
        return len(due)

    async def _release(self, due: DueRelease) -> None:
        world = self._world
        try:
            outcome = await self._made(due)
        except _Refused as refusal:
            world.count(metrics.HELD_RELEASES["refused"])
            await world.sql.run(partial(world.releases.refused, due.id, str(refusal)))
            return
        except (_NotNow, StorageFailure) as fault:
            await self._put_off(due, str(fault))
            return
        note = "the recipient had it already, from the sender himself" if outcome == "known" else ""
        await world.sql.run(partial(world.releases.released, due.id, note))
        world.reached(Point.RELEASE_RECORDED)
        world.count(metrics.HELD_RELEASES[outcome])

    async def _put_off(self, due: DueRelease, why: str) -> None:
        world, now_s = self._world, self._world.now_s()
        world.count(metrics.HELD_RELEASES["deferred"])
        if self._pace.due(log_events.RELEASE_FAILED):
            log.warning(log_events.RELEASE_FAILED, id=due.id, why=why[:300])
        if is_over(due.failing_since_s, now_s, world.patience_s):
            await world.sql.run(partial(world.releases.refused, due.id, f"given up: {why}"))
            return
        again_at_s = next_try_at_s(due.failures + 1, now_s)
        await world.sql.run(partial(world.releases.deferred, due.id, why, now_s, again_at_s))

    async def _made(self, due: DueRelease) -> str:
        """Deliver, unless that has been done; the outcome. Raises _Refused, _NotNow, StorageFailure."""
        world = self._world
        if await world.workers.run(partial(world.store.was_released, due.id)):
            return "released"
        if world.memory is not None and world.memory.was_delivered(due.id):
            await world.workers.run(partial(world.store.mark_released, due.id))
            return "known"
        found = await self._read(due)
        try:
            route = self._route(found.recipient)
            await self._hand_over(found, route)
        finally:
            found.content.discard()
        world.reached(Point.RELEASE_DELIVERED)
        await world.workers.run(partial(world.store.mark_released, due.id))
        if world.memory is not None:
            world.memory.released(due.id)
        if world.taught is not None:
            taught = partial(world.taught.wanted, found.manifest, found.recipient, due.requested_by)
            await world.sql.run(taught)
        return "released"

    async def _read(self, due: DueRelease) -> _ToRelease:
        world = self._world
        try:
            if world.fetch is not None and not await world.workers.run(partial(world.store.has, due.entry)):
                await world.fetch(due.entry, due.object_key)
            manifest = await world.workers.run(partial(world.store.manifest, due.entry))
            _entry, number = entry_and_number(due.id)
            recipient = manifest.facts.recipients[number - 1]
            content = await world.workers.run(partial(world.store.whole_content, manifest))
        except HeldMissing:
            raise _Refused("its files are not on this machine any more") from None
        except (HeldDamaged, IndexError, ValueError) as fault:
            log.error(log_events.HELD_DAMAGED, id=due.id, why=str(fault)[:300])  # noqa: TRY400 - says all
            raise _Refused(f"its files are damaged: {fault}") from None
        return _ToRelease(due, manifest, recipient, content)

    def _route(self, recipient: HeldRecipient) -> Local | Relayed:
        """Where the recipient's mail goes today."""
        local_part, _, domain = recipient.address.rpartition("@")
        route = self._world.directory().route(local_part, domain)
        if isinstance(route, Local):
            own = [mailbox for mailbox in route.mailboxes if mailbox.address == recipient.address]
            # A mailbox that has become an alias leads to others now, who were not asked.
            if own:
                return msgspec.structs.replace(route, mailboxes=tuple(own))
        elif isinstance(route, Relayed):
            return route
        raise _Refused("the recipient does not exist here any more")

    async def _hand_over(self, found: _ToRelease, route: Local | Relayed) -> None:
        """Scan and deliver. Raises _Refused, _NotNow, StorageFailure."""
        try:
            await self._scan(found, route)
            await self._deliver(found, route)
        except (_Refused, _NotNow, StorageFailure):
            raise
        except Exception as fault:
            # One release over which we fail keeps no other back.
            log.error(log_events.RELEASE_FAILED, id=found.due.id, exc_info=True)  # noqa: G201 - not logging
            raise _NotNow(f"a fault of this server: {fault!r}") from fault

    async def _scan(self, found: _ToRelease, route: Local | Relayed) -> None:
        """What was no virus when the message came may be known as one today."""
        policy = route.group.policy
        if self._world.scanner is None or not policy.scan_content:
            return
        scan = await self._scanned(self._world.scanner, found.content)
        if isinstance(scan, Infected):
            raise _Refused(f"it holds a virus, as is known by now: {scan.signature}")
        if isinstance(scan, ScannerUnavailable) and policy.scanner_unavailable is not Fallback.ACCEPT:
            raise _NotNow("the virus scanner cannot be reached")

    async def _scanned(self, scanner: Scanner, content: Content) -> Scan:
        stream = scanner.begin()
        try:
            for offset in range(0, content.size_bytes, _PIECE_BYTES):
                read = partial(content.read, offset, _PIECE_BYTES)
                await stream.feed(await self._world.workers.run(read))
            return await stream.finish()
        finally:
            stream.abandon()

    async def _deliver(self, found: _ToRelease, route: Local | Relayed) -> None:
        facts, manifest, due = found.manifest.facts, found.manifest, found.due
        released = released_field(self._world.hostname, due.id, due.requested_at_s)
        try:
            reverse_path = parse_reverse_path(facts.reverse_path.encode(), smtputf8=True)
            forward_path = _mailbox(found.recipient)
        except AddressError:
            raise _Refused("its envelope cannot be read") from None
        envelope = Envelope(
            transaction_id=facts.transaction_id,
            reverse_path=reverse_path,
            trace=released + manifest.trace,
            smtputf8=manifest.smtputf8,
            eight_bit=manifest.eight_bit,
            delivery_id=due.id,
        )
        delivery = self._world.transport_for(route).start(envelope, [Destination(forward_path, route)])
        committed = False
        try:
            [placement] = await delivery.prepare(found.content)
            if placement is None:
                committed = True
                [placement] = await delivery.commit()
        finally:
            if not committed:
                await delivery.abort()
        _judge(placement)


def _mailbox(recipient: HeldRecipient) -> Mailbox:
    try:
        return parse_mailbox(recipient.forward_path.encode(), smtputf8=True)
    except AddressError:
        # <Postmaster> without a domain, among others: his mailbox has one.
        return parse_mailbox(recipient.address.encode(), smtputf8=True)


def _judge(placement: Placement) -> None:
    """Raises unless the recipient has the message now."""
    reply = placement.reply
    if reply.is_positive:
        return
    where = f"{placement.next_hop}: " if placement.next_hop else ""
    if reply.is_permanent:
        raise _Refused(f"{where}{reply.shown}")
    raise _NotNow(f"{where}{reply.shown}")
