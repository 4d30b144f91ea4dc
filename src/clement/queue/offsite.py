"""Held mail in an object store besides: brought there by the courier, fetched where no file is any more.

The files on the node come first, and are what a `250` rests on; the store gets a copy soon after. A copy is
two objects, the content before the manifest, so that whoever finds the second has both.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from hashlib import sha256
from typing import Final, Protocol

from clement.net.object_store import ObjectMissing, ObjectStore, ObjectStoreFailure
from clement.spool.failure import StorageFailure
from clement.spool.held import (
    MANIFEST_LIMIT_BYTES,
    HeldDamaged,
    HeldMissing,
    HeldStore,
    decode_manifest,
    encode_manifest,
)
from clement.spool.held_entry import CONTENT, MANIFEST
from clement.spool.workers import Workers
from clement.telemetry import events as log_events
from clement.telemetry.log import Log
from clement.telemetry.pace import Pace

log = Log("courier")

AT_ONCE: Final = 20
LOOK_EVERY_S: Final = 10.0
AFTER_REFUSAL_S: Final = 60.0


class StoredIndex(Protocol):
    """Which entries the store has. All methods block, and raise when SQL is away."""

    def not_stored(self, limit: int) -> Sequence[str]: ...

    def stored(self, entry: str, object_key: str) -> None: ...


class Offsite:
    """The copies of one node's held mail. prefix: what the names of objects begin with."""

    def __init__(
        self,
        store: HeldStore,
        objects: ObjectStore,
        index: StoredIndex,
        workers: Workers,
        sql: Workers,
        prefix: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._objects = objects
        self._index = index
        self._workers = workers
        self._sql = sql
        self._prefix = prefix
        self._monotonic = monotonic
        self._not_before_s = float("-inf")
        self._pace = Pace()

    async def round(self) -> int:
        """Bring some entries to the store; how many it took. One that refuses is not asked again soon."""
        if self._monotonic() < self._not_before_s:
            return 0
        taken = 0
        for entry in await self._sql.run(partial(self._index.not_stored, AT_ONCE)):
            try:
                await self._workers.run(partial(self._bring, entry))
            except (HeldDamaged, HeldMissing):
                continue  # an error of its own, which is told elsewhere
            except (ObjectStoreFailure, StorageFailure) as fault:
                if self._pace.due(log_events.OBJECT_STORE_FAILED):
                    log.warning(log_events.OBJECT_STORE_FAILED, id=entry, why=str(fault)[:300])
                self._not_before_s = self._monotonic() + AFTER_REFUSAL_S
                return 0
            await self._sql.run(partial(self._index.stored, entry, self._prefix + entry))
            taken += 1
        if not taken:
            self._not_before_s = self._monotonic() + LOOK_EVERY_S
        return taken

    async def __call__(self, entry: str, object_key: str) -> None:
        """Fetch an entry that its node has no more: `queue.courier.Fetch`."""
        if not object_key:
            raise HeldMissing(f"{entry} is neither here nor in the object store")
        await self._workers.run(partial(self._fetch, entry, object_key))

    def _bring(self, entry: str) -> None:
        manifest = self._store.manifest(entry)
        content = self._store.whole_content(manifest)
        try:
            size_bytes, digest = content.size_bytes, manifest.content_hash.hex()
            self._objects.put(self._prefix + entry + CONTENT, content.chunks(), size_bytes, digest)
        finally:
            content.discard()
        octets = encode_manifest(manifest)
        key = self._prefix + entry + MANIFEST
        self._objects.put(key, (octets,), len(octets), sha256(octets).hexdigest())

    def _fetch(self, entry: str, object_key: str) -> None:
        try:
            manifest = decode_manifest(
                b"".join(self._objects.get(object_key + MANIFEST, MANIFEST_LIMIT_BYTES)), entry
            )
            self._store.adopt(manifest, self._pieces(object_key + CONTENT, manifest.facts.size_bytes))
        except ObjectMissing as fault:
            raise HeldMissing(str(fault)) from fault
        except ObjectStoreFailure as fault:
            raise StorageFailure(str(fault)) from fault

    def _pieces(self, key: str, size_bytes: int) -> Iterator[bytes]:
        yield from self._objects.get(key, size_bytes)


def remover(objects: ObjectStore) -> Callable[[str], None]:
    """Removes an entry's objects, the manifest first. Raises StorageFailure."""

    def remove(object_key: str) -> None:
        try:
            for suffix in (MANIFEST, CONTENT):
                objects.delete(object_key + suffix)
        except ObjectStoreFailure as fault:
            raise StorageFailure(str(fault)) from fault

    return remove
