"""Who releases a held message says that it was wanted: the courier tells the learning filter."""

from __future__ import annotations

import asyncio
from functools import partial

from django.db import Error

from clement.policy.lesson import Lesson, Way
from clement.spool.held_entry import HeldRecipient, Manifest
from clement.spool.workers import Workers
from clement.store.actions.change import StoreUnavailable
from clement.store.actions.teaching import teach_release
from clement.telemetry import events as log_events
from clement.telemetry.log import Log

log = Log("courier")


class ReleaseLessons:
    """Implements `queue.courier.Taught`. sql: the thread in which SQL is asked. per_day: of one person."""

    def __init__(self, sql: Workers, per_day: int) -> None:
        self._sql = sql
        self._per_day = per_day
        self._under_way: set[asyncio.Task[None]] = set()

    def wanted(self, manifest: Manifest, recipient: HeldRecipient) -> None:
        """Teach it beside the next release; a lesson that SQL does not take is one of many."""
        if manifest.features:
            task = asyncio.get_running_loop().create_task(self._teach(manifest, recipient))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _teach(self, manifest: Manifest, recipient: HeldRecipient) -> None:
        facts = manifest.facts
        lesson = Lesson(
            way=Way.RELEASE,
            unwanted=False,
            features=manifest.features,
            message_id=facts.message_id,
            body_hash=_octets(facts.body_hash),
            transaction_id=facts.transaction_id,
        )
        try:
            await self._sql.run(
                partial(teach_release, facts.id, recipient.address, lesson, per_day=self._per_day)
            )
        except (Error, StoreUnavailable) as fault:
            log.warning(log_events.LEARNING_FAILED, fault=f"release {facts.id}: {fault}"[:300])


def _octets(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
