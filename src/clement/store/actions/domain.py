"""Adding, changing and removing hosted domains."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from django.db.models import Q
from msgspec import UNSET, UnsetType

from clement.policy.directory import GroupPolicy, Mode
from clement.policy.overrides import GROUP_ONLY, SettingUnusable, overridden, said_in, setting, written
from clement.store import models, names
from clement.store.access import rows, visible
from clement.store.access.actor import Actor
from clement.store.actions import placing
from clement.store.actions.change import (
    ActionForbidden,
    ActionRefused,
    Change,
    check_version,
    checked,
    directory_change,
    tenant_of,
)
from clement.store.actions.group import check_policy
from clement.store.actions.role import check_a_root_remains
from clement.store.records import DomainRow

SEPARATORS = "+-_=#."
LONGEST_POLICY = 4000


class DomainChange(msgspec.Struct, frozen=True, kw_only=True):
    """What is to change; a field left UNSET stays as it is."""

    enabled: bool | UnsetType = UNSET
    catch_all: str | UnsetType = UNSET
    subaddress_separator: str | UnsetType = UNSET
    policy: Mapping[str, object] | UnsetType = UNSET
    """Settings in which it shall say otherwise than its group, None to have the group's again."""


def add_domain(
    actor: Actor, name: str, group_name: str, *, catch_all: str = "", subaddress_separator: str = "+"
) -> DomainRow:
    """Host a domain in a group one administers. Raises NotFound, ActionRefused."""
    with directory_change(actor) as change:
        group = visible.one_group(actor, group_name)
        domain = models.Domain(name=checked("name", names.domain_name, name), group=group)
        _check_is_free(domain.name, group)
        if not actor.root:
            _check_belongs_to_no_other_group(domain.name, group)
        domain.subaddress_separator = _separator(subaddress_separator)
        domain.save(force_insert=True)
        domain.catch_all = _catch_all(actor, domain, catch_all)
        domain.save(update_fields=["catch_all"])
        return _noted(change, "domain.add", domain, None)


def change_domain(actor: Actor, name: str, wanted: DomainChange, *, version: int | None = None) -> DomainRow:
    """Change a domain one administers. Raises NotFound, ActionRefused."""
    with directory_change(actor) as change:
        domain = visible.one_domain(actor, name)
        check_version(version, domain.version)
        old = rows.domain_row(domain)
        if wanted.enabled is not UNSET:
            domain.enabled = wanted.enabled
        if wanted.subaddress_separator is not UNSET:
            domain.subaddress_separator = _separator(wanted.subaddress_separator)
        if wanted.catch_all is not UNSET:
            domain.catch_all = _catch_all(actor, domain, wanted.catch_all)
        if wanted.policy is not UNSET:
            domain.policy = _policy(actor, domain, wanted.policy)
        domain.version += 1
        domain.save()
        return _noted(change, "domain.change", domain, old)


def remove_domain(actor: Actor, name: str, *, with_mailboxes: bool = False) -> None:
    """Stop hosting a domain; the stored mail stays on disk.

    with_mailboxes: its mailboxes, aliases and persons go too; otherwise there must be none.
    Only an administrator of the group may do it. Raises NotFound, ActionRefused.
    """
    with directory_change(actor) as change:
        domain = visible.one_domain(actor, name)
        if not actor.rules_group(domain.group_id):
            raise ActionForbidden("role", "only an administrator of the group may remove a domain")
        _check_is_unused(domain, with_mailboxes=with_mailboxes)
        change.note("domain.remove", domain.name, tenant_of(domain), old=rows.domain_row(domain))
        check_a_root_remains(models.Person.objects.filter(domain=domain))
        domain.delete()


def _noted(change: Change, action: str, domain: models.Domain, old: DomainRow | None) -> DomainRow:
    new = (
        rows.domain_row(domain)
        if old is None
        else msgspec.structs.replace(rows.domain_row(domain), mailbox_count=old.mailbox_count)
    )
    change.note(action, domain.name, tenant_of(domain), old=old, new=new)
    return new


def _check_is_free(name: str, group: models.Group) -> None:
    taken = models.Domain.objects.filter(name=name).first()
    if taken is not None:
        # Whose it is concerns only those who see that group.
        where = "hosted by this group already" if taken.group_id == group.id else "hosted by another group"
        raise ActionRefused("name", f"{name} is {where}; a domain belongs to one group")


def _check_belongs_to_no_other_group(name: str, group: models.Group) -> None:
    """A domain below or above another group's is a way to take its mail: only root may say it is right."""
    labels = name.split(".")
    above = [".".join(labels[start:]) for start in range(1, len(labels))]
    related = models.Domain.objects.filter(Q(name__in=above) | Q(name__endswith="." + name))
    if related.exclude(group=group).exists():
        raise ActionForbidden("name", f"{name} is related to a domain of another group; only root may add it")


def _separator(text: str) -> str:
    if len(text) > 1 or (text and text not in SEPARATORS):
        raise ActionRefused("subaddress_separator", f"one of {SEPARATORS} or nothing")
    return text


def _policy(actor: Actor, domain: models.Domain, wanted: Mapping[str, object]) -> str:
    """What the domain says otherwise, field by field, as it is stored."""
    said = dict(said_in(GroupPolicy, domain.policy))
    for name, value in wanted.items():
        if name not in GroupPolicy.__struct_fields__:
            raise ActionRefused("policy", f"there is no setting {name}")
        if name in GROUP_ONLY and not actor.rules_group(domain.group_id):
            raise ActionForbidden(name, "only an administrator of the group may set it for a domain")
        if value is None:
            said.pop(name, None)
            continue
        try:
            said[name] = setting(GroupPolicy, name, value)
        except SettingUnusable as fault:
            raise ActionRefused(name, str(fault)) from fault
    text = written(said)
    if len(text) > LONGEST_POLICY:
        raise ActionRefused("policy", "more settings than one domain can have")
    check_policy(overridden(rows.policy_of(domain.group), text))
    return text


def _catch_all(actor: Actor, domain: models.Domain, text: str) -> str:
    if not text:
        return ""
    if domain.group.mode == Mode.RELAY:
        raise ActionRefused("catch_all", "a relaying group asks its next hop about every recipient")
    address = checked("catch_all", names.mailbox_address, text)
    placing.check_target(actor, "catch_all", address)
    return address


def _check_is_unused(domain: models.Domain, *, with_mailboxes: bool) -> None:
    pointing = models.AliasTarget.objects.filter(address__endswith="@" + domain.name).exclude(
        alias__domain=domain
    )
    first = pointing.select_related("alias").first()
    if first is not None:
        raise ActionRefused("name", f"the alias {first.alias.address} of another domain points here")
    other = models.Domain.objects.filter(catch_all__endswith="@" + domain.name).exclude(id=domain.id).first()
    if other is not None:
        raise ActionRefused("name", f"the catch-all of {other.name} points here")
    in_use = domain.mailboxes.exists() or domain.aliases.exists() or domain.persons.exists()
    if in_use and not with_mailboxes:
        raise ActionRefused(
            "with_mailboxes",
            "needed, since the domain has mailboxes, aliases or persons: say that they go too",
        )
