"""The counts in SQL: read, added to, written back, in the transaction that is open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import ip_network

import msgspec
from django.db import connection

from clement.policy.network import Network
from clement.policy.reputation import Kind, Tally, site_network
from clement.store import log_sql, models
from clement.store.log_rows import Row, Table
from clement.store.log_text import fit
from clement.store.reputation.seen import SAMPLES, Deeds, Seen, Subject

DAY_S = 86_400
KEYS_AT_ONCE = 400
ENOUGH = 10.0
"""Evidence from which on a check may ask for it."""

REPUTATION = Table(
    "clement_reputation",
    (
        "kind", "subject", "site", "hello", "vouching", "totals", "decayed", "spread", "good", "unwanted",
        "as_of_s", "first_at_s", "last_at_s", "days", "sessions", "unjudged", "known",
    ),
)  # fmt: skip


def store(seen: Seen, half_life_s: float) -> None:
    """Add what a batch tells to what is known. Raises django.db.Error."""
    for kind in Kind:
        subjects = sorted(subject for its_kind, subject in seen.deeds if its_kind is kind)
        for start in range(0, len(subjects), KEYS_AT_ONCE):
            _store_some(kind, subjects[start : start + KEYS_AT_ONCE], seen, half_life_s)


def _store_some(kind: Kind, subjects: Sequence[str], seen: Seen, half_life_s: float) -> None:
    there = {row.subject: row for row in models.Reputation.objects.filter(kind=kind, subject__in=subjects)}
    rows = [
        _row((kind, subject), there.get(subject), seen.deeds[kind, subject], half_life_s)
        for subject in subjects
    ]
    if there:
        _delete(kind, list(there))
    log_sql.insert(REPUTATION, rows)


def _row(subject: Subject, known: models.Reputation | None, deeds: Deeds, half_life_s: float) -> Row:
    tally = tally_of(known) if known is not None else Tally.empty()
    for cause, count, at_s in sorted(deeds.events, key=lambda event: event[2]):
        tally.add(cause, count, at_s, half_life_s)
    tally.spread |= deeds.spread
    times = [at_s for _cause, _count, at_s in deeds.events] or [tally.as_of_s]
    good, unwanted = tally.good(), tally.unwanted()
    sessions = known.sessions.split() if known is not None else []
    kind, name = subject
    return (
        kind.value,
        name,
        str(site_network(network(name))) if kind is Kind.CLIENT else "",
        fit(deeds.hello or (known.hello if known is not None else ""), 255),
        fit(deeds.vouching or (known.vouching if known is not None else ""), 255),
        msgspec.json.encode(tally.totals).decode(),
        msgspec.json.encode([round(amount, 4) for amount in tally.decayed]).decode(),
        tally.spread,
        good,
        unwanted,
        tally.as_of_s,
        min([*times, known.first_at_s] if known is not None else times),
        max([*times, known.last_at_s] if known is not None else times),
        _days(known, times),
        " ".join([*sessions, *deeds.sessions][-SAMPLES:]),
        kind is Kind.CLIENT,
        good + unwanted >= ENOUGH,
    )


def _days(known: models.Reputation | None, times: Iterable[float]) -> int:
    """On how many days the subject was seen; of several days before the last known one none is new."""
    last = int(known.last_at_s // DAY_S) if known is not None else -1
    new = {int(at_s // DAY_S) for at_s in times}
    return (known.days if known is not None else 0) + len({day for day in new if day > last})


def tally_of(row: models.Reputation) -> Tally:
    """The counts of a row, as values to calculate with."""
    return Tally(
        msgspec.json.decode(row.totals, type=list[int]),
        msgspec.json.decode(row.decayed, type=list[float]),
        row.spread,
        row.as_of_s,
    )


@lru_cache(maxsize=4096)
def network(text: str) -> Network:
    """A stored network as a value."""
    return ip_network(text)


def _delete(kind: Kind, subjects: Sequence[str]) -> None:
    marks = ", ".join(["%s"] * len(subjects))
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {REPUTATION.name} WHERE kind = %s AND subject IN ({marks})",  # noqa: S608
            [kind.value, *subjects],
        )
