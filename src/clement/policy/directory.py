"""The directory snapshot: who is hosted here, as an immutable value.

A receiver never waits for SQL. It reads a `Directory`, built from SQL by `clement.store` and replaced as a
whole when its version changes; so every answer of one session can come from one consistent state. This
module knows the shape of that value and how to look things up in it; it does not know where it comes from.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import StrEnum

import msgspec

from clement.policy.alias_reach import reached
from clement.policy.content_rule import ContentRule
from clement.policy.directive import Directive, DirectiveIndex
from clement.policy.likeness import LikenessIndex
from clement.policy.network import ClientNetwork, ListedServer, NetworkIndex
from clement.policy.overrides import overridden
from clement.policy.reputation import Reputation, ReputationIndex
from clement.policy.rule_book import RuleBook
from clement.policy.subaddress import candidates
from clement.smtp.address import fold_local_part


class Mode(StrEnum):
    """What a group does with accepted mail."""

    STORE = "store"
    RELAY = "relay"


class Storage(StrEnum):
    """How a group in mode *store* stores."""

    MAILDIR = "maildir"
    LMTP = "lmtp"


class Wire(StrEnum):
    """The protocol spoken with a next hop."""

    SMTP = "smtp"
    LMTP = "lmtp"


class TlsUse(StrEnum):
    """TLS towards a next hop: never, where offered (unverified), or required and verified."""

    NEVER = "never"
    OFFERED = "offered"
    REQUIRED = "required"


class Fallback(StrEnum):
    """What becomes of mail that something speaks against."""

    DEFER = "defer"
    REFUSE = "refuse"
    ACCEPT = "accept"
    QUARANTINE = "quarantine"


class Greylisting(StrEnum):
    """Which strangers a group asks to come back: none, those whose mail is in doubt, all unknown ones."""

    OFF = "off"
    DOUBTFUL = "doubtful"
    ALL = "all"


class NextHop(msgspec.Struct, frozen=True):
    """A server that takes mail from us. `host` is a name, an address, or the path of a Unix socket (LMTP)."""

    host: str
    port: int = 25
    priority: int = 10
    wire: Wire = Wire.SMTP
    tls: TlsUse = TlsUse.OFFERED


class GroupPolicy(msgspec.Struct, frozen=True):
    """What a group decides for all its domains, unless one of them says otherwise (`Domain.policy`)."""

    size_limit_bytes: int = 50 * 1024 * 1024
    scan_content: bool = True
    scanner_unavailable: Fallback = Fallback.DEFER
    unscannable: Fallback = Fallback.REFUSE
    verify_recipients: bool = True
    unresolvable_sender: Fallback = Fallback.DEFER
    implausible_hello: Fallback = Fallback.ACCEPT
    bare_line_endings: Fallback = Fallback.REFUSE
    spf_fail: Fallback = Fallback.ACCEPT
    spf_permerror: Fallback = Fallback.ACCEPT
    dmarc_reject: Fallback = Fallback.REFUSE
    dmarc_quarantine: Fallback = Fallback.ACCEPT
    unverified_reverse_name: Fallback = Fallback.ACCEPT
    dns_listed: Fallback = Fallback.REFUSE
    greylisting: Greylisting = Greylisting.OFF
    # Less than the 300 s after which Postfix first tries again: its first retry must not come too early.
    greylisting_delay_s: int = 240
    greylisting_window_s: int = 2 * 24 * 3600
    read_content: bool = True
    impersonation: Fallback = Fallback.ACCEPT
    link_listed: Fallback = Fallback.REFUSE
    # Scores (log-odds) from which on mail is tagged, held, refused; 0: never; None: as the site has it.
    tag_at: float | None = None
    quarantine_at: float | None = None
    refuse_at: float | None = None
    keep_refused_days: int = 0
    executable_attachment: Fallback = Fallback.REFUSE
    script_attachment: Fallback = Fallback.REFUSE
    macro_document: Fallback = Fallback.ACCEPT
    disk_image: Fallback = Fallback.REFUSE
    active_page: Fallback = Fallback.ACCEPT
    encrypted_archive: Fallback = Fallback.ACCEPT
    unreadable_archive: Fallback = Fallback.REFUSE
    disguised_attachment: Fallback = Fallback.REFUSE
    unreadable_content: Fallback = Fallback.REFUSE
    # Shell patterns with blanks between them, such as `*.pst`.
    refused_attachment_names: str = ""
    # Before the subject of mail from tag_at on; "": as the site has it; "none": nothing.
    subject_prefix: str = ""


class Group(msgspec.Struct, frozen=True):
    """A set of domains under one administration and one policy."""

    id: int
    name: str
    mode: Mode
    storage: Storage = Storage.MAILDIR
    next_hops: tuple[NextHop, ...] = ()
    policy: GroupPolicy = GroupPolicy()

    @property
    def hands_on(self) -> bool:
        """Whether mail for addresses that are neither mailboxes nor aliases here goes to a next hop."""
        return self.mode is Mode.RELAY or self.storage is Storage.LMTP


class Domain(msgspec.Struct, frozen=True):
    """A hosted domain. `name` is the lower-case A-label form (RFC 5890 §2.3.2.1).

    policy: what it says otherwise than its group, see `overrides`; "" for nothing.
    """

    id: int
    name: str
    group_id: int
    catch_all: str = ""
    subaddress_separator: str = "+"
    policy: str = ""


class LocalMailbox(msgspec.Struct, frozen=True):
    """A mailbox stored here. `maildir` is relative to the mail root and was fixed when it was created.

    In a domain that is handed on it is behind the next hop, and has neither folder nor quota here.
    tag_at, quarantine_at, refuse_at: as in `GroupPolicy`; None: as its domain has it.
    """

    id: int
    address: str
    maildir: str
    quota_bytes: int = 0
    person_id: int | None = None
    tag_at: float | None = None
    quarantine_at: float | None = None
    refuse_at: float | None = None

    @property
    def thresholds(self) -> tuple[float | None, float | None, float | None]:
        """Scores from which on its mail is tagged, held, refused; None: as the domain has it."""
        return self.tag_at, self.quarantine_at, self.refuse_at


class Alias(msgspec.Struct, frozen=True):
    """An address that stands for others. Targets are normalised `local@domain` keys of hosted domains."""

    address: str
    targets: tuple[str, ...]


class Person(msgspec.Struct, frozen=True):
    """Somebody who may log in to post mail.

    `may_send_as` holds addresses and, for a whole domain, `@domain`.
    """

    id: int
    login: str
    password_hash: str
    may_send_as: frozenset[str] = frozenset()


class Local(msgspec.Struct, frozen=True):
    """Route: stored here, in one mailbox or (through an alias) in several."""

    group: Group
    domain: Domain
    mailboxes: tuple[LocalMailbox, ...]

    @property
    def user(self) -> str:
        """The address of the one mailbox that mail goes to; "" when there are several."""
        return self.mailboxes[0].address if len(self.mailboxes) == 1 else ""


class Relayed(msgspec.Struct, frozen=True):
    """Route: handed to the group's next hop under the given address (itself, or what an alias made of it).

    mailboxes: the one that it stands for there, where it is known here.
    """

    group: Group
    domain: Domain
    address: str
    mailboxes: tuple[LocalMailbox, ...] = ()

    @property
    def user(self) -> str:
        """The address of the mailbox that mail goes to; "" when it is not known here."""
        return self.mailboxes[0].address if self.mailboxes else ""


class Unknown(msgspec.Struct, frozen=True):
    """Route: the domain is ours, the mailbox does not exist."""

    group: Group
    domain: Domain


class Foreign(msgspec.Struct, frozen=True):
    """Route: the domain is not hosted here."""

    domain_name: str


class Unplaceable(msgspec.Struct, frozen=True):
    """Route: an alias whose targets loop, or that no single transport can place."""

    group: Group
    domain: Domain


Route = Local | Relayed | Unknown | Foreign | Unplaceable


class DirectoryContents(msgspec.Struct, frozen=True):
    """Everything in a directory, as it is written to a file and read back (`directory_codec`)."""

    version: int = 0
    groups: tuple[Group, ...] = ()
    domains: tuple[Domain, ...] = ()
    mailboxes: tuple[LocalMailbox, ...] = ()
    aliases: tuple[Alias, ...] = ()
    persons: tuple[Person, ...] = ()
    directives: tuple[Directive, ...] = ()
    networks: tuple[ClientNetwork, ...] = ()
    servers: tuple[ListedServer, ...] = ()
    reputations: tuple[Reputation, ...] = ()
    content_rules: tuple[ContentRule, ...] = ()


def with_policy_of(group: Group, domain: Domain) -> Group:
    """A group as it is for one of its domains."""
    policy = overridden(group.policy, domain.policy)
    return group if policy is group.policy else msgspec.structs.replace(group, policy=policy)


class Directory:
    """One immutable state of everything a receiver must know. Look-ups never block and never fail."""

    __slots__ = (
        "_aliases", "_behind", "_domains", "_group_by_domain", "_groups", "_mailboxes", "_persons", "alike",
        "contents", "directives", "greylists", "networks", "reputation", "rules",
    )  # fmt: skip

    def __init__(self, contents: DirectoryContents | None = None) -> None:
        contents = contents or DirectoryContents()
        self.contents = contents
        self._groups = {group.id: group for group in contents.groups}
        self._domains = {domain.name: domain for domain in contents.domains}
        self._group_by_domain = {
            domain.name: with_policy_of(self._groups[domain.group_id], domain)
            for domain in contents.domains
            if domain.group_id in self._groups
        }
        handed_on = {name for name, group in self._group_by_domain.items() if group.hands_on}
        self._mailboxes: dict[str, LocalMailbox] = {}
        self._behind: dict[str, LocalMailbox] = {}
        for mailbox in contents.mailboxes:
            known = self._behind if mailbox.address.rpartition("@")[2] in handed_on else self._mailboxes
            known[mailbox.address] = mailbox
        self._aliases = {alias.address: alias for alias in contents.aliases}
        self._persons = {person.login: person for person in contents.persons}
        self.directives = DirectiveIndex(contents.directives)
        self.greylists = any(
            group.policy.greylisting is not Greylisting.OFF
            for group in (*contents.groups, *self._group_by_domain.values())
        )
        """Whether any group or domain asks strangers to come back."""
        self.networks = NetworkIndex(contents.networks, contents.servers)
        self.reputation = ReputationIndex(contents.reputations)
        self.alike = LikenessIndex(self._domains)
        self.rules = RuleBook(contents.content_rules)

    @property
    def version(self) -> int:
        """Rises with every change of the directory."""
        return self.contents.version

    def domain(self, name: str) -> Domain | None:
        """The hosted domain of exactly this (normalised) name; a sub-domain is another domain."""
        return self._domains.get(name)

    def group_of(self, domain: Domain) -> Group:
        """The group that a domain belongs to, with the policy that holds for this domain."""
        return self._group_by_domain[domain.name]

    def person(self, login: str) -> Person | None:
        """The person with this login (an address, or a bare name), in any case and normal form."""
        return self._persons.get(fold_local_part(login))

    def knows_address(self, address: str) -> bool:
        """Whether this (lower-case) address is a mailbox or an alias here, or somebody's login."""
        known = (self._mailboxes, self._behind, self._aliases, self._persons)
        return any(address in some for some in known)

    def stored_mailboxes(self) -> Collection[LocalMailbox]:
        """The mailboxes whose mail lies here."""
        return self._mailboxes.values()

    def domain_names(self) -> tuple[str, ...]:
        """All hosted domain names."""
        return tuple(self._domains)

    def route(self, local_part: str, domain_name: str) -> Route:
        """Where mail for `local_part@domain_name` goes.

        The local part is looked up without regard to case and normal form, as every mailbox
        here is made (RFC 5321 §2.4 leaves its meaning to the hosting domain).
        """
        domain = self._domains.get(domain_name)
        if domain is None:
            return Foreign(domain_name)
        group = self._group_by_domain[domain_name]
        mailbox = self._mailboxes.get(f"{local_part.lower()}@{domain_name}")
        if mailbox is not None:
            return Local(group, domain, (mailbox,))
        return self._route_indirectly(group, domain, local_part)

    def _route_indirectly(self, group: Group, domain: Domain, local_part: str) -> Route:
        known_as = candidates(local_part, domain.name, domain.subaddress_separator)
        for address in known_as:
            if address in self._aliases or address in self._mailboxes:
                return self._place(group, domain, address)
        if group.hands_on:
            known = [self._behind[address] for address in known_as if address in self._behind]
            return Relayed(group, domain, f"{local_part}@{domain.name}", tuple(known[:1]))
        if domain.catch_all:
            return self._place(group, domain, domain.catch_all)
        return Unknown(group, domain)

    def _place(self, group: Group, domain: Domain, address: str) -> Route:
        finals = reached(address, self._targets_of)
        return Unplaceable(group, domain) if finals is None else self._end(group, domain, finals)

    def _targets_of(self, address: str) -> Sequence[str] | None:
        alias = None if address in self._mailboxes else self._aliases.get(address)
        return None if alias is None else alias.targets

    def _end(self, group: Group, domain: Domain, finals: Sequence[str]) -> Route:
        """The one transport that can take mail for all of these addresses, if there is one.

        An address that leads nowhere spoils the whole: nobody it was meant for is left out in silence.
        """
        mailboxes = [self._mailboxes[address] for address in finals if address in self._mailboxes]
        if mailboxes and len(mailboxes) == len(finals):
            return Local(group, domain, tuple(mailboxes))
        relayed = self._next_hop_for(finals[0]) if len(finals) == 1 else None
        return relayed or Unplaceable(group, domain)

    def _next_hop_for(self, address: str) -> Relayed | None:
        domain = self._domains.get(address.rpartition("@")[2])
        if domain is None:
            return None
        group = self._group_by_domain[domain.name]
        known = self._behind.get(address)
        return Relayed(group, domain, address, (known,) if known else ()) if group.hands_on else None
