"""What an actor may see of the directory, as query sets of models; for `clement.store` only.

Each `one_…` finds a thing by the name a person uses for it, among what the actor
may see, and raises NotFound otherwise.
"""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Count, Model, Prefetch, Q, QuerySet

from clement.policy.directive import Scope
from clement.store import names
from clement.store.access.actor import Actor, NotFound
from clement.store.models import (
    Alias,
    ClientNetwork,
    ContentRule,
    Directive,
    Domain,
    Group,
    Mailbox,
    Person,
    RoleGrant,
)

AnyModel = TypeVar("AnyModel", bound=Model)


def groups(actor: Actor) -> QuerySet[Group]:
    """His groups, each with `domain_count`."""
    found = Group.objects.annotate(domain_count=Count("domains")).prefetch_related("next_hops")
    return found if actor.root else found.filter(id__in=actor.group_ids)


def domains(actor: Actor) -> QuerySet[Domain]:
    """His domains, each with `mailbox_count`."""
    found = Domain.objects.select_related("group").annotate(mailbox_count=Count("mailboxes"))
    return found if actor.root else found.filter(id__in=actor.domain_ids)


def mailboxes(actor: Actor) -> QuerySet[Mailbox]:
    """The mailboxes of his domains, and his own."""
    found = Mailbox.objects.select_related("domain__group", "owner")
    if actor.root:
        return found
    return found.filter(Q(domain_id__in=actor.domain_ids) | Q(id__in=actor.mailbox_ids))


def aliases(actor: Actor) -> QuerySet[Alias]:
    """The aliases of his domains."""
    found = Alias.objects.select_related("domain").prefetch_related("targets")
    return found if actor.root else found.filter(domain_id__in=actor.domain_ids)


def persons(actor: Actor) -> QuerySet[Person]:
    """The persons of his domains, and himself."""
    grants = Prefetch("grants", RoleGrant.objects.select_related("group", "domain").order_by("id"))
    found = Person.objects.prefetch_related(grants, "mailboxes", "send_as")
    if actor.root:
        return found
    return found.filter(Q(domain_id__in=actor.domain_ids) | Q(id=actor.person_id))


def directives(actor: Actor) -> QuerySet[Directive]:
    """The directives of his groups, his domains and the addresses in them, and his own addresses."""
    found = Directive.objects.select_related("group", "domain")
    if actor.root:
        return found
    return found.filter(
        Q(scope=Scope.GROUP, group_id__in=actor.group_ids)
        | Q(scope__gte=Scope.DOMAIN, domain_id__in=actor.domain_ids)
        | Q(scope=Scope.USER, address__in=actor.addresses)
    )


def content_rules(actor: Actor) -> QuerySet[ContentRule]:
    """The content rules of his groups and domains; those of the site for root."""
    found = ContentRule.objects.select_related("group", "domain")
    if actor.root:
        return found
    return found.filter(Q(group_id__in=actor.group_ids) | Q(domain_id__in=actor.domain_ids))


def networks(actor: Actor) -> QuerySet[ClientNetwork]:
    """All client networks for root, none for others."""
    return ClientNetwork.objects.all() if actor.root else ClientNetwork.objects.none()


def one_group(actor: Actor, name: str) -> Group:
    """The group of this name."""
    return _only(groups(actor).filter(name=name.strip().lower()), "group", name)


def one_domain(actor: Actor, name: str) -> Domain:
    """The domain of this name, in any case and with or without its final dot."""
    return _only(domains(actor).filter(name=_loosely(name).removesuffix(".")), "domain", name)


def one_mailbox(actor: Actor, address: str) -> Mailbox:
    """The mailbox of this address."""
    return _only(mailboxes(actor).filter(address=_loosely(address)), "mailbox", address)


def one_alias(actor: Actor, address: str) -> Alias:
    """The alias of this address."""
    return _only(aliases(actor).filter(address=_loosely(address)), "alias", address)


def one_person(actor: Actor, login: str) -> Person:
    """The person with this login."""
    return _only(persons(actor).filter(login=_loosely(login)), "person", login)


def one_directive(actor: Actor, directive_id: int) -> Directive:
    """The directive of this id."""
    return _only(directives(actor).filter(id=directive_id), "directive", directive_id)


def one_content_rule(actor: Actor, rule_id: int) -> ContentRule:
    """The content rule of this id."""
    return _only(content_rules(actor).filter(id=rule_id), "rule", rule_id)


def one_network(actor: Actor, network_id: int) -> ClientNetwork:
    """The client network of this id."""
    return _only(networks(actor).filter(id=network_id), "network", network_id)


def _loosely(name: str) -> str:
    """The name as it would be stored; one that cannot be is looked for as it is, and not found."""
    try:
        return names.domain_name(name) if "@" not in name else names.mailbox_address(name)
    except ValueError:
        return name.strip().lower()


def _only(found: QuerySet[AnyModel], kind: str, name: object) -> AnyModel:
    model = found.first()
    if model is None:
        raise NotFound(kind, name)
    return model
