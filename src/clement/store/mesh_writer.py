"""Taking what peers hand over into the tables of the mesh: each statement once, the latest in force.

Called by the log's writer for what receivers took, in its SQL transaction, and by the steward for what he has
pulled, in one of his own. Positions are given under a lock that is held until the commit: so they become
visible in their order, and whoever has read up to one misses none before it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from clement.journal.records import MeshRecord
from clement.policy.mesh.acceptance import FAULTS, Refusal
from clement.policy.mesh.assertion import AssertionMalformed, Statement, parse_assertion
from clement.policy.mesh.standing import DAY_S, Fault, Standing
from clement.store import models
from clement.store.access.mesh import ONLY_ROW

KEPT_PER_ORIGIN = 10_000
"""Assertions of one origin in force at a time."""

DETAIL_CHARS = 500


class Numbers:
    """Gives the numbers of the log, in the SQL transaction that is open.

    Each once, also after a rollback of the database, because they are times.
    """

    def __init__(self, now_s: float) -> None:
        rows = models.MeshClock.objects.select_for_update()
        self._clock = rows.get_or_create(pk=ONLY_ROW, defaults={"last": 0})[0]
        self._now_us = int(now_s * 1_000_000)

    def next(self) -> int:
        """The next number: microseconds since 1970, or one more than the last."""
        self._clock.last = max(self._clock.last + 1, self._now_us)
        self._clock.save(update_fields=["last"])
        return self._clock.last


def settle(records: Sequence[MeshRecord], clock: Callable[[], float] = time.time) -> None:
    """Write what peers handed over. Works in the transaction that is open. Raises django.db.Error."""
    if not records:
        return
    now_s = clock()
    numbers = Numbers(now_s)
    for record in records:
        _reached(record)
        if record.refusal:
            _note_refusal(record, now_s)
        else:
            _take(record, numbers, now_s)


def charge(key: str, fault: Fault, detail: str, now_s: float, *, times: int = 1) -> None:
    """Lower a peer's standing, and remember why."""
    peer = _peer(key)
    standing = Standing(peer.score, peer.scored_at_s).after(fault, now_s, times=times)
    peer.score, peer.scored_at_s = standing.score, standing.at_s
    peer.save(update_fields=["score", "scored_at_s"])
    note_event(key, fault, detail, now_s)


def note_event(key: str, what: str, detail: str, now_s: float) -> None:
    """Remember something of a peer."""
    models.MeshEvent.objects.create(at_s=now_s, peer=key[:26], what=what, detail=detail[:DETAIL_CHARS])


def _peer(key: str) -> models.MeshPeer:
    return models.MeshPeer.objects.select_for_update().get_or_create(key=key)[0]


def _reached(record: MeshRecord) -> None:
    """Up to where we have the peer's log now, and how much it has handed over today."""
    peer = _peer(record.peer)
    day = int(record.at_s // DAY_S)
    if peer.day != day:
        peer.day, peer.taken = day, 0
    peer.taken += 1
    peer.have = max(peer.have, record.position)
    peer.save(update_fields=["day", "taken", "have"])


def _note_refusal(record: MeshRecord, now_s: float) -> None:
    """Whoever hands something over answers for its form."""
    detail = f"at position {record.position}: {record.refusal}"
    if record.refusal == Fault.FLOODED:
        charge(record.peer, Fault.FLOODED, "went on after its quota was spent", now_s)
    elif record.refusal == Refusal.SIGNATURE:
        charge(record.peer, Fault.FORGED, detail, now_s)
    elif record.refusal in FAULTS:
        charge(record.peer, Fault.IMPROPER, detail, now_s)
    elif record.refusal not in (Refusal.OWN, Refusal.EXPIRED):
        note_event(record.peer, "not-taken", detail, now_s)


def _take(record: MeshRecord, numbers: Numbers, now_s: float) -> None:
    try:
        statement = parse_assertion(record.assertion).statement
    except AssertionMalformed as fault:
        note_event(record.peer, "not-taken", str(fault), now_s)
        return
    same_number = models.MeshEntry.objects.filter(origin=statement.origin, sequence=statement.sequence)
    known = same_number.first()
    if known is not None:
        if parse_assertion(known.text).statement != statement:
            detail = f"{statement.encode()} beside {known.network} {known.kind}"
            charge(statement.origin, Fault.EQUIVOCATED, detail, now_s)
        return
    if not _supersedes(statement, record.peer, now_s):
        return
    models.MeshEntry.objects.create(
        position=numbers.next(),
        origin=statement.origin,
        sequence=statement.sequence,
        kind=statement.kind,
        network=str(statement.network),
        expires_at_s=statement.expires_at_s,
        text=record.assertion,
        handed_by=record.peer,
        hops=record.hops,
        received_at_s=int(now_s),
    )


def _supersedes(statement: Statement, handed_by: str, now_s: float) -> bool:
    """Whether this is the latest word of its origin about its network; the one before is then forgotten."""
    of_origin = models.MeshEntry.objects.filter(origin=statement.origin)
    earlier = of_origin.filter(network=str(statement.network)).first()
    if earlier is not None:
        if earlier.sequence > statement.sequence:
            return False
        earlier.delete()
        return True
    if of_origin.count() >= KEPT_PER_ORIGIN:
        note_event(handed_by, "not-taken", f"{statement.origin} has {KEPT_PER_ORIGIN} in force", now_s)
        return False
    return True
