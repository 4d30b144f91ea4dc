"""Versions of the model in SQL: from the steward that made them to every node.

A snapshot is first brought here in parts, each in a transaction of its own, and then made the newest version
in one short transaction together with the lessons that it took in. So a crash leaves the version before, with
those lessons still to be learned; and of two stewards that started from the same version, one comes too late.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from django.db import transaction

from clement.store.learning import ledger
from clement.store.learning.site import locked
from clement.store.learning_records import SnapshotRow
from clement.store.models import Learning, ModelChunk, ModelHolder, ModelSnapshot

CHUNK_BYTES: Final = 1 << 20
KEPT_VERSIONS: Final = 3
ABANDONED_AFTER_S: Final = 3600.0


class Superseded(Exception):
    """Another steward has made a newer version; begin again from that."""


class SnapshotDamaged(ValueError):
    """What came out of SQL is not what was put in."""


def newest() -> SnapshotRow | None:
    """The newest version; None before anything was learned. Raises django.db.Error."""
    found = ModelSnapshot.objects.filter(version__gt=0).order_by("-version").first()
    return None if found is None else _row(found)


def publish(
    path: Path,
    base: int,
    now_s: float,
    *,
    learned: Sequence[int],
    undone: Sequence[int] = (),
    rebuilt: bool = False,
) -> SnapshotRow:
    """Make the file at `path` the newest version, and mark the lessons that it took in and let go.

    base: the version it was made from. rebuilt: it holds nothing but what the ledger has.
    Raises Superseded, OSError, django.db.Error.
    """
    snapshot = _bring(path, now_s)
    with transaction.atomic():
        row = locked()
        if row.version != base:
            ModelSnapshot.objects.filter(id=snapshot.id).delete()
            superseded = True
        else:
            superseded = False
            _make_newest(row, snapshot, now_s, learned, undone, rebuilt=rebuilt)
    if superseded:
        raise Superseded
    _prune(now_s)
    return _row(snapshot)


def fetch(version: int, sha256: str, path: Path) -> None:
    """Write a version to a file, whole or not at all; only we may read it.

    Raises SnapshotDamaged (also when it has gone meanwhile), OSError, django.db.Error.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    digest = hashlib.sha256()
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        position = 0
        while (octets := _chunk(version, position)) is not None:
            digest.update(octets)
            file.write(octets)
            position += 1
        file.flush()
        os.fsync(file.fileno())
    if digest.hexdigest() != sha256:
        fresh.unlink()
        raise SnapshotDamaged(f"version {version} of the model came incomplete")
    fresh.replace(path)


def hold(node: str, version: int, now_s: float) -> None:
    """Tell the others which version this node has."""
    ModelHolder.objects.update_or_create(node=node[:64], defaults={"version": version, "at_s": now_s})


def _bring(path: Path, now_s: float) -> ModelSnapshot:
    snapshot = ModelSnapshot.objects.create(at_s=now_s)
    digest, size_bytes, position = hashlib.sha256(), 0, 0
    with path.open("rb") as file:
        while octets := file.read(CHUNK_BYTES):
            digest.update(octets)
            size_bytes += len(octets)
            packed = zlib.compress(octets, 1)
            ModelChunk.objects.create(snapshot=snapshot, position=position, octets=packed)
            position += 1
    snapshot.size_bytes, snapshot.sha256 = size_bytes, digest.hexdigest()
    return snapshot


def _make_newest(
    row: Learning,
    snapshot: ModelSnapshot,
    now_s: float,
    learned: Sequence[int],
    undone: Sequence[int],
    *,
    rebuilt: bool,
) -> None:
    row.version += 1
    if rebuilt:
        row.forgotten, row.rebuilt_at_s = 0, now_s
    row.save(update_fields=["version", "forgotten", "rebuilt_at_s"])
    ledger.mark_learned(learned, row.version)
    ledger.mark_undone(undone)
    snapshot.version, snapshot.acts = row.version, ledger.count_learned() + row.forgotten
    snapshot.save()


def _prune(now_s: float) -> None:
    """Delete versions that nobody asks for any more, and what crashes left, a part at a time."""
    versions = ModelSnapshot.objects.filter(version__gt=0).order_by("-version")
    old = list(versions.values_list("id", flat=True)[KEPT_VERSIONS:])
    abandoned = ModelSnapshot.objects.filter(version=0, at_s__lt=now_s - ABANDONED_AFTER_S)
    for snapshot_id in [*old, *abandoned.values_list("id", flat=True)]:
        for chunk_id in ModelChunk.objects.filter(snapshot_id=snapshot_id).values_list("id", flat=True):
            ModelChunk.objects.filter(id=chunk_id).delete()
        ModelSnapshot.objects.filter(id=snapshot_id).delete()


def _chunk(version: int, position: int) -> bytes | None:
    found = ModelChunk.objects.filter(snapshot__version=version, position=position)
    packed = found.values_list("octets", flat=True).first()
    if packed is None:
        return None
    try:
        return zlib.decompress(bytes(packed))
    except zlib.error as fault:
        raise SnapshotDamaged(f"version {version} of the model: {fault}") from fault


def _row(found: ModelSnapshot) -> SnapshotRow:
    return SnapshotRow(found.version, found.at_s, found.size_bytes, found.sha256, found.acts)
