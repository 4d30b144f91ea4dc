"""Adding, changing and removing persons, their passwords, and the addresses they may post as."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from clement.store import models, names
from clement.store.access import rows, visible
from clement.store.access.actor import Actor
from clement.store.actions.change import (
    ActionForbidden,
    ActionRefused,
    Change,
    check_version,
    checked,
    directory_change,
    require_root,
)
from clement.store.actions.password import password_hash
from clement.store.actions.role import check_a_root_remains, check_may_manage, whose
from clement.store.records import PersonRow, Role


class PersonChange(msgspec.Struct, frozen=True, kw_only=True):
    """What is to change; a field left UNSET stays as it is."""

    enabled: bool | UnsetType = UNSET


def add_person(actor: Actor, login: str, password: str = "") -> PersonRow:
    """Add a person with the role user; without a password he cannot log in yet.

    A login that is an address belongs to the tenant of its domain, and owns the mailbox of that address
    if there is one that nobody owns. Only root adds others. Raises NotFound, ActionRefused.
    """
    hashed = password_hash(password) if password else ""
    with directory_change(actor) as change:
        name = checked("login", names.login_name, login)
        if models.Person.objects.filter(login=name).exists():
            raise ActionRefused("login", f"there is a person {name} already")
        person = models.Person.objects.create(
            login=name, domain=_tenant(actor, name), password_hash=hashed, created_at_s=int(change.at_s)
        )
        models.RoleGrant.objects.create(person=person, role=Role.USER)
        models.Mailbox.objects.filter(address=name, owner=None).update(owner=person)
        return _noted(change, "person.add", person, None)


def change_person(actor: Actor, login: str, wanted: PersonChange, *, version: int | None = None) -> PersonRow:
    """Let a person log in, or not. Raises NotFound, ActionRefused when he is the last root."""
    with directory_change(actor) as change:
        person = visible.one_person(actor, login)
        check_may_manage(actor, person)
        check_version(version, person.version)
        old = rows.person_row(person)
        if wanted.enabled is False:
            check_a_root_remains(models.Person.objects.filter(id=person.id))
        if wanted.enabled is not UNSET:
            person.enabled = wanted.enabled
        person.version += 1
        person.save()
        return _noted(change, "person.change", person, old)


def set_password(actor: Actor, login: str, password: str) -> None:
    """Give a person, or oneself, a new password. Raises NotFound, ActionRefused."""
    hashed = password_hash(password)
    with directory_change(actor) as change:
        person = visible.one_person(actor, login)
        if person.id != actor.person_id:
            check_may_manage(actor, person)
        person.password_hash = hashed
        person.version += 1
        person.save()
        change.note("person.password", person.login, whose(person))


def remove_person(actor: Actor, login: str) -> None:
    """Remove a person; his mailboxes stay, owned by nobody.

    Raises NotFound, ActionRefused for the last root.
    """
    with directory_change(actor) as change:
        person = visible.one_person(actor, login)
        check_may_manage(actor, person)
        check_a_root_remains(models.Person.objects.filter(id=person.id))
        change.note("person.remove", person.login, whose(person), old=rows.person_row(person))
        person.delete()


def allow_send_as(actor: Actor, login: str, pattern: str) -> PersonRow:
    """Let a person post as an address, or as all of `@domain`, of a domain one administers."""
    with directory_change(actor) as change:
        person = visible.one_person(actor, login)
        check_may_manage(actor, person)
        old = rows.person_row(person)
        wanted = _send_as_pattern(pattern)
        domain = visible.one_domain(actor, wanted.rpartition("@")[2])
        models.SendAsGrant.objects.get_or_create(person=person, pattern=wanted, defaults={"domain": domain})
        return _noted(change, "person.allow", person, old)


def forbid_send_as(actor: Actor, login: str, pattern: str) -> PersonRow:
    """Take back what `allow_send_as` gave. Raises NotFound, ActionRefused."""
    with directory_change(actor) as change:
        person = visible.one_person(actor, login)
        check_may_manage(actor, person)
        old = rows.person_row(person)
        wanted = _send_as_pattern(pattern)
        if not models.SendAsGrant.objects.filter(person=person, pattern=wanted).delete()[0]:
            raise ActionRefused("pattern", f"{person.login} was not allowed to post as {wanted}")
        return _noted(change, "person.forbid", person, old)


def _noted(change: Change, action: str, person: models.Person, old: PersonRow | None) -> PersonRow:
    new = rows.person_row(visible.one_person(change.actor, person.login))
    change.note(action, person.login, whose(person), old=old, new=new)
    return new


def _tenant(actor: Actor, login: str) -> models.Domain | None:
    """The hosted domain of a login; a bare name, or an address elsewhere, has none and is root's business."""
    _name, mark, domain_name = login.rpartition("@")
    if not mark:
        require_root(actor, "add a person whose login is no address")
        return None
    if actor.root:
        return models.Domain.objects.filter(name=domain_name).first()
    domain = visible.one_domain(actor, domain_name)
    if not actor.rules_domain(domain.id):
        raise ActionForbidden("login", "only an administrator of the domain may add persons to it")
    return domain


def _send_as_pattern(text: str) -> str:
    wanted = checked("pattern", names.pattern, text)
    if not wanted:
        raise ActionRefused("pattern", "an address or @domain is needed")
    return wanted
