"""What persons do to the learning filter: teach it, and take that back.

The ledger itself says who taught what and when; the audit log is told once for each call. No other action
changes so little of the directory: receivers need not read it anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import msgspec
from django.db import transaction

from clement.policy.directory import Mode
from clement.policy.lesson import Lesson
from clement.store import names
from clement.store.access import teaching as access
from clement.store.access import visible
from clement.store.access.actor import Actor, NotFound
from clement.store.actions.change import (
    NOT_NOW,
    ActionForbidden,
    ActionRefused,
    Change,
    StoreUnavailable,
    Tenant,
    checked,
    require_root,
)
from clement.store.learning.lessons import By, QuotaSpent, Whose, take, take_back
from clement.store.learning_records import ActRow, ActState, Taught
from clement.store.models import AuditEntry, HeldRecipient, Mailbox, Person


class Teaching(msgspec.Struct, frozen=True):
    """What the audit log keeps of lessons that were given together."""

    way: str
    wanted: int = 0
    unwanted: int = 0


def teach(
    actor: Actor,
    lesson: Lesson,
    address: str = "",
    *,
    per_day: int = 0,
    clock: Callable[[], float] = time.time,
) -> Taught:
    """Teach one lesson; of a message that was taught before, the newest word stands.

    address: of the mailbox whose taste it is, `@domain`, or "" for the site's. A person teaches for his own
    mailboxes, an administrator for what he administers, root for the site. per_day: lessons of one person.
    Raises NotFound, ActionRefused, StoreUnavailable.
    """
    (taught,) = teach_all(actor, [lesson], address, per_day=per_day, clock=clock)
    return taught


def teach_all(
    actor: Actor,
    lessons: Sequence[Lesson],
    address: str = "",
    *,
    per_day: int = 0,
    clock: Callable[[], float] = time.time,
) -> list[Taught]:
    """Teach several lessons or, where one cannot be taken, none of them. Raises as `teach` does."""
    with _teaching_change(actor, clock) as change:
        whose, about = whose_taste(actor, address)
        by = By(actor.name, actor.person_id)
        try:
            taught = [take(lesson, by, whose, change.at_s, per_day=per_day) for lesson in lessons]
        except QuotaSpent:
            raise ActionRefused("lessons", f"no more than {per_day} may be given in a day") from None
        new = [lesson for lesson, each in zip(lessons, taught, strict=True) if each.is_new]
        if new:
            unwanted = sum(lesson.unwanted for lesson in new)
            told = Teaching(new[0].way.value, len(new) - unwanted, unwanted)
            tenant = Tenant(whose.group_id, whose.domain_id)
            change.note("learning.teach", about or "site", tenant, new=told)
        return taught


def teach_by_habit(
    by: By,
    whose: Whose,
    lessons: Sequence[Lesson],
    *,
    per_day: int = 0,
    clock: Callable[[], float] = time.time,
) -> list[Taught]:
    """Teach what somebody said by what he did, such as moving mail to junk; beyond his quota nothing more.

    Raises StoreUnavailable.
    """
    taught = []
    with _change_of_ledger(), suppress(QuotaSpent):
        for lesson in lessons:
            taught.append(take(lesson, by, whose, clock(), per_day=per_day))  # noqa: PERF401 - up to the quota
    return taught


def teach_release(
    entry: str,
    address: str,
    lesson: Lesson,
    *,
    per_day: int = 0,
    clock: Callable[[], float] = time.time,
) -> list[Taught]:
    """Teach what the release of a held message says, in the name of whoever released it.

    entry, address: which message, and whose. Raises StoreUnavailable, django.db.Error.
    """
    row = HeldRecipient.objects.filter(held_key=entry, address=address).first()
    if row is None:
        return []
    person_id = Person.objects.filter(login=row.changed_by).values_list("id", flat=True).first() or 0
    by, whose = By(row.changed_by, person_id), Whose(row.group_key, row.domain_key, row.mailbox_key)
    return teach_by_habit(by, whose, [lesson], per_day=per_day, clock=clock)


def undo(actor: Actor, act_id: int, *, clock: Callable[[], float] = time.time) -> ActRow:
    """Take a lesson back, as if it had never been given.

    One's own, or one that was given for what one administers. Raises NotFound, ActionRefused,
    StoreUnavailable.
    """
    with _teaching_change(actor, clock) as change:
        act = access.visible_acts(actor).filter(id=act_id).first()
        if act is None:
            raise NotFound("act of teaching", act_id)
        own = bool(act.person_key) and act.person_key == actor.person_id
        if not (own or actor.rules_group(act.group_key) or actor.rules_domain(act.domain_key)):
            raise ActionForbidden("act", "only who taught it and administrators may take it back")
        if act.state in (ActState.UNDOING, ActState.UNDONE):
            raise ActionRefused("act", f"was taken back already, by {act.undone_by}")
        old = access.act_row(act)
        take_back(act.id, actor.name, change.at_s)
        act.refresh_from_db(fields=["state", "undone_at_s", "undone_by"])
        row = access.act_row(act)
        tenant = Tenant(act.group_key, act.domain_key)
        change.note("learning.undo", f"act {act.id}", tenant, old=old, new=row)
        return row


def whose_taste(actor: Actor, address: str) -> tuple[Whose, str]:
    """For whom a lesson is that this person may give, and that one's normalised name.

    An address behind a next hop that has no mailbox here stands for its domain, if he administers that.
    Raises NotFound, ActionRefused.
    """
    if not address:
        require_root(actor, "teach for the whole site")
        return Whose(), ""
    wanted = checked("address", names.pattern, address)
    local_part, _mark, domain_name = wanted.rpartition("@")
    if local_part:
        mailbox: Mailbox | None = visible.mailboxes(actor).filter(address=wanted).first()
        if mailbox is not None:
            return Whose(mailbox.domain.group_id, mailbox.domain_id, mailbox.id), wanted
        try:
            domain = visible.one_domain(actor, domain_name)
        except NotFound:
            raise NotFound("mailbox", address) from None
        if domain.group.mode != Mode.RELAY:
            raise NotFound("mailbox", address)
    else:
        domain = visible.one_domain(actor, domain_name)
    return Whose(domain.group_id, domain.id), f"@{domain.name}"


@contextmanager
def _teaching_change(actor: Actor, clock: Callable[[], float]) -> Iterator[Change]:
    """One SQL transaction with its audit entries. Raises StoreUnavailable."""
    change = Change(actor, clock())
    with _change_of_ledger():
        yield change
        AuditEntry.objects.bulk_create(change.entries())


@contextmanager
def _change_of_ledger() -> Iterator[None]:
    try:
        with transaction.atomic():
            yield
    except NOT_NOW as reason:
        raise StoreUnavailable(f"the database cannot take a change now: {reason}") from reason
