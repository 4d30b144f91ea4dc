"""Adding, changing and removing aliases."""

from __future__ import annotations

from collections.abc import Sequence

from clement.store import models, names
from clement.store.access import rows, visible
from clement.store.access.actor import Actor
from clement.store.actions import placing
from clement.store.actions.change import (
    ActionRefused,
    Change,
    check_version,
    checked,
    directory_change,
    tenant_of,
)
from clement.store.records import AliasRow


def add_alias(actor: Actor, address: str, targets: Sequence[str]) -> AliasRow:
    """Let an address of a domain one administers stand for others that are hosted here.

    Raises NotFound, ActionRefused (unknown target, loop, more than one transport).
    """
    with directory_change(actor) as change:
        local_part, domain_name = checked("address", names.split_address, address)
        domain = visible.one_domain(actor, domain_name)
        alias = models.Alias(address=f"{local_part}@{domain_name}", domain=domain)
        _check_is_free(alias.address)
        final = _final_targets(actor, alias.address, targets)
        alias.save(force_insert=True)
        _replace_targets(alias, final)
        return _noted(change, "alias.add", alias, None)


def change_alias(
    actor: Actor, address: str, targets: Sequence[str], *, version: int | None = None
) -> AliasRow:
    """Give an alias other targets. Raises NotFound, ActionRefused."""
    with directory_change(actor) as change:
        alias = visible.one_alias(actor, address)
        check_version(version, alias.version)
        old = rows.alias_row(alias)
        final = _final_targets(actor, alias.address, targets)
        alias.version += 1
        alias.save()
        _replace_targets(alias, final)
        return _noted(change, "alias.change", alias, old)


def remove_alias(actor: Actor, address: str) -> None:
    """Remove an alias. Raises NotFound, ActionRefused when another alias or a catch-all points to it."""
    with directory_change(actor) as change:
        alias = visible.one_alias(actor, address)
        pointing = placing.pointing_to(alias.address)
        if pointing:
            raise ActionRefused("address", f"{pointing} points to it; change that first")
        change.note("alias.remove", alias.address, tenant_of(alias.domain), old=rows.alias_row(alias))
        alias.delete()


def _noted(change: Change, action: str, alias: models.Alias, old: AliasRow | None) -> AliasRow:
    new = rows.alias_row(visible.one_alias(change.actor, alias.address))
    change.note(action, alias.address, tenant_of(alias.domain), old=old, new=new)
    return new


def _check_is_free(address: str) -> None:
    if models.Mailbox.objects.filter(address=address).exists():
        raise ActionRefused("address", f"{address} is a mailbox; an address is a mailbox or an alias")
    if models.Alias.objects.filter(address=address).exists():
        raise ActionRefused("address", f"there is an alias {address} already")


def _final_targets(actor: Actor, address: str, targets: Sequence[str]) -> tuple[str, ...]:
    """The targets in stored form, each once and in order."""
    final = tuple(dict.fromkeys(checked("targets", names.mailbox_address, target) for target in targets))
    if not final:
        raise ActionRefused("targets", "an alias needs a target")
    if len(final) > placing.MAX_TARGETS:
        raise ActionRefused("targets", f"at most {placing.MAX_TARGETS} targets")
    placing.check_alias(actor, address, final)
    return final


def _replace_targets(alias: models.Alias, targets: tuple[str, ...]) -> None:
    models.AliasTarget.objects.filter(alias=alias).delete()
    models.AliasTarget.objects.bulk_create(
        models.AliasTarget(alias=alias, position=position, address=target)
        for position, target in enumerate(targets)
    )
