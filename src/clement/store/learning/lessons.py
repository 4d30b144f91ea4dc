"""Lessons as rows of the ledger: each message once for each taste, the newest word in force."""

from __future__ import annotations

import zlib
from typing import Final, NamedTuple

import msgspec
from django.db.models import Q, QuerySet

from clement.policy.lesson import MOST_FEATURES_BYTES, Lesson, Way, scopes_of
from clement.store.learning_records import ActState, StoredLesson, Taught
from clement.store.log_text import fit
from clement.store.models import TeachingAct

DAY_S: Final = 86_400.0
IN_FORCE: Final = (ActState.PENDING, ActState.LEARNED)
BY_ITSELF: Final = frozenset({Way.REPLY, Way.TRAP})
"""Nobody said these; they never contradict a person."""
UNBOUNDED: Final = frozenset({Way.CLI, Way.IMPORT, Way.RELEASE})
"""Ways that are open to administrators also without a login."""
MOST_EXTRA: Final = 200

_PACKED: Final = msgspec.msgpack.Decoder(tuple[bytes, tuple[str, ...]])


class QuotaSpent(Exception):
    """So many lessons as may be given in one day have been given."""


class Whose(NamedTuple):
    """Whose taste it is: ids, 0 for none; all of them 0 for the site's."""

    group_id: int = 0
    domain_id: int = 0
    mailbox_id: int = 0


class By(NamedTuple):
    """Who teaches."""

    name: str
    person_id: int = 0


def pack(lesson: Lesson) -> bytes:
    """The features and names of findings, compressed."""
    extra = tuple(fit(name, 100) for name in lesson.extra[:MOST_EXTRA])
    return zlib.compress(msgspec.msgpack.encode((lesson.features[:MOST_FEATURES_BYTES], extra)), 1)


def stored(act: TeachingAct) -> StoredLesson:
    """A row as the trainer takes it; one that is damaged has no features, and teaches nothing."""
    try:
        features, extra = _PACKED.decode(zlib.decompress(bytes(act.features)))
    except (zlib.error, msgspec.MsgspecError):
        features, extra = b"", ()
    return StoredLesson(
        act_id=act.id,
        features=features,
        extra=extra,
        scopes=scopes_of(act.domain_key, act.mailbox_key),
        unwanted=act.unwanted,
        weight=act.weight,
        learned_in=act.learned_in,
        imported=act.way == Way.IMPORT,
    )


def take(lesson: Lesson, by: By, whose: Whose, at_s: float, *, per_day: int = 0, record: str = "") -> Taught:
    """Put a lesson into the ledger, in the SQL transaction that is open.

    per_day: how many may be given in a day, 0 for no limit. record: the journal's name for it.
    Raises QuotaSpent.
    """
    body_hash, message_id = lesson.body_hash.hex()[:64], fit(lesson.message_id, 255)
    for act_id, unwanted in of_same_message(body_hash, message_id, whose):
        if unwanted == lesson.unwanted or lesson.way in BY_ITSELF:
            return Taught(act_id, is_new=False)
        take_back(act_id, by.name, at_s)
    if per_day and _given_today(lesson.way, by, whose, at_s) >= per_day:
        raise QuotaSpent
    act = TeachingAct.objects.create(
        at_s=at_s,
        actor=fit(by.name, 320),
        person_key=by.person_id,
        way=lesson.way.value,
        unwanted=lesson.unwanted,
        weight=lesson.weight,
        group_key=whose.group_id,
        domain_key=whose.domain_id,
        mailbox_key=whose.mailbox_id,
        message_id=message_id,
        body_hash=body_hash,
        transaction_key=fit(lesson.transaction_id, 40),
        record_key=record or None,
        features=pack(lesson),
        state=ActState.PENDING,
    )
    return Taught(act.id, is_new=True)


def take_back(act_id: int, by: str, at_s: float) -> None:
    """Undo a lesson that is in force; the trainer makes the model anew where it was learned already."""
    for before, after in ((ActState.PENDING, ActState.UNDONE), (ActState.LEARNED, ActState.UNDOING)):
        # By its state as it is now: the trainer may have learned it since it was read.
        found = TeachingAct.objects.filter(id=act_id, state=before)
        if found.update(state=after, undone_at_s=at_s, undone_by=fit(by, 320)):
            return


def of_same_message(body_hash: str, message_id: str, whose: Whose) -> list[tuple[int, bool]]:
    """Ids, and what was said. By both: many messages have one body, and a Message-ID is anybody's."""
    found = _of_message(body_hash, message_id, whose).filter(state__in=IN_FORCE)
    return list(found.order_by("id").values_list("id", "unwanted"))


def known_when_reported(
    body_hash: str, message_id: str, whose: Whose, *, unwanted: bool, at_s: float, transaction: str
) -> int:
    """The lesson that said the same when a report came, whatever became of it since; 0 for none.

    at_s, transaction: the report's. Its own lessons may be a little younger than it.
    """
    found = _of_message(body_hash, message_id, whose).filter(
        Q(at_s__lte=at_s) | Q(transaction_key=transaction),
        Q(state__in=IN_FORCE) | Q(undone_at_s__gte=at_s),
        unwanted=unwanted,
    )
    return found.order_by("-id").values_list("id", flat=True).first() or 0


def _of_message(body_hash: str, message_id: str, whose: Whose) -> QuerySet[TeachingAct]:
    if not body_hash:
        return TeachingAct.objects.none()
    return TeachingAct.objects.filter(
        body_hash=body_hash,
        message_id=message_id,
        group_key=whose.group_id,
        domain_key=whose.domain_id,
        mailbox_key=whose.mailbox_id,
    )


def _given_today(way: Way, by: By, whose: Whose, at_s: float) -> int:
    """By a person; where it is nobody's word, by way and for whom."""
    given = TeachingAct.objects.filter(person_key=by.person_id, at_s__gt=at_s - DAY_S)
    if by.person_id:
        return given.count()
    if way in UNBOUNDED:
        return 0
    return given.filter(way=way.value, domain_key=whose.domain_id, mailbox_key=whose.mailbox_id).count()
