"""Reading the directory on behalf of a person. Lists are in order of name, long ones in pages."""

from __future__ import annotations

from ipaddress import ip_network

from django.db.models import Q

from clement.policy.directive import Scope
from clement.store.access import rows, visible
from clement.store.access.actor import Actor
from clement.store.models import AuditEntry
from clement.store.records import (
    AliasRow,
    AuditRow,
    ContentRuleRow,
    DirectiveRow,
    DomainRow,
    GroupRow,
    MailboxRow,
    NetworkRow,
    PersonRow,
)

PAGE_ROWS = 1000


def groups(actor: Actor) -> tuple[GroupRow, ...]:
    """The groups he administers."""
    return tuple(map(rows.group_row, visible.groups(actor).order_by("name")))


def group(actor: Actor, name: str) -> GroupRow:
    """One group. Raises NotFound."""
    return rows.group_row(visible.one_group(actor, name))


def domains(actor: Actor, group_name: str = "") -> tuple[DomainRow, ...]:
    """The domains he administers, or those of one group among them."""
    found = visible.domains(actor).order_by("name")
    return tuple(map(rows.domain_row, found.filter(group__name=group_name) if group_name else found))


def domain(actor: Actor, name: str) -> DomainRow:
    """One domain. Raises NotFound."""
    return rows.domain_row(visible.one_domain(actor, name))


def mailboxes(
    actor: Actor, domain_name: str = "", *, after: str = "", text: str = "", limit: int = PAGE_ROWS
) -> tuple[MailboxRow, ...]:
    """Mailboxes with addresses greater than `after` that contain `text`; a user sees his own."""
    found = visible.mailboxes(actor).filter(address__gt=after)
    if domain_name:
        found = found.filter(domain__name=domain_name)
    if text:
        found = found.filter(address__contains=text.lower())
    return tuple(map(rows.mailbox_row, found.order_by("address")[:limit]))


def mailbox(actor: Actor, address: str) -> MailboxRow:
    """One mailbox. Raises NotFound."""
    return rows.mailbox_row(visible.one_mailbox(actor, address))


def aliases(
    actor: Actor, domain_name: str = "", *, after: str = "", limit: int = PAGE_ROWS
) -> tuple[AliasRow, ...]:
    """Aliases with addresses greater than `after`."""
    found = visible.aliases(actor).filter(address__gt=after)
    if domain_name:
        found = found.filter(domain__name=domain_name)
    return tuple(map(rows.alias_row, found.order_by("address")[:limit]))


def alias(actor: Actor, address: str) -> AliasRow:
    """One alias. Raises NotFound."""
    return rows.alias_row(visible.one_alias(actor, address))


def persons(actor: Actor, *, after: str = "", limit: int = PAGE_ROWS) -> tuple[PersonRow, ...]:
    """Persons with logins greater than `after`: those of his domains, and himself."""
    found = visible.persons(actor).filter(login__gt=after)
    return tuple(map(rows.person_row, found.order_by("login")[:limit]))


def person(actor: Actor, login: str) -> PersonRow:
    """One person. Raises NotFound."""
    return rows.person_row(visible.one_person(actor, login))


def directives(
    actor: Actor,
    *,
    scope: Scope | None = None,
    scope_name: str = "",
    after_id: int = 0,
    limit: int = PAGE_ROWS,
) -> tuple[DirectiveRow, ...]:
    """Directives with ids greater than `after_id`; a wider scope's are shown to its administrators only."""
    found = visible.directives(actor).filter(id__gt=after_id)
    if scope is not None:
        found = found.filter(scope=scope)
    if scope_name:
        wider = Q(address="") & (Q(domain__name=scope_name) | Q(group__name=scope_name))
        found = found.filter(Q(address=scope_name) | wider)
    return tuple(map(rows.directive_row, found.order_by("id")[:limit]))


def directive(actor: Actor, directive_id: int) -> DirectiveRow:
    """One directive. Raises NotFound."""
    return rows.directive_row(visible.one_directive(actor, directive_id))


def content_rules(
    actor: Actor,
    *,
    scope: Scope | None = None,
    scope_name: str = "",
    after_id: int = 0,
    limit: int = PAGE_ROWS,
) -> tuple[ContentRuleRow, ...]:
    """Content rules with ids greater than `after_id`, those of wider scopes for their administrators only."""
    found = visible.content_rules(actor).filter(id__gt=after_id)
    if scope is not None:
        found = found.filter(scope=scope)
    if scope_name:
        found = found.filter(Q(domain__name=scope_name) | Q(group__name=scope_name))
    return tuple(map(rows.content_rule_row, found.order_by("id")[:limit]))


def content_rule(actor: Actor, rule_id: int) -> ContentRuleRow:
    """One content rule. Raises NotFound."""
    return rows.content_rule_row(visible.one_content_rule(actor, rule_id))


def networks(actor: Actor) -> tuple[NetworkRow, ...]:
    """All client networks, for root; nobody else has any."""
    found = ((ip_network(entry.network), entry) for entry in visible.networks(actor))
    ordered = sorted(
        found, key=lambda pair: (pair[0].version, int(pair[0][0]), pair[0].prefixlen, pair[1].id)
    )
    return tuple(rows.network_row(entry) for _, entry in ordered)


def network(actor: Actor, network_id: int) -> NetworkRow:
    """One client network. Raises NotFound."""
    return rows.network_row(visible.one_network(actor, network_id))


def audit(
    actor: Actor, *, before_id: int = 0, object_name: str = "", limit: int = 100
) -> tuple[AuditRow, ...]:
    """Changes of what he administers, the newest first, older than `before_id`."""
    if not actor.administers():
        return ()
    found = AuditEntry.objects.order_by("-id")
    if not actor.root:
        found = found.filter(Q(group_key__in=actor.group_ids) | Q(domain_key__in=actor.domain_ids))
    if before_id:
        found = found.filter(id__lt=before_id)
    if object_name:
        found = found.filter(object_name=object_name)
    return tuple(rows.audit_row(entry) for entry in found[:limit])
