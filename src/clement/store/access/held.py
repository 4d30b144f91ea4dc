"""Reading the index of held mail on behalf of a person.

A recipient's held message is seen by the administrators of its group and domain and by the owner of its
mailbox, and by nobody else: for them it does not exist.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from django.db.models import Count, Q, QuerySet, Sum

from clement.spool.held_entry import is_entry
from clement.store.access.actor import Actor, NotFound
from clement.store.held_records import HeldFigures, HeldFilter, HeldRow, HeldState
from clement.store.log_ids import first_id_at
from clement.store.models import Group, HeldMessage, HeldRecipient

EVERYTHING = HeldFilter()


def visible(actor: Actor) -> QuerySet[HeldRecipient]:
    """The held messages that an actor may see; for `clement.store` only."""
    rows = HeldRecipient.objects.all()
    if actor.root:
        return rows
    return rows.filter(
        Q(group_key__in=actor.group_ids)
        | Q(domain_key__in=actor.domain_ids)
        | Q(mailbox_key__in=actor.mailbox_ids)
    )


def held(
    actor: Actor, wanted: HeldFilter = EVERYTHING, *, before: str = "", limit: int = 50
) -> tuple[HeldRow, ...]:
    """Held messages, the newest first. before: the id of the last one of the page before."""
    rows = visible(actor)
    if wanted.address:
        rows = rows.filter(address=wanted.address)
    if wanted.domain_id:
        rows = rows.filter(domain_key=wanted.domain_id)
    if wanted.group_id:
        rows = rows.filter(group_key=wanted.group_id)
    if wanted.kind:
        rows = rows.filter(kind=wanted.kind)
    if wanted.since_s:
        rows = rows.filter(id__gte=first_id_at(wanted.since_s))
    if wanted.transaction_id:
        rows = rows.filter(held_key__in=_entries_of(wanted.transaction_id))
    if wanted.states:
        rows = rows.filter(state__in=wanted.states)
    if before:
        rows = rows.filter(id__lt=before)
    return _rows(rows.order_by("-id")[:limit])


def one(actor: Actor, recipient: str) -> HeldRow:
    """One held message by its id. Raises NotFound."""
    found = _rows(visible(actor).filter(id=recipient))
    if not found:
        raise NotFound("held message", recipient)
    return found[0]


def named(actor: Actor, name: str) -> tuple[HeldRow, ...]:
    """The held messages that a name means: of a recipient's id one, of an entry's or a transaction's all.

    Raises NotFound.
    """
    keys = [name] if is_entry(name) else _entries_of(name)
    rows = visible(actor)
    found = _rows(rows.filter(id=name) if not keys else rows.filter(held_key__in=keys).order_by("id"))
    if not found:
        raise NotFound("held message", name)
    return found


def figures(actor: Actor) -> tuple[HeldFigures, ...]:
    """How much is held, by group and kind, as far as the actor may see it."""
    states: dict[tuple[int, str], Counter[str]] = {}
    counted = visible(actor).values_list("group_key", "kind", "state").annotate(number=Count("id"))
    for group_key, kind, state, number in counted.order_by("group_key", "kind"):
        states.setdefault((group_key, kind), Counter())[state] += number
    names = dict(Group.objects.values_list("id", "name"))
    found = []
    for (group_key, kind), by_state in states.items():
        keys = visible(actor).filter(group_key=group_key, kind=kind).values("held_key").distinct()
        sums = HeldMessage.objects.filter(id__in=keys).aggregate(number=Count("id"), size=Sum("size_bytes"))
        found.append(
            HeldFigures(
                group=names.get(group_key, f"(group {group_key})"),
                kind=kind,
                messages=sums["number"],
                size_bytes=sums["size"] or 0,
                recipients=dict(by_state),
            )
        )
    return tuple(found)


def rows_of(recipients: Iterable[HeldRecipient], messages: dict[str, HeldMessage]) -> tuple[HeldRow, ...]:
    """Recipients with their messages; one whose message is gone is left out. For `clement.store` only."""
    return tuple(_row(each, messages[each.held_key]) for each in recipients if each.held_key in messages)


def _rows(recipients: QuerySet[HeldRecipient]) -> tuple[HeldRow, ...]:
    found = list(recipients)
    messages = HeldMessage.objects.in_bulk({row.held_key for row in found})
    return rows_of(found, {str(key): message for key, message in messages.items()})


def _entries_of(transaction_id: str) -> Sequence[str]:
    return list(
        HeldMessage.objects.filter(transaction_key=transaction_id[:48]).values_list("id", flat=True)[:1000]
    )


def _row(row: HeldRecipient, message: HeldMessage) -> HeldRow:
    return HeldRow(
        id=row.id,
        entry=message.id,
        transaction_id=message.transaction_key,
        node=message.node,
        kind=row.kind,
        state=HeldState(row.state),
        at_s=message.at_s,
        expires_at_s=0.0 if message.legal_hold else message.expires_at_s,
        address=row.address,
        forward_path=row.forward_path,
        reverse_path=message.reverse_path,
        author=message.author,
        subject=message.subject,
        message_id=message.message_id,
        size_bytes=message.size_bytes,
        reason=row.reason,
        score=row.score,
        why=row.why,
        legal_hold=message.legal_hold,
        changed_at_s=row.changed_at_s,
        changed_by=row.changed_by,
        next_try_at_s=row.next_try_at_s,
        failures=row.failures,
        failing_since_s=row.failing_since_s,
        failure=row.failure,
        object_key=message.object_key,
        group_id=row.group_key,
        domain_id=row.domain_key,
        mailbox_id=row.mailbox_key,
        authenticated_as=message.authenticated_as,
    )
