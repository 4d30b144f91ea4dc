"""Reading when digests are sent, on behalf of a person."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from clement.policy.directive import Scope
from clement.store import models
from clement.store.access.actor import Actor, NotFound
from clement.store.digest_records import DigestPlanInForce, DigestPlanRow


def digest_plans(actor: Actor) -> tuple[DigestPlanRow, ...]:
    """The plans of the scopes he administers, and of his own addresses."""
    found = (plan_row(plan) for plan in _visible(actor))
    return tuple(sorted(found, key=lambda row: (row.scope, row.scope_name)))


def plan_in_force(actor: Actor, address: str, site: DigestPlanInForce) -> DigestPlanInForce:
    """The narrowest plan for this address. Raises NotFound when it is none of his."""
    domain = models.Domain.objects.filter(name=address.rpartition("@")[2]).first()
    if domain is None or not (actor.rules_domain(domain.id) or address in actor.addresses):
        raise NotFound("address", address)
    return plan_for(address, domain.id, domain.group_id, site)


def plan_for(address: str, domain_id: int, group_id: int, site: DigestPlanInForce) -> DigestPlanInForce:
    """The narrowest plan that concerns an address of this domain and group."""
    found = models.DigestPlan.objects.select_related("group", "domain").filter(
        Q(scope=Scope.USER, address=address)
        | Q(scope=Scope.DOMAIN, domain_id=domain_id)
        | Q(scope=Scope.GROUP, group_id=group_id)
    )
    narrowest = max(found, key=lambda plan: plan.scope, default=None)
    if narrowest is None:
        return site
    row = plan_row(narrowest)
    return DigestPlanInForce(row.scope, row.scope_name, row.schedule, row.language)


def plan_row(plan: models.DigestPlan) -> DigestPlanRow:
    """A plan as it is shown."""
    scope = Scope(plan.scope)
    name = plan.address
    if scope is Scope.GROUP and plan.group is not None:
        name = plan.group.name
    elif scope is Scope.DOMAIN and plan.domain is not None:
        name = plan.domain.name
    return DigestPlanRow(scope, name, plan.schedule, plan.language, plan.version)


def _visible(actor: Actor) -> QuerySet[models.DigestPlan]:
    found = models.DigestPlan.objects.select_related("group", "domain")
    if actor.root:
        return found
    return found.filter(
        Q(group_id__in=actor.group_ids) | Q(domain_id__in=actor.domain_ids) | Q(address__in=actor.addresses)
    )
