"""Sending digests: what is due is composed and goes to its recipient by his own transport.

A digest is told of only when it has arrived: a crash between the two sends it once more, with the Message-ID
it had. To whom nothing can be delivered now is tried in the next round.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from hashlib import blake2b
from typing import Protocol

from clement.queue.digest.composition import MOST_ITEMS, Digest, DigestItem, compose
from clement.queue.digest.site import LetterSite, zone_of
from clement.queue.digest.words import words_for
from clement.queue.letter import Unwritable
from clement.queue.postman import Postman, Undelivered
from clement.spool.workers import Workers
from clement.store.digest_records import DueDigest, HeldItem
from clement.telemetry import events as log_events
from clement.telemetry.log import Log
from clement.telemetry.pace import Pace

log = Log("courier")

ROUND_EVERY_S = 10.0


class Digests(Protocol):
    """Which digests are due, and that they were sent. All methods block, and raise when SQL is away."""

    def take_turn(self, now_s: float) -> bool: ...

    def due(self, now_s: float, most_items: int) -> Sequence[DueDigest]: ...

    def told(self, address: str, newest_id: str, now_s: float) -> int: ...


class DigestSender:
    """Sends digests, in rounds. sql: one thread, in which `digests` is called. now_s: Unix time."""

    def __init__(
        self,
        digests: Digests,
        site: LetterSite,
        postman: Postman,
        sql: Workers,
        now_s: Callable[[], float],
    ) -> None:
        self._digests = digests
        self._site = site
        self._postman = postman
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
        try:
            octets = await self._sql.run(partial(compose_due, self._site, due, self._now_s()))
            await self._postman.deliver(due.address, octets, _id(due))
        except (Undelivered, Unwritable) as fault:
            if self._pace.due(log_events.DIGEST_FAILED):
                log.warning(log_events.DIGEST_FAILED, address=due.address, why=str(fault)[:300])
            return False
        newest = max(item.id for item in due.items)
        await self._sql.run(partial(self._digests.told, due.address, newest, self._now_s()))
        log.info(log_events.DIGEST_SENT, address=due.address, messages=due.count)
        return True


def compose_due(site: LetterSite, due: DueDigest, now_s: float) -> bytes:
    """The message of a digest. Blocks, and raises when SQL is away. Raises Unwritable."""
    words, until_s = words_for(due.plan.language), site.links_until_s(now_s)
    linked = site.linking(due.address, until_s)
    digest = Digest(
        recipient=due.address,
        author=site.author,
        host=site.hostname,
        message_id=f"<{_id(due)}.digest@{site.hostname}>",
        at_s=now_s,
        zone=zone_of(due.plan.schedule),
        count=due.count,
        items=[_item(item, words.in_words(item.reason)) for item in due.items],
        links_until_s=until_s,
        link=lambda deed, item: linked(deed, item.number),
    )
    return compose(digest, words)


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
