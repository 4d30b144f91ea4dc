"""Adding, changing and removing directives."""

from __future__ import annotations

from ipaddress import ip_network

import msgspec
from django.db.models import Q, QuerySet
from msgspec import UNSET, UnsetType

from clement.policy.directive import Action, Origin, Scope
from clement.policy.directory import Mode
from clement.store import models, names
from clement.store.access import rows, visible
from clement.store.access.actor import Actor, NotFound
from clement.store.actions.change import (
    ActionForbidden,
    ActionRefused,
    Change,
    Tenant,
    bounded_note,
    check_version,
    checked,
    directory_change,
    tenant_of,
)
from clement.store.records import DirectiveRow, Noted


class NewDirective(msgspec.Struct, frozen=True, kw_only=True):
    """A rule to be added.

    scope_name: "" for the site, else the group's or domain's name or the recipient's address.
    sender_pattern, recipient_pattern: an address, `@domain` (and below), or "" for all.
    client_network: a network like 192.0.2.0/24, or "".  expires_at_s: Unix seconds, 0 for never.
    """

    scope: Scope
    scope_name: str = ""
    action: Action
    sender_pattern: str = ""
    recipient_pattern: str = ""
    client_network: str = ""
    origin: Origin = Origin.HAND
    final: bool = False
    expires_at_s: int = 0
    note: str = ""


class DirectiveChange(msgspec.Struct, frozen=True, kw_only=True):
    """What is to change; a field left UNSET stays as it is.

    Whom a rule is about never changes: remove it and add another.
    """

    action: Action | UnsetType = UNSET
    final: bool | UnsetType = UNSET
    expires_at_s: int | UnsetType = UNSET
    note: str | UnsetType = UNSET


def add_directive(actor: Actor, wanted: NewDirective) -> Noted:
    """Add a rule to a scope one administers; a user adds to his own addresses.

    The notes tell of rules that it overlaps, outlasts or contradicts. Raises NotFound, ActionRefused.
    """
    with directory_change(actor) as change:
        directive = _directive(actor, wanted, int(change.at_s))
        about_the_same = _about_the_same(directive, int(change.at_s))
        same = list(_on_the_same_question(directive, about_the_same))
        for other in same:
            if other.action == directive.action and _lasts_as_long(other, directive):
                raise ActionRefused("sender_pattern", f"directive {other.id} says the same already")
        notes = [_note_beside(directive, other) for other in same] + _notes(directive)
        directive.save(force_insert=True)
        _note_change(change, "directive.add", directive, None)
        return Noted(id=directive.id, notes=tuple(notes))


def change_directive(
    actor: Actor, directive_id: int, wanted: DirectiveChange, *, version: int | None = None
) -> DirectiveRow:
    """Change a rule of a scope one administers. Raises NotFound, ActionRefused."""
    with directory_change(actor) as change:
        directive = visible.one_directive(actor, directive_id)
        check_version(version, directive.version)
        old = rows.directive_row(directive)
        if wanted.action is not UNSET:
            directive.action = wanted.action
        if wanted.final is not UNSET:
            directive.final = _final(Scope(directive.scope), final=wanted.final)
        if wanted.expires_at_s is not UNSET:
            directive.expires_at_s = _expiry(wanted.expires_at_s)
        if wanted.note is not UNSET:
            directive.note = bounded_note(wanted.note)
        directive.version += 1
        # Not the hit count: the recorder adds to it meanwhile.
        directive.save(update_fields=["action", "final", "expires_at_s", "note", "version"])
        return _note_change(change, "directive.change", directive, old)


def remove_directive(actor: Actor, directive_id: int) -> None:
    """Remove a rule of a scope one administers. Raises NotFound."""
    with directory_change(actor) as change:
        directive = visible.one_directive(actor, directive_id)
        old = rows.directive_row(directive)
        change.note("directive.remove", _title(directive), _whose(directive), old=old)
        directive.delete()


def _directive(actor: Actor, wanted: NewDirective, now_s: int) -> models.Directive:
    sender = checked("sender_pattern", names.pattern, wanted.sender_pattern)
    recipient = checked("recipient_pattern", names.pattern, wanted.recipient_pattern)
    directive = models.Directive(
        scope=wanted.scope,
        action=wanted.action,
        sender_pattern=sender,
        recipient_pattern=recipient,
        client_network=checked("client_network", _network, wanted.client_network),
        origin=wanted.origin,
        final=_final(wanted.scope, final=wanted.final),
        expires_at_s=_expiry(wanted.expires_at_s),
        note=bounded_note(wanted.note),
        created_by=actor.name[:320],
        created_at_s=now_s,
    )
    _set_scope(actor, directive, wanted)
    if not (sender or recipient or wanted.client_network) and wanted.scope is Scope.SITE:
        raise ActionRefused(
            "sender_pattern", "a rule of the site about everybody would stop or open everything"
        )
    return directive


