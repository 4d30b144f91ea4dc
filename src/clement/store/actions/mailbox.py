"""Adding, changing and removing mailboxes, one or ten thousand at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

import msgspec
from django.db.models import Q
from msgspec import UNSET, UnsetType

from clement.store import models, names
from clement.store.access import rows, visible
from clement.store.access.actor import Actor, NotFound
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
from clement.store.actions.group import THRESHOLDS, threshold
from clement.store.records import MailboxRow

AT_ONCE = 400
Progress = Callable[[int, int], None]


class NewMailbox(msgspec.Struct, frozen=True):
    """A mailbox to be added. maildir: "" for the default below the mail root; owner_login: "" for nobody."""

    address: str
    quota_bytes: int = 0
    owner_login: str = ""
    maildir: str = ""


class MailboxChange(msgspec.Struct, frozen=True, kw_only=True):
    """What is to change; a field left UNSET stays as it is. owner_login: "" for nobody.

    tag_at, quarantine_at, refuse_at: scores; 0 for never, None to have the domain's.
    """

    quota_bytes: int | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    owner_login: str | UnsetType = UNSET
    tag_at: float | UnsetType | None = UNSET
    quarantine_at: float | UnsetType | None = UNSET
    refuse_at: float | UnsetType | None = UNSET


def add_mailbox(
    actor: Actor, address: str, *, quota_bytes: int = 0, owner_login: str = "", maildir: str = ""
) -> MailboxRow:
    """Add a mailbox to a domain one administers. Raises NotFound, ActionRefused."""
    wanted = NewMailbox(address, quota_bytes, owner_login, maildir)
    with directory_change(actor) as change:
        return rows.mailbox_row(_add(change, [wanted])[0])


def add_mailboxes(
    actor: Actor, wanted: Sequence[NewMailbox], progress: Progress = lambda _done, _total: None
) -> int:
    """Add many mailboxes, all of them or none; returns how many.

    progress is called with (done, total). Raises NotFound, ActionRefused naming the mailbox at fault.
    """
    done = 0
    with directory_change(actor) as change:
        for some in _in_batches(wanted, AT_ONCE):
            done += len(_add(change, some))
            progress(done, len(wanted))
    return done


def change_mailbox(
    actor: Actor, address: str, wanted: MailboxChange, *, version: int | None = None
) -> MailboxRow:
    """Change a mailbox of a domain one administers, or the thresholds of one's own.

    Raises NotFound, ActionRefused.
    """
    with directory_change(actor) as change:
        only_thresholds = all(
            getattr(wanted, field) is UNSET for field in wanted.__struct_fields__ if field not in THRESHOLDS
        )
        mailbox = visible.one_mailbox(actor, address) if only_thresholds else _one_to_change(actor, address)
        check_version(version, mailbox.version)
        old = rows.mailbox_row(mailbox)
        if wanted.quota_bytes is not UNSET:
            if rows.hands_on(mailbox.domain):
                _check_stores_nothing(wanted.quota_bytes, "")
            mailbox.quota_bytes = _quota(wanted.quota_bytes)
        if wanted.enabled is not UNSET:
            mailbox.enabled = wanted.enabled
        if wanted.owner_login is not UNSET:
            mailbox.owner = _owner(actor, wanted.owner_login)
        for field in THRESHOLDS:
            value = getattr(wanted, field)
            if value is not UNSET:
                setattr(mailbox, field, threshold(field, value))
        mailbox.version += 1
        mailbox.save()
        new = rows.mailbox_row(mailbox)
        change.note("mailbox.change", mailbox.address, tenant_of(mailbox.domain), old=old, new=new)
        return new


def remove_mailbox(actor: Actor, address: str) -> None:
    """Remove a mailbox and the directives of its address; the stored mail stays on disk.

    Raises NotFound, ActionRefused when an alias or a catch-all points to it.
    """
    with directory_change(actor) as change:
        mailbox = _one_to_change(actor, address)
        pointing = placing.pointing_to(mailbox.address)
        if pointing:
            raise ActionRefused("address", f"{pointing} points to it; change that first")
        change.note(
            "mailbox.remove", mailbox.address, tenant_of(mailbox.domain), old=rows.mailbox_row(mailbox)
        )
        models.Directive.objects.filter(address=mailbox.address).delete()
        mailbox.delete()


def _one_to_change(actor: Actor, address: str) -> models.Mailbox:
    mailbox = visible.one_mailbox(actor, address)
    if not actor.rules_domain(mailbox.domain_id):
        raise ActionForbidden("role", "only an administrator of the domain may change a mailbox")
    return mailbox


def _add(change: Change, wanted: Sequence[NewMailbox]) -> list[models.Mailbox]:
    """Check and insert one batch with a handful of queries."""
    addresses = [checked("address", names.mailbox_address, new.address) for new in wanted]
    domains = _domains(change.actor, addresses)
    owners = _owners(change.actor, {new.owner_login for new in wanted if new.owner_login})
    mailboxes = []
    for new, address in zip(wanted, addresses, strict=True):
        domain = domains[address.rpartition("@")[2]]
        if rows.hands_on(domain):
            _check_stores_nothing(new.quota_bytes, new.maildir)
        maildir = checked("maildir", names.maildir_path, new.maildir or names.default_maildir(address))
        mailboxes.append(
            models.Mailbox(
                address=address,
                domain=domain,
                maildir=maildir,
                quota_bytes=_quota(new.quota_bytes),
                owner=owners[new.owner_login] if new.owner_login else None,
                created_at_s=int(change.at_s),
            )
        )
    _check_are_free(addresses)
    _check_folders_are_free([mailbox.maildir for mailbox in mailboxes])
    models.Mailbox.objects.bulk_create(mailboxes)
    added = list(
        models.Mailbox.objects.select_related("domain__group", "owner").filter(address__in=addresses)
    )
    for mailbox in added:
        change.note("mailbox.add", mailbox.address, tenant_of(mailbox.domain), new=rows.mailbox_row(mailbox))
    return added


def _domains(actor: Actor, addresses: Sequence[str]) -> dict[str, models.Domain]:
    wanted = {address.rpartition("@")[2] for address in addresses}
    found = {domain.name: domain for domain in visible.domains(actor).filter(name__in=wanted)}
    for name in sorted(wanted):
        if name not in found:
            raise NotFound("domain", name)
    return found


def _check_stores_nothing(quota_bytes: int, maildir: str) -> None:
    """A mailbox behind a next hop says whose it is and what he wants; where its mail lies is said there."""
    if quota_bytes or maildir:
        raise ActionRefused(
            "maildir" if maildir else "quota_bytes", "the mail of this domain is kept by its next hop"
        )


def _owners(actor: Actor, logins: set[str]) -> dict[str, models.Person]:
    return {login: visible.one_person(actor, login) for login in logins}


def _owner(actor: Actor, login: str) -> models.Person | None:
    return visible.one_person(actor, login) if login else None


def _quota(quota_bytes: int) -> int:
    if not 0 <= quota_bytes < 1 << 62:
        raise ActionRefused("quota_bytes", "a number of bytes, 0 for no limit")
    return quota_bytes


def _check_are_free(addresses: Sequence[str]) -> None:
    twice = _repeated(addresses)
    if twice:
        raise ActionRefused("address", f"{twice} is named twice")
    taken = models.Mailbox.objects.filter(address__in=addresses).first()
    if taken is not None:
        raise ActionRefused("address", f"there is a mailbox {taken.address} already")
    alias = models.Alias.objects.filter(address__in=addresses).first()
    if alias is not None:
        raise ActionRefused("address", f"{alias.address} is an alias; an address is a mailbox or an alias")


def _check_folders_are_free(folders: Sequence[str]) -> None:
    """No mailbox in the folder of another, nor below or above it."""
    above = {folder.rpartition("/")[0] for folder in folders}
    for _step in range(20):
        above |= {parent.rpartition("/")[0] for parent in above}
    above.discard("")
    clash = Q(maildir__in=[*folders, *above])
    unusual = [folder for folder in folders if folder.count("/") != 1]
    for folder in unusual:
        clash |= Q(maildir__startswith=folder + "/")
    taken = models.Mailbox.objects.filter(clash).first()
    twice = _repeated(folders) or next((folder for folder in folders if folder in above), "")
    if taken is not None or twice:
        used = taken.maildir if taken is not None else twice
        raise ActionRefused("maildir", f"the folder {used} belongs to another mailbox")


def _repeated(values: Sequence[str]) -> str:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            return value
        seen.add(value)
    return ""


def _in_batches(wanted: Iterable[NewMailbox], size: int) -> Iterable[list[NewMailbox]]:
    waiting = iter(wanted)
    while batch := list(islice(waiting, size)):
        yield batch
