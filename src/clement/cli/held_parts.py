"""Held mail put together from the settings: where it lies, who keeps it, and what is remembered of it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from clement.config.object_store import ObjectStoreSettings
from clement.config.settings import Settings
from clement.delivery.held_mail import HoldingPlace, HoldLimits, Records, SpoolHolder
from clement.net.object_store import ObjectStore, S3Place, S3Store
from clement.net.s3_signing import Credentials
from clement.server.held_memory import HeldMemory
from clement.spool.filesystem import FileSystem
from clement.spool.held import HeldStore
from clement.spool.held_usage import HeldUsage
from clement.spool.space import Room
from clement.spool.workers import Workers
from clement.telemetry import events as log_events
from clement.telemetry.log import Log
from clement.telemetry.metrics import Series

log = Log("server")


def held_store(settings: Settings, filesystem: FileSystem) -> HeldStore:
    """The files of this machine."""
    return HeldStore(filesystem, str(settings.held.folder), f"{os.getpid()}.{time.time_ns()}")


def held_usage(settings: Settings) -> HeldUsage:
    """How much they are."""
    return HeldUsage(str(settings.held.folder / "usage"))


def held_memory(settings: Settings) -> HeldMemory | None:
    """What is remembered of held mail; None where nothing is held, or the memory cannot be had."""
    if not settings.held.enabled:
        return None
    try:
        return HeldMemory.open(settings.held.folder / "memory", time.time)
    except OSError as fault:
        log.warning(log_events.HELD_MEMORY_UNAVAILABLE, why=str(fault)[:300])
        return None


def holder_for(
    settings: Settings,
    filesystem: FileSystem,
    workers: Workers,
    records: Records,
    count: Callable[[Series], None],
    memory: HeldMemory | None,
) -> SpoolHolder | None:
    """Keeps messages for one receiver; None where nothing is held."""
    held = settings.held
    if not held.enabled:
        return None
    limits = HoldLimits(
        days=held.days,
        refused_copy_days=held.refused_copy_days,
        limit_bytes=held.limit_bytes,
        limit_bytes_per_group=held.limit_bytes_per_group,
    )
    room = Room(filesystem, [held.folder], held.free_space_bytes, time.monotonic)
    return SpoolHolder(
        HoldingPlace(
            store=held_store(settings, filesystem),
            usage=held_usage(settings),
            limits=limits,
            workers=workers,
            records=records,
            room_for=room.room_for,
            now_s=time.time,
            node=settings.site.node_name,
            count=count,
            reconciler=memory,
        )
    )


def object_store(settings: ObjectStoreSettings) -> ObjectStore | None:
    """Where a copy of held mail goes, if anywhere. Raises ValueError when the secret cannot be read."""
    if not settings.endpoint:
        return None
    parts = urlsplit(settings.endpoint)
    tls = parts.scheme == "https"
    place = S3Place(
        parts.hostname or "", parts.port or (443 if tls else 80), settings.bucket, tls, settings.timeout_s
    )
    secret = settings.secret.reveal() if settings.secret is not None else ""
    return S3Store(place, Credentials(settings.access_key, secret, settings.region))