def _set_scope(actor: Actor, directive: models.Directive, wanted: NewDirective) -> None:
    match wanted.scope:
        case Scope.SITE:
            if not actor.root:
                raise ActionForbidden("scope", "only a root-admin may add a rule for the whole site")
        case Scope.GROUP:
            directive.group = visible.one_group(actor, wanted.scope_name)
        case Scope.DOMAIN:
            directive.domain = visible.one_domain(actor, wanted.scope_name)
        case Scope.USER:
            directive.address = checked("scope_name", names.mailbox_address, wanted.scope_name)
            directive.domain = _domain_of_address(actor, directive.address)


def _domain_of_address(actor: Actor, address: str) -> models.Domain:
    """The domain of an address that is the actor's own, or in a domain he administers."""
    domain = models.Domain.objects.select_related("group").filter(name=address.rpartition("@")[2]).first()
    if domain is None or not (actor.rules_domain(domain.id) or address in actor.addresses):
        raise NotFound("mailbox", address)
    return domain


def _network(text: str) -> str:
    return str(ip_network(text.strip())) if text.strip() else ""


def _final(scope: Scope, *, final: bool) -> bool:
    if final and scope is Scope.USER:
        raise ActionRefused("final", "nothing is narrower than a user's rule, so it cannot be final")
    return final


def _expiry(expires_at_s: int) -> int:
    if not 0 <= expires_at_s < 1 << 62:
        raise ActionRefused("expires_at_s", "Unix seconds, or 0 for never")
    return expires_at_s


def _about_the_same(directive: models.Directive, now_s: int) -> QuerySet[models.Directive]:
    """Those that have not ended: what has says nothing any more."""
    return models.Directive.objects.filter(
        Q(expires_at_s=0) | Q(expires_at_s__gt=now_s),
        scope=directive.scope,
        group=directive.group,
        domain=directive.domain,
        address=directive.address,
        sender_pattern=directive.sender_pattern,
        recipient_pattern=directive.recipient_pattern,
        client_network=directive.client_network,
    )


def _on_the_same_question(
    directive: models.Directive, found: QuerySet[models.Directive]
) -> QuerySet[models.Directive]:
    """Those that compete with it: to spare the delay of greylisting is a question of its own."""
    if directive.action == Action.SKIP_GREYLISTING:
        return found.filter(action=Action.SKIP_GREYLISTING)
    return found.exclude(action=Action.SKIP_GREYLISTING)


def _lasts_as_long(other: models.Directive, directive: models.Directive) -> bool:
    """Whether the other ends no sooner."""
    return not other.expires_at_s or 0 < directive.expires_at_s <= other.expires_at_s


def _note_beside(directive: models.Directive, other: models.Directive) -> str:
    """What there is to say of another that is about the same."""
    if other.action == directive.action:
        return f"outlasts directive {other.id}, which says the same"
    return f"contradicts directive {other.id}; of equals, the stricter wins"


def _notes(directive: models.Directive) -> list[str]:
    """What its author may not have thought of."""
    notes = []
    if directive.address and not _is_known(directive):
        notes.append(f"there is no mailbox or alias {directive.address}")
    if directive.action == Action.ACCEPT and directive.sender_pattern and not directive.client_network:
        notes.append(
            "holds only for mail whose sender is authenticated (SPF or DKIM), since names can be forged"
        )
    if directive.sender_pattern.rpartition("@")[0]:
        domain_pattern = "@" + directive.sender_pattern.rpartition("@")[2]
        found = models.Directive.objects.filter(
            scope=directive.scope,
            group=directive.group,
            domain=directive.domain,
            address=directive.address,
            sender_pattern=domain_pattern,
        )
        wider = _on_the_same_question(directive, found).first()
        if wider is not None:
            said = f"directive {wider.id} ({wider.action} {domain_pattern})"
            notes.append(f"is more specific than {said} and wins over it")
    return notes


def _is_known(directive: models.Directive) -> bool:
    """Whether the address of a user's rule is one that gets mail, as far as that is known here."""
    domain = directive.domain
    if domain is None or domain.group.mode == Mode.RELAY:
        return True
    address = directive.address
    return bool(domain.catch_all) or any(
        kind.objects.filter(address=address).exists() for kind in (models.Mailbox, models.Alias)
    )


def _note_change(
    change: Change, action: str, directive: models.Directive, old: DirectiveRow | None
) -> DirectiveRow:
    new = rows.directive_row(directive)
    change.note(action, _title(directive), _whose(directive), old=old, new=new)
    return new


def _title(directive: models.Directive) -> str:
    return f"directive {directive.id}"


def _whose(directive: models.Directive) -> Tenant:
    if directive.domain is not None:
        return tenant_of(directive.domain)
    return Tenant(group_id=directive.group_id or 0)
