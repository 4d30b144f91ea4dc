"""The courier's life: whatever has been released, and what people are told of held mail."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from clement.cli import wiring
from clement.cli.database import store_settings
from clement.cli.held_parts import held_memory, held_store, object_store
from clement.cli.paths import Paths
from clement.cli.scanner_wiring import scanner_for
from clement.cli.wiring import Outside
from clement.config.settings import Settings
from clement.delivery.routing import Transports
from clement.queue.courier import Courier, CourierWorld
from clement.queue.offsite import Offsite
from clement.queue.postman import Postman
from clement.server.directory_file import DirectoryFile
from clement.spool.workers import Workers
from clement.telemetry import events as log_events
from clement.telemetry.log import Log
from clement.telemetry.metrics import Metrics
from clement.telemetry.pace import Pace

log = Log("courier")

LOOK_EVERY_S: Final = 1.0
AFTER_FAILURE_S: Final = 5.0
NICENESS: Final = 5


def carry(settings: Settings, outside: Outside) -> None:
    """Deliver what is released, until told to stop."""
    from clement.store.database import connect

    os.nice(NICENESS)
    connect(store_settings(settings.database))
    wiring.run_loop(_live(settings, outside))


async def _live(settings: Settings, outside: Outside) -> None:
    from clement.cli.digest_parts import digest_sender, receipt_sender
    from clement.store.database import disconnect

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    feed = DirectoryFile(Paths.of(settings).directory)
    sql = Workers(1, "sql")
    workers = Workers()
    transports = (outside.transports or wiring.transports)(settings, outside.filesystem, workers)
    offsite = _offsite(settings, outside, workers, sql)
    courier = _courier(settings, outside, transports, feed, workers, sql, offsite)
    postman = Postman(transports.for_route, lambda: feed.current)
    digests = digest_sender(settings, postman, sql)
    receipts = receipt_sender(settings, postman, sql)
    async with asyncio.TaskGroup() as group:
        # Side by side: a next hop that keeps one letter waiting keeps no release waiting.
        group.create_task(_repeat(courier.round, feed, stop, sql))
        group.create_task(_repeat(digests.round, feed, stop, sql))
        if receipts is not None:
            group.create_task(_repeat(receipts.round, feed, stop, sql))
        if offsite is not None:
            group.create_task(_repeat(offsite.round, feed, stop, sql))
    await sql.run(disconnect)


async def _repeat(
    round_: Callable[[], Awaitable[int]], feed: DirectoryFile, stop: asyncio.Event, sql: Workers
) -> None:
    """One round after the other; as long as there is more, at once."""
    from django.db import Error

    from clement.store.database import disconnect

    pace = Pace()
    while not stop.is_set():
        pause_s = LOOK_EVERY_S
        feed.read()
        try:
            if feed.is_known and await round_():
                continue
        except Exception as fault:
            # What fails in one kind of round ends no other.
            is_away = isinstance(fault, Error | OSError)
            if pace.due(log_events.HELD_FAILED):
                log.warning(log_events.HELD_FAILED, why=repr(fault)[:300], exc_info=not is_away)
            await sql.run(disconnect)
            pause_s = AFTER_FAILURE_S
        await _wait(stop, pause_s)


async def _wait(stop: asyncio.Event, pause_s: float) -> None:
    try:
        async with asyncio.timeout(pause_s):
            await stop.wait()
    except TimeoutError:
        return


def _offsite(settings: Settings, outside: Outside, workers: Workers, sql: Workers) -> Offsite | None:
    from clement.store.held_expiry import SqlHeldIndex

    objects = object_store(settings.object_store)
    if objects is None:
        return None
    store, index = held_store(settings, outside.filesystem), SqlHeldIndex(settings.site.node_name)
    return Offsite(store, objects, index, workers, sql, settings.object_store.prefix)


def _courier(
    settings: Settings,
    outside: Outside,
    transports: Transports,
    feed: DirectoryFile,
    workers: Workers,
    sql: Workers,
    offsite: Offsite | None,
) -> Courier:
    from clement.cli.release_lessons import release_lessons
    from clement.store.held_releases import SqlReleases

    filesystem = outside.filesystem
    metrics = Metrics.open(Paths.of(settings).metrics, "courier")
    return Courier(
        CourierWorld(
            releases=SqlReleases(settings.site.node_name),
            store=held_store(settings, filesystem),
            transport_for=transports.for_route,
            directory=lambda: feed.current,
            workers=workers,
            sql=sql,
            now_s=time.time,
            reached=filesystem.reached,
            count=partial(metrics.add),
            hostname=settings.site.hostname,
            patience_s=settings.held.release_patience_s,
            scanner=scanner_for(settings, wiring.receiver_count(settings)),
            memory=held_memory(settings),
            taught=release_lessons(settings.learning),
            fetch=offsite,
        )
    )
