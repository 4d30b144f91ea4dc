"""Lessons that receivers wrote to the journal, into the ledger: each once, in the log's SQL transaction."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from math import isfinite
from typing import Final

from clement.journal.records import TeachingRecord
from clement.policy.lesson import Lesson, Way
from clement.store.learning.lessons import By, QuotaSpent, Whose, take
from clement.store.models import TeachingAct

PER_DAY: Final = 1000
"""From one person, or of one kind for one mailbox or domain; receivers bound themselves more closely."""


def settle(records: Sequence[TeachingRecord]) -> None:
    """Take what is not there yet. Works in the transaction that is open. Raises django.db.Error."""
    if not records:
        return
    ids = [record.id for record in records]
    known = set(TeachingAct.objects.filter(record_key__in=ids).values_list("record_key", flat=True))
    for record in records:
        if record.id in known:
            continue
        known.add(record.id)
        with suppress(QuotaSpent):
            _take(record)


def _take(record: TeachingRecord) -> None:
    lesson = Lesson(
        way=Way(record.way),
        unwanted=record.unwanted,
        features=record.features,
        extra=record.extra,
        weight=record.weight,
        message_id=record.message_id,
        body_hash=record.body_hash,
        transaction_id=record.transaction_id,
    )
    whose = Whose(record.group_id, record.domain_id, record.mailbox_id)
    at_s = record.at_s if isfinite(record.at_s) else 0.0
    take(lesson, By(record.actor, record.person_id), whose, at_s, per_day=PER_DAY, record=record.id)
