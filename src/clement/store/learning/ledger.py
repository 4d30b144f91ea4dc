"""The ledger as the trainer reads it, and how it forgets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from typing import Final

from django.db import transaction
from django.db.models import F, Q

from clement.policy.lesson import Way
from clement.store.learning.lessons import stored
from clement.store.learning.site import ONLY_ROW
from clement.store.learning_records import ActState, StoredLesson
from clement.store.models import Learning, TeachingAct

PAGE_ROWS: Final = 200
IDS_AT_ONCE: Final = 500
DAY_S: Final = 86_400.0
LEAST_KEPT: Final = 2000
"""The newest lessons stay, however old they are: a site that is rarely taught does not fall silent."""


def has_pending() -> bool:
    """Whether there is anything to learn."""
    return TeachingAct.objects.filter(state=ActState.PENDING).exists()


def pending(after_id: int) -> list[StoredLesson]:
    """A page of what is to be learned, in order of ids."""
    found = TeachingAct.objects.filter(state=ActState.PENDING, id__gt=after_id)
    return [stored(act) for act in found.order_by("id")[:PAGE_ROWS]]


def learned() -> Iterator[StoredLesson]:
    """All that the model consists of, in the order in which it is learned again.

    Imports come first and mixed: what lay in folders, one class in each, is no history, and learned one class
    after the other it would be forgotten. The mixture depends on nothing but the ids.
    """
    yield from _imported()
    yield from _since()


def _imported() -> Iterator[StoredLesson]:
    found = TeachingAct.objects.filter(state=ActState.LEARNED, way=Way.IMPORT)
    mixed = sorted(found.values_list("id", flat=True), key=_draw)
    for start in range(0, len(mixed), PAGE_ROWS):
        page = mixed[start : start + PAGE_ROWS]
        acts = TeachingAct.objects.in_bulk(page)
        yield from (stored(acts[act_id]) for act_id in page if act_id in acts)


def _draw(act_id: int) -> bytes:
    return blake2b(act_id.to_bytes(8, "big"), digest_size=8).digest()


def _since() -> Iterator[StoredLesson]:
    version = act_id = 0
    while True:
        found = TeachingAct.objects.filter(state=ActState.LEARNED).exclude(way=Way.IMPORT)
        found = found.filter(Q(learned_in__gt=version) | Q(learned_in=version, id__gt=act_id))
        page = [stored(act) for act in found.order_by("learned_in", "id")[:PAGE_ROWS]]
        yield from page
        if len(page) < PAGE_ROWS:
            return
        version, act_id = page[-1].learned_in, page[-1].act_id


def count_learned() -> int:
    """How many lessons of the ledger the model consists of."""
    return TeachingAct.objects.filter(state=ActState.LEARNED).count()


def undoing() -> list[int]:
    """Lessons that were taken back and are still in the model."""
    return list(TeachingAct.objects.filter(state=ActState.UNDOING).values_list("id", flat=True))


def mark_learned(act_ids: Sequence[int], version: int) -> None:
    """They are in the model from this version on; one that was taken back meanwhile has to come out again."""
    for some in _parts(act_ids):
        found = TeachingAct.objects.filter(id__in=some)
        found.filter(state=ActState.PENDING).update(state=ActState.LEARNED, learned_in=version)
        found.filter(state=ActState.UNDONE).update(state=ActState.UNDOING, learned_in=version)


def mark_undone(act_ids: Sequence[int]) -> None:
    """They are in the model no more."""
    for some in _parts(act_ids):
        TeachingAct.objects.filter(id__in=some, state=ActState.UNDOING).update(state=ActState.UNDONE)


def forget(
    now_s: float, *, keep_days: float, keep_acts: int, stop: Callable[[], bool] = lambda: False
) -> int:
    """Delete what is older than it is kept, in small batches, and note how much of it the model still has.

    keep_days: 0 for ever. Raises django.db.Error.
    """
    bound = _first_kept(now_s - keep_days * DAY_S if keep_days else 0.0, keep_acts)
    deleted = 0
    while not stop() and (count := _forget_some(bound)):
        deleted += count
    return deleted


def _first_kept(oldest_s: float, keep_acts: int) -> int:
    """The id below which acts go."""
    ids = TeachingAct.objects.order_by("-id").values_list("id", flat=True)
    too_many = ids[keep_acts - 1 : keep_acts].first() or 0
    too_old = 0
    if oldest_s:
        least = ids[LEAST_KEPT - 1 : LEAST_KEPT].first() or 0
        young = TeachingAct.objects.filter(at_s__gte=oldest_s, id__lt=least).order_by("id")
        too_old = young.values_list("id", flat=True).first() or least
    return max(too_many, too_old)


def _forget_some(bound: int) -> int:
    with transaction.atomic():
        found = TeachingAct.objects.filter(id__lt=bound).exclude(state=ActState.PENDING)
        rows = list(found.order_by("id").values_list("id", "state")[:PAGE_ROWS])
        if rows:
            TeachingAct.objects.filter(id__in=[act_id for act_id, _state in rows]).delete()
            in_model = sum(state in (ActState.LEARNED, ActState.UNDOING) for _id, state in rows)
            Learning.objects.filter(pk=ONLY_ROW).update(forgotten=F("forgotten") + in_model)
        return len(rows)


def _parts(act_ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (act_ids[start : start + IDS_AT_ONCE] for start in range(0, len(act_ids), IDS_AT_ONCE))
