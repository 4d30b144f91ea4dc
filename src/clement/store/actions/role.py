"""Giving and taking roles; who may do that to whom."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from clement.store import models
from clement.store.access import rows, visible
from clement.store.access.actor import Actor
from clement.store.actions.change import (
    SITE,
    ActionForbidden,
    ActionRefused,
    Tenant,
    directory_change,
    tenant_of,
)
from clement.store.records import PersonRow, Role


def grant_role(actor: Actor, login: str, role: Role, object_name: str = "") -> PersonRow:
    """Give a person a role; object_name is the group or domain it is for.

    One can give what one has: only root makes roots. Raises NotFound, ActionRefused.
    """
    with directory_change(actor) as change:
        person = visible.one_person(actor, login)
        check_may_manage(actor, person)
        old = rows.person_row(person)
        group, domain = _object_of(actor, role, object_name)
        models.RoleGrant.objects.get_or_create(person=person, role=role, group=group, domain=domain)
        new = rows.person_row(visible.one_person(actor, login))
        change.note("person.grant", person.login, whose(person), old=old, new=new)
        return new


def revoke_role(actor: Actor, login: str, role: Role, object_name: str = "") -> PersonRow:
    """Take a role from a person. Raises NotFound, ActionRefused when he is the last root."""
    with directory_change(actor) as change:
        person = visible.one_person(actor, login)
        check_may_manage(actor, person)
        old = rows.person_row(person)
        group, domain = _object_of(actor, role, object_name)
        found = models.RoleGrant.objects.filter(person=person, role=role, group=group, domain=domain)
        if not found.exists():
            raise ActionRefused("role", f"{person.login} does not have this role")
        if role is Role.ROOT:
            check_a_root_remains(models.Person.objects.filter(id=person.id))
        found.delete()
        new = rows.person_row(visible.one_person(actor, login))
        change.note("person.revoke", person.login, whose(person), old=old, new=new)
        return new


def check_may_manage(actor: Actor, person: models.Person) -> None:
    """Refuse to touch a person who is outside the actor's domains or has rights beyond the actor's."""
    if actor.root:
        return
    if not actor.rules_domain(person.domain_id):
        raise ActionForbidden("login", "only an administrator of the person's domain may do this")
    beyond = models.RoleGrant.objects.filter(person=person).exclude(
        Q(role=Role.USER) | Q(group_id__in=actor.group_ids) | Q(domain_id__in=actor.domain_ids)
    )
    if beyond.exists():
        raise ActionForbidden("login", "this person administers more than you do")


def check_a_root_remains(leaving: QuerySet[models.Person]) -> None:
    """Refuse to lose the last enabled person with the role root."""
    roots = models.Person.objects.filter(enabled=True, grants__role=Role.ROOT)
    if roots.filter(id__in=leaving).exists() and not roots.exclude(id__in=leaving).exists():
        raise ActionRefused("login", "this is the last root-admin; make another one first")


def whose(person: models.Person) -> Tenant:
    """The tenant of a person, for the audit log."""
    return SITE if person.domain is None else tenant_of(person.domain)


def _object_of(actor: Actor, role: Role, name: str) -> tuple[models.Group | None, models.Domain | None]:
    match role:
        case Role.GROUP:
            return visible.one_group(actor, name), None
        case Role.DOMAIN:
            return None, visible.one_domain(actor, name)
        case Role.ROOT if not actor.root:
            raise ActionForbidden("role", "only a root-admin may make or unmake a root-admin")
        case Role.ROOT | Role.USER:
            if name:
                raise ActionRefused("role", f"the role {role} is for nothing in particular")
            return None, None
