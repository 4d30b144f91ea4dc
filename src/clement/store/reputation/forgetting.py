"""Deleting what has faded away, in batches so small that nobody waits for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from clement.policy.list_rules import ListRules
from clement.store import models
from clement.store.list_records import EntryState

BATCH_ROWS = 400
CLOSED = (EntryState.DROPPED, EntryState.ENDED, EntryState.PARDONED)


def forget(rules: ListRules, now_s: float, stop: Callable[[], bool] = lambda: False) -> int:
    """Delete old counts, closed entries, changes, assertions, pardons and corrections; returns the number.

    Between batches it ends when `stop` says so. Raises django.db.Error when SQL cannot be asked.
    """
    oldest_s = now_s - rules.history_s
    closed = models.ServerListEntry.objects.filter(state__in=CLOSED)
    old: tuple[QuerySet[Any], ...] = (
        models.Reputation.objects.filter(last_at_s__lt=oldest_s),
        closed.filter(expires_at_s__lt=oldest_s),
        models.ListChange.objects.filter(at_s__lt=oldest_s),
        models.ForeignAssertion.objects.filter(expires_at_s__lte=now_s),
        models.Pardon.objects.filter(until_s__gt=0, until_s__lte=now_s),
        models.Correction.objects.filter(at_s__lt=oldest_s),
    )
    deleted = 0
    for found in old:
        while not stop() and (count := _forget_some(found)):
            deleted += count
    return deleted


def _forget_some(found: QuerySet[Any]) -> int:
    with transaction.atomic():
        keys = list(found.values_list("pk", flat=True)[:BATCH_ROWS])
        if keys:
            found.model._default_manager.filter(pk__in=keys).delete()  # noqa: SLF001 - Django's own name for it
        return len(keys)
