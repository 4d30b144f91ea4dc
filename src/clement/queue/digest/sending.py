"""Sending digests: what is due is composed and goes to its recipient by his own transport.

A digest is told of only when it has arrived: a crash between the two sends it once more, with the Message-ID
it had. To whom nothing can be delivered now is tried in the next round.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from hashlib import blake2b
from typing import Protocol
from zoneinfo import ZoneInfo

import msgspec

from clement.delivery.transport import Destination, Envelope, Placement, Transport
from clement.policy.digest_schedule import ScheduleUnusable, find_zone, parse_schedule
from clement.policy.directory import Directory, Local, Relayed
from clement.queue.digest.composition import MOST_ITEMS, Digest, DigestItem, compose
from clement.queue.digest.links import Deed, HeldLink, sign
from clement.queue.digest.words import words_for
from clement.smtp import NULL_REVERSE_PATH, AddressError, parse_mailbox
from clement.spool.content import Content
from clement.spool.failure import StorageFailure
from clement.spool.workers import Workers
from clement.store.digest_records import DueDigest, HeldItem
from clement.telemetry import events as log_events
from clement.telemetry.log import Log
from clement.telemetry.pace import Pace

log = Log("courier")

ROUND_EVERY_S = 10.0
DAY_S = 86_400


class Digests(Protocol):
    """Which digests are due, and that they were sent. All methods block, and raise when SQL is away."""

    def take_turn(self, now_s: float) -> bool: ...

    def due(self, now_s: float, most_items: int) -> Sequence[DueDigest]: ...

    def told(self, address: str, newest_id: str, now_s: float) -> int: ...


class DigestSite(msgspec.Struct, frozen=True):
    """What digests say of this site.

    author: whom they come from. url: how people reach the web pages, "" when they cannot. key: gives the
    secret that signs links; blocks, and raises when SQL is away.
    """

    hostname: str
    author: str
    url: str
    key: Callable[[], bytes]
    links_days: int


class DigestSender:
    """Sends digests, in rounds. sql: one thread, in which `digests` is called. now_s: Unix time."""

    def __init__(
        self,
        digests: Digests,
        site: DigestSite,
        transport_for: Callable[[Local | Relayed], Transport],
        directory: Callable[[], Directory],
        sql: Workers,
        now_s: Callable[[], float],
    ) -> None:
        self._digests = digests
        self._site = site
        self._transport_for = transport_for
        self._directory = directory
        self._sql = sql
        self._now_s = now_s
        self._next_round_s = 0.0
        self._pace = Pace()

    async def round(self) -> int:
        """Send what is due, when it is time to look again; how many. Raises what `Digests` raises."""
        now_s = self._now_s()
        if now_s < self._next_round_s:
            return 0
        self._next_round_s = now_s + ROUND_EVERY_S
        if not await self._sql.run(partial(self._digests.take_turn, now_s)):
            return 0
        sent = 0
        for due in await self._sql.run(partial(self._digests.due, now_s, MOST_ITEMS)):
            sent += await self.send(due)
        return sent

    async def send(self, due: DueDigest) -> bool:
        """Send one digest; False when it could not be delivered, and is to be tried again."""
        if not due.items:
            return False
        content = Content.in_memory(await self._sql.run(partial(compose_due, self._site, due, self._now_s())))
        why = await self._deliver(due, content)
        if why:
            if self._pace.due(log_events.DIGEST_FAILED):
                log.warning(log_events.DIGEST_FAILED, address=due.address, why=why[:300])
            return False
        newest = max(item.id for item in due.items)
        await self._sql.run(partial(self._digests.told, due.address, newest, self._now_s()))
        log.info(log_events.DIGEST_SENT, address=due.address, messages=due.count)
        return True

    async def _deliver(self, due: DueDigest, content: Content) -> str:
        """Deliver it; why that failed, or ""."""
        local_part, _, domain = due.address.rpartition("@")
        route = self._directory().route(local_part, domain)
        if not isinstance(route, Local | Relayed):
            return "the recipient does not exist here any more"
        try:
            forward_path = parse_mailbox(due.address.encode(), smtputf8=True)
        except AddressError:
            return "the address cannot be written in an envelope"
        envelope = Envelope(transaction_id=_id(due), reverse_path=NULL_REVERSE_PATH, trace=b"")
        delivery = self._transport_for(route).start(envelope, [Destination(forward_path, route)])
        try:
            (placement,) = await delivery.prepare(content)
            if placement is None:
                (placement,) = await delivery.commit()
        except StorageFailure as fault:
            return str(fault)
        finally:
            await delivery.abort()
        return _failure(placement)


def compose_due(site: DigestSite, due: DueDigest, now_s: float) -> bytes:
    """The message of a digest. Blocks, and raises when SQL is away."""
    words, until_s = words_for(due.plan.language), now_s + site.links_days * DAY_S
    digest = Digest(
        recipient=due.address,
        author=site.author,
        host=site.hostname,
        message_id=f"<{_id(due)}.digest@{site.hostname}>",
        at_s=now_s,
        zone=_zone(due.plan.schedule),
        count=due.count,
        items=[_item(item, words.in_words(item.reason)) for item in due.items],
        links_until_s=until_s,
        link=_linking(site, due.address, int(until_s)),
    )
    return compose(digest, words)


def _linking(site: DigestSite, address: str, until_s: int) -> Callable[[Deed, DigestItem], str]:
    if not site.url:
        return lambda _deed, _item: ""
    key = site.key()

    def link(deed: Deed, item: DigestItem) -> str:
        return f"{site.url}/held/{sign(HeldLink(deed, item.number, address, until_s), key)}"

    return link


def _zone(schedule: str) -> ZoneInfo:
    """The time zone of a schedule; UTC where there is none that this machine knows."""
    try:
        return find_zone(parse_schedule(schedule).zone)
    except ScheduleUnusable:
        return find_zone("UTC")


def _id(due: DueDigest) -> str:
    """Of a digest: the same when it is sent once more after a crash."""
    told = f"{due.address}\0{due.due_at_s:.0f}\0{max(item.id for item in due.items)}"
    return blake2b(told.encode("utf-8", "surrogateescape"), digest_size=12).hexdigest()


def _item(item: HeldItem, why: str) -> DigestItem:
    return DigestItem(
        number=item.id,
        at_s=item.at_s,
        kept_until_s=item.expires_at_s,
        author=item.author,
        subject=item.subject,
        why=why,
        refused=item.kind == "refused-copy",
    )


def _failure(placement: Placement) -> str:
    return "" if placement.reply.is_positive else placement.reply.shown
