"""Saying when digests are sent: for a group, a domain, or one address by the person it belongs to."""

from __future__ import annotations

import msgspec

from clement.policy.directive import Scope
from clement.store import models, names
from clement.store.access import digest as plans
from clement.store.access import visible
from clement.store.access.actor import Actor, NotFound
from clement.store.actions.change import (
    ActionRefused,
    Change,
    Tenant,
    checked,
    directory_change,
    tenant_of,
)
from clement.store.digest_records import DigestPlanRow

LANGUAGES = ("en", "fr")
MAX_SCHEDULE_CHARS = 255


class NewDigestPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted for one scope.

    scope_name: the group's or domain's name, or an address. schedule: as `policy.digest_schedule` writes it,
    "" for never; the caller has read it. language: one of LANGUAGES.
    """

    scope: Scope
    scope_name: str
    schedule: str
    language: str


def plan_digest(actor: Actor, wanted: NewDigestPlan) -> DigestPlanRow:
    """Set the plan of a scope one administers, or of one's own address. Raises NotFound, ActionRefused."""
    if wanted.language not in LANGUAGES:
        raise ActionRefused("language", f"digests speak {' and '.join(LANGUAGES)}")
    if len(wanted.schedule) > MAX_SCHEDULE_CHARS:
        raise ActionRefused("schedule", f"a schedule has at most {MAX_SCHEDULE_CHARS} characters")
    with directory_change(actor) as change:
        plan, tenant = _find(actor, wanted.scope, wanted.scope_name)
        old = _row_if_known(plan)
        plan.schedule, plan.language = wanted.schedule, wanted.language
        if old is not None:
            plan.version += 1
        plan.save()
        return _noted(change, "digest.plan", plan, tenant, old)


def drop_digest_plan(actor: Actor, scope: Scope, scope_name: str) -> None:
    """Let the wider scope's plan count again. Raises NotFound."""
    with directory_change(actor) as change:
        plan, tenant = _find(actor, scope, scope_name)
        old = _row_if_known(plan)
        if old is None:
            raise NotFound("digest plan of", scope_name)
        change.note("digest.drop", f"{scope.name.lower()} {scope_name}", tenant, old=old)
        plan.delete()


def _find(actor: Actor, scope: Scope, scope_name: str) -> tuple[models.DigestPlan, Tenant]:
    """The plan of this scope, or an unsaved one, when the actor may set it."""
    match scope:
        case Scope.GROUP:
            group = visible.one_group(actor, scope_name)
            known = models.DigestPlan.objects.select_related("group").filter(scope=scope, group=group).first()
            return known or models.DigestPlan(scope=scope, group=group), Tenant(group.id)
        case Scope.DOMAIN:
            domain = visible.one_domain(actor, scope_name)
            known = (
                models.DigestPlan.objects.select_related("domain").filter(scope=scope, domain=domain).first()
            )
            return known or models.DigestPlan(scope=scope, domain=domain), tenant_of(domain)
        case Scope.USER:
            return _find_of_address(actor, scope_name)
        case Scope.SITE:
            raise ActionRefused("scope", "the plan of the site stands in the configuration, [digest]")


def _row_if_known(plan: models.DigestPlan) -> DigestPlanRow | None:
    known = models.DigestPlan.objects.filter(pk=plan.pk).exists()
    return plans.plan_row(plan) if known else None


def _find_of_address(actor: Actor, scope_name: str) -> tuple[models.DigestPlan, Tenant]:
    address = checked("address", names.mailbox_address, scope_name)
    domain = models.Domain.objects.filter(name=address.rpartition("@")[2]).first()
    if domain is None or not (actor.rules_domain(domain.id) or address in actor.addresses):
        raise NotFound("address", scope_name)
    known = models.DigestPlan.objects.filter(scope=Scope.USER, address=address).first()
    return known or models.DigestPlan(scope=Scope.USER, domain=domain, address=address), tenant_of(domain)


def _noted(
    change: Change, action: str, plan: models.DigestPlan, tenant: Tenant, old: DigestPlanRow | None
) -> DigestPlanRow:
    row = plans.plan_row(plan)
    change.note(action, f"{row.scope.name.lower()} {row.scope_name}", tenant, old=old, new=row)
    return row
