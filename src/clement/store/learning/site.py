"""The one row of learning: the site's key, which steward is at work, and the lock that orders versions."""

from __future__ import annotations

from collections.abc import Callable
from secrets import token_bytes

from django.db import transaction

from clement.store.models import Learning

ONLY_ROW = 1
KEY_OCTETS = 32
LEASE_S = 120.0


def site_key(random_octets: Callable[[int], bytes] = token_bytes) -> bytes:
    """What this site hashes features with; made when it is first asked for. Raises django.db.Error.

    Secret: who knows it can find messages that the filter takes for others.
    """
    return bytes(_row(random_octets).key)


def _row(random_octets: Callable[[int], bytes] = token_bytes) -> Learning:
    found = Learning.objects.filter(pk=ONLY_ROW).first()
    if found is not None:
        return found
    defaults = {"key": random_octets(KEY_OCTETS)}
    return Learning.objects.get_or_create(pk=ONLY_ROW, defaults=defaults)[0]


def locked() -> Learning:
    """The row, locked until the SQL transaction that is open ends."""
    _row()
    return Learning.objects.select_for_update().get(pk=ONLY_ROW)


def lease(holder: str, now_s: float) -> bool:
    """Be the steward that teaches the model, or go on being it; False while another one is.

    It spares work. What keeps two stewards from overwriting each other is `snapshots.publish`.
    """
    with transaction.atomic():
        row = locked()
        if row.holder != holder and row.held_until_s > now_s:
            return False
        row.holder, row.held_until_s = holder[:100], now_s + LEASE_S
        row.save(update_fields=["holder", "held_until_s"])
        return True


def give_up(holder: str) -> None:
    """Let another steward go on at once."""
    Learning.objects.filter(pk=ONLY_ROW, holder=holder).update(held_until_s=0.0)


def standing() -> tuple[int, int, float]:
    """Newest version, lessons in the model that the ledger has no more, when it was last made anew."""
    row = _row()
    return row.version, row.forgotten, row.rebuilt_at_s
