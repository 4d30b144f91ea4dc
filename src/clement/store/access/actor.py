"""The person on whose behalf something is read or changed, with the rights of his roles."""

from __future__ import annotations

import msgspec

from clement.smtp.address import fold_local_part
from clement.store.models import Domain, Mailbox, Person
from clement.store.records import Role


class NotFound(Exception):
    """No such thing, or none that this person may know of; the two are told apart nowhere."""

    def __init__(self, kind: str, name: object) -> None:
        super().__init__(f"no {kind} {name}")
        self.kind = kind
        self.name = str(name)


class Actor(msgspec.Struct, frozen=True):
    """Who acts, from where, with which rights.

    granted_domain_ids: domains named in his grants; domain_ids: those and all domains of his groups.
    origin_address: the client's IP address, "" on the machine itself.
    """

    name: str
    person_id: int = 0
    origin_address: str = ""
    root: bool = False
    group_ids: frozenset[int] = frozenset()
    granted_domain_ids: frozenset[int] = frozenset()
    domain_ids: frozenset[int] = frozenset()
    mailbox_ids: frozenset[int] = frozenset()
    addresses: frozenset[str] = frozenset()

    def rules_group(self, group_id: int | None) -> bool:
        """Whether he administers this group."""
        return self.root or group_id in self.group_ids

    def rules_domain(self, domain_id: int | None) -> bool:
        """Whether he administers this domain, by itself or through its group."""
        return self.root or domain_id in self.domain_ids

    def administers(self) -> bool:
        """Whether he administers anything at all."""
        return self.root or bool(self.group_ids or self.domain_ids)


def shell_actor(name: str) -> Actor:
    """Whoever runs commands on the machine itself and so could read the database's file: the site's root."""
    return Actor(name=name, root=True)


def actor_of(login: str, origin_address: str = "") -> Actor:
    """The enabled person with this login. Raises NotFound when there is none."""
    person = Person.objects.filter(login=fold_local_part(login), enabled=True).first()
    if person is None:
        raise NotFound("person", login)
    grants = list(person.grants.values_list("role", "group_id", "domain_id"))
    group_ids = frozenset(group for role, group, _ in grants if role == Role.GROUP and group is not None)
    named = frozenset(domain for role, _, domain in grants if role == Role.DOMAIN and domain is not None)
    of_groups = (
        Domain.objects.filter(group_id__in=group_ids).values_list("id", flat=True) if group_ids else ()
    )
    own = list(Mailbox.objects.filter(owner=person).values_list("id", "address"))
    return Actor(
        name=person.login,
        person_id=person.id,
        origin_address=origin_address,
        root=any(role == Role.ROOT for role, _, _ in grants),
        group_ids=group_ids,
        granted_domain_ids=named,
        domain_ids=named.union(of_groups),
        mailbox_ids=frozenset(mailbox_id for mailbox_id, _ in own),
        addresses=frozenset(address for _, address in own),
    )
