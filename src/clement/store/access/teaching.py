"""Reading the ledger of teaching on behalf of a person, and where learning stands."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Count, Q, QuerySet

from clement.policy.lesson import Way
from clement.store.access import visible
from clement.store.access.actor import Actor, NotFound
from clement.store.learning.site import ONLY_ROW
from clement.store.learning.snapshots import newest
from clement.store.learning_records import ActRow, ActState, HolderRow, LearningStatus, ReportedAct
from clement.store.models import Domain, Learning, Mailbox, ModelHolder, TeachingAct


def acts(actor: Actor, *, before_id: int = 0, address: str = "", limit: int = 100) -> tuple[ActRow, ...]:
    """Acts older than `before_id`, the newest first.

    Root sees all, an administrator those for what he administers, a person his own and those for his
    mailboxes. address: only those for this mailbox, or `@domain` and all in it. Raises NotFound.
    """
    found = visible_acts(actor).order_by("-id")
    if before_id:
        found = found.filter(id__lt=before_id)
    if address.startswith("@"):
        found = found.filter(domain_key=visible.one_domain(actor, address[1:]).id)
    elif address:
        found = found.filter(mailbox_key=visible.one_mailbox(actor, address).id)
    return _rows(list(found[:limit]))


def act(actor: Actor, act_id: int) -> ActRow:
    """One act. Raises NotFound."""
    found = visible_acts(actor).filter(id=act_id).first()
    if found is None:
        raise NotFound("act of teaching", act_id)
    return act_row(found)


def reported(record: str) -> ReportedAct | None:
    """The act that a report has given, by the id of its record; for whoever has a link to it."""
    found = TeachingAct.objects.defer("features").filter(record_key=record, way=Way.REPORT).first()
    return ReportedAct(act_row(found), found.person_key) if found is not None else None


def status(actor: Actor, now_s: float) -> LearningStatus:
    """Where learning stands; its steward and nodes are root's business."""
    counted = TeachingAct.objects.values_list("state", "unwanted").annotate(count=Count("id"))
    counts = {(state, unwanted): count for state, unwanted, count in counted}
    row = Learning.objects.filter(pk=ONLY_ROW).first()
    nodes = ModelHolder.objects.order_by("node") if actor.root else ModelHolder.objects.none()
    at_work = row is not None and actor.root and row.held_until_s > now_s
    return LearningStatus(
        wanted=counts.get((ActState.LEARNED.value, False), 0),
        unwanted=counts.get((ActState.LEARNED.value, True), 0),
        pending=sum(counts.get((ActState.PENDING.value, each), 0) for each in (False, True)),
        undoing=sum(counts.get((ActState.UNDOING.value, each), 0) for each in (False, True)),
        version=row.version if row is not None else 0,
        steward=row.holder if row is not None and at_work else "",
        snapshot=newest(),
        nodes=tuple(HolderRow(node.node, node.version, node.at_s) for node in nodes),
    )


def visible_acts(actor: Actor) -> QuerySet[TeachingAct]:
    """The acts that a person may see, without their features; for `clement.store` only."""
    found = TeachingAct.objects.defer("features")
    if actor.root:
        return found
    seen = Q(group_key__in=actor.group_ids) | Q(domain_key__in=actor.domain_ids)
    seen |= Q(mailbox_key__in=actor.mailbox_ids)
    if actor.person_id:
        seen |= Q(person_key=actor.person_id)
    return found.filter(seen)


def act_row(found: TeachingAct) -> ActRow:
    """An act as it is shown."""
    return _rows([found])[0]


def _rows(found: Sequence[TeachingAct]) -> tuple[ActRow, ...]:
    mailboxes = {each.mailbox_key for each in found if each.mailbox_key}
    domains = {each.domain_key for each in found if each.domain_key and not each.mailbox_key}
    addresses = dict(Mailbox.objects.filter(id__in=mailboxes).values_list("id", "address"))
    names = dict(Domain.objects.filter(id__in=domains).values_list("id", "name"))
    return tuple(_row(each, addresses, names) for each in found)


def _row(found: TeachingAct, addresses: dict[int, str], names: dict[int, str]) -> ActRow:
    about = ""
    if found.mailbox_key:
        about = addresses.get(found.mailbox_key, f"mailbox {found.mailbox_key} (removed)")
    elif found.domain_key:
        name = names.get(found.domain_key)
        about = f"@{name}" if name else f"domain {found.domain_key} (removed)"
    return ActRow(
        id=found.id,
        at_s=found.at_s,
        actor=found.actor,
        way=Way(found.way),
        unwanted=found.unwanted,
        about=about,
        weight=found.weight,
        message_id=found.message_id,
        transaction_id=found.transaction_key,
        state=ActState(found.state),
        learned_in=found.learned_in,
        undone_at_s=found.undone_at_s,
        undone_by=found.undone_by,
    )
