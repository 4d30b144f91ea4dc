"""The tables. Only `clement.store` imports this; everybody else gets records and snapshots."""

from clement.store.models.audit import AuditEntry
from clement.store.models.content_rule import ContentRule
from clement.store.models.digest import DigestKey, DigestPlan, DigestTurn
from clement.store.models.directive import Directive
from clement.store.models.domain import Domain
from clement.store.models.group import Group, NextHop
from clement.store.models.held import HeldMessage, HeldRecipient
from clement.store.models.learning import (
    Learning,
    ModelChunk,
    ModelHolder,
    ModelSnapshot,
    TeachingAct,
    TeachingReport,
)
from clement.store.models.log import (
    JournalPosition,
    LogGap,
    Recipient,
    RecipientMailbox,
    RefusalRun,
    Session,
    Transaction,
)
from clement.store.models.mailbox import Alias, AliasTarget, Mailbox
from clement.store.models.mesh import MeshClock, MeshEntry, MeshEvent, MeshPeer
from clement.store.models.network import ClientNetwork
from clement.store.models.person import Person, RoleGrant, SendAsGrant
from clement.store.models.reputation import (
    Correction,
    ForeignAssertion,
    ListChange,
    Pardon,
    Reputation,
    ReputationQueue,
    ServerListEntry,
)
from clement.store.models.version import DirectoryVersion

__all__ = [
    "Alias",
    "AliasTarget",
    "AuditEntry",
    "ClientNetwork",
    "ContentRule",
    "Correction",
    "DigestKey",
    "DigestPlan",
    "DigestTurn",
    "Directive",
    "DirectoryVersion",
    "Domain",
    "ForeignAssertion",
    "Group",
    "HeldMessage",
    "HeldRecipient",
    "JournalPosition",
    "Learning",
    "ListChange",
    "LogGap",
    "Mailbox",
    "MeshClock",
    "MeshEntry",
    "MeshEvent",
    "MeshPeer",
    "ModelChunk",
    "ModelHolder",
    "ModelSnapshot",
    "NextHop",
    "Pardon",
    "Person",
    "Recipient",
    "RecipientMailbox",
    "RefusalRun",
    "Reputation",
    "ReputationQueue",
    "RoleGrant",
    "SendAsGrant",
    "ServerListEntry",
    "Session",
    "TeachingAct",
    "TeachingReport",
    "Transaction",
]
