"""What the store hands out: frozen values, never model instances.

They are named …Row because they show rows to a person; the journal's records,
which become rows of the log, and the directory's values, which a receiver
works with, are other types on purpose.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from clement.journal.records import Exchange, FindingNote, Outcome
from clement.policy.content_rule import Field, RuleAction
from clement.policy.directive import Action, Origin, Scope
from clement.policy.directory import GroupPolicy, Mode, NextHop, Storage
from clement.policy.network import Standing


class Role(StrEnum):
    """What a person may do; see house rules of `clement.store.access`."""

    ROOT = "root"
    GROUP = "group"
    DOMAIN = "domain"
    USER = "user"


class GrantRow(msgspec.Struct, frozen=True):
    """A role, and the name of the group or domain it is for ("" for root and user)."""

    role: Role
    object_name: str = ""


class GroupRow(msgspec.Struct, frozen=True):
    """A group with its policy. `version` rises with each change (optimistic locking)."""

    id: int
    name: str
    mode: Mode
    storage: Storage
    next_hops: tuple[NextHop, ...]
    policy: GroupPolicy
    domain_count: int
    version: int


class DomainRow(msgspec.Struct, frozen=True):
    """A hosted domain. policy: the settings in which it says otherwise than its group."""

    id: int
    name: str
    group_name: str
    mode: Mode
    enabled: bool
    catch_all: str
    subaddress_separator: str
    mailbox_count: int
    version: int
    policy: dict[str, Any] = {}


class MailboxRow(msgspec.Struct, frozen=True):
    """A mailbox. `owner_login` is "" when nobody owns it. Thresholds: None where the domain's hold.

    maildir: "" where its mail is kept by a next hop.
    """

    id: int
    address: str
    domain_name: str
    maildir: str
    quota_bytes: int
    enabled: bool
    owner_login: str
    version: int
    tag_at: float | None = None
    quarantine_at: float | None = None
    refuse_at: float | None = None


class AliasRow(msgspec.Struct, frozen=True):
    """An alias and the addresses it stands for."""

    id: int
    address: str
    domain_name: str
    targets: tuple[str, ...]
    version: int


class PersonRow(msgspec.Struct, frozen=True):
    """A person. `mailboxes` are the addresses owned, `send_as` what was granted beyond them."""

    id: int
    login: str
    enabled: bool
    grants: tuple[GrantRow, ...]
    mailboxes: tuple[str, ...]
    send_as: tuple[str, ...]
    has_password: bool
    version: int


class DirectiveRow(msgspec.Struct, frozen=True):
    """A directive with its provenance. `scope_name` is "", the group's or domain's name, or the address.

    Times are Unix seconds, 0 for never.
    """

    id: int
    scope: Scope
    scope_name: str
    action: Action
    sender_pattern: str
    recipient_pattern: str
    client_network: str
    origin: Origin
    final: bool
    expires_at_s: int
    note: str
    hit_count: int
    last_hit_at_s: int
    created_by: str
    created_at_s: int
    version: int


class ContentRuleRow(msgspec.Struct, frozen=True):
    """A rule about content. `scope_name` is "" or the group's or domain's name; times are Unix seconds."""

    id: int
    scope: Scope
    scope_name: str
    name: str
    field: Field
    header_name: str
    pattern: str
    action: RuleAction
    weight: float
    enabled: bool
    expires_at_s: int
    note: str
    created_by: str
    created_at_s: int
    version: int


class NetworkRow(msgspec.Struct, frozen=True):
    """A client network, in canonical text. `expires_at_s` is Unix seconds, 0 for never."""

    id: int
    network: str
    standing: Standing
    note: str
    final: bool
    expires_at_s: int
    version: int


class AuditRow(msgspec.Struct, frozen=True):
    """One change of the directory. `old` and `new` are JSON objects as text, "" where there was nothing."""

    id: int
    at_s: float
    actor: str
    origin_address: str
    action: str
    object_name: str
    old: str
    new: str


class Noted(msgspec.Struct, frozen=True):
    """What an action made, and what the person should know about it (overlapping rules, say)."""

    id: int
    notes: tuple[str, ...] = ()


class SessionRow(msgspec.Struct, frozen=True):
    """A session as one line of the log."""

    id: str
    node: str
    service: str
    started_at_s: float
    duration_us: int
    client_address: str
    client_port: int
    outcome: Outcome
    reason: str
    ending: str
    hello: str
    tls: str
    login: str
    transaction_count: int
    bytes_received: int
    bytes_sent: int


class RecipientRow(msgspec.Struct, frozen=True):
    """A recipient as one line of the log, with what identifies its message. thresholds: "": not scored."""

    transaction_id: str
    session_id: str
    position: int
    at_s: float
    address: str
    outcome: Outcome
    reason: str
    reply: str
    next_hop: str
    directive_id: int
    reverse_path: str
    message_id: str
    author: str
    subject: str
    size_bytes: int
    score: float = 0.0
    thresholds: str = ""


class TransactionRow(msgspec.Struct, frozen=True):
    """A transaction. `recipients` are only those that the person who asked may see."""

    id: str
    session_id: str
    at_s: float
    reverse_path: str
    outcome: Outcome
    reason: str
    reply: str
    recipient_count: int
    size_bytes: int
    message_id: str
    author: str
    subject: str
    findings: tuple[FindingNote, ...] = ()
    recipients: tuple[RecipientRow, ...] = ()


class SessionStory(msgspec.Struct, frozen=True):
    """A whole session: the line, the annotated transcript, the transactions.

    session: None where its record is not in the log: a session is recorded when it ends, a transaction before
    its reply. `redacted` is True when something was left out because it concerns others.
    """

    session: SessionRow | None
    transcript: tuple[Exchange, ...]
    transactions: tuple[TransactionRow, ...]
    redacted: bool = False


class RefusalRunRow(msgspec.Struct, frozen=True):
    """Repeated refusals of one client for one reason."""

    id: str
    node: str
    client_address: str
    reason: str
    count: int
    first_at_s: float
    last_at_s: float
    first_session_id: str
    last_session_id: str


class LogGapRow(msgspec.Struct, frozen=True):
    """What is missing from the log, and why; see `clement.journal.records.GapRecord`."""

    id: str
    node: str
    cause: str
    first_at_s: float
    last_at_s: float
    transcripts: int
    sessions: int
    refusal_runs: int
    transactions: int
