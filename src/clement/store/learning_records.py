"""What the store hands out of teaching and of the learning filter's snapshots: frozen values."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from clement.policy.lesson import Way
from clement.store.digest_records import DigestPlanInForce


class ActState(StrEnum):
    """How far a lesson has come.

    PENDING: not in the model yet. LEARNED: in it. UNDOING: taken back, and still in it. UNDONE: taken back.
    """

    PENDING = "pending"
    LEARNED = "learned"
    UNDOING = "undoing"
    UNDONE = "undone"


class Taught(msgspec.Struct, frozen=True):
    """What became of a lesson. is_new: False when the same had been taught before, as act `act_id`."""

    act_id: int
    is_new: bool


class ActRow(msgspec.Struct, frozen=True, kw_only=True):
    """One act of teaching. about: the mailbox or domain whose taste it was, "" for the site's."""

    id: int
    at_s: float
    actor: str
    way: Way
    unwanted: bool
    about: str
    weight: float
    message_id: str
    transaction_id: str
    state: ActState
    learned_in: int
    undone_at_s: float
    undone_by: str


class ReportedAct(msgspec.Struct, frozen=True):
    """An act that a report has given. person_id: whose report it was."""

    row: ActRow
    person_id: int


class StoredLesson(msgspec.Struct, frozen=True, kw_only=True):
    """A lesson as the trainer takes it."""

    act_id: int
    features: bytes
    extra: tuple[str, ...]
    scopes: tuple[str, ...]
    unwanted: bool
    weight: float
    learned_in: int
    imported: bool


class SnapshotRow(msgspec.Struct, frozen=True):
    """A version of the model. size_bytes, sha256: of its file. acts: lessons in it."""

    version: int
    at_s: float
    size_bytes: int
    sha256: str
    acts: int


class HolderRow(msgspec.Struct, frozen=True):
    """A node and the version it has."""

    node: str
    version: int
    at_s: float


class LearningStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Where learning stands.

    wanted, unwanted: lessons in the model, by class. pending, undoing: what waits.
    """

    wanted: int
    unwanted: int
    pending: int
    undoing: int
    version: int
    steward: str
    snapshot: SnapshotRow | None
    nodes: tuple[HolderRow, ...]


class ReportState(StrEnum):
    """How far telling a reporter has come. SKIPPED: he was told too often of late, or could not be told."""

    WAITING = "waiting"
    TOLD = "told"
    SKIPPED = "skipped"


class ReportOutcome(StrEnum):
    """What became of one reported message. BEFORE: the same had been taught. LIMIT: not learned for it."""

    LEARNED = "learned"
    BEFORE = "before"
    UNREADABLE = "unreadable"
    LIMIT = "limit"


class ReportItem(msgspec.Struct, frozen=True):
    """One reported message. act_id: the lesson that it is, or was before; 0: none. act: its record's id."""

    author: str
    subject: str
    outcome: ReportOutcome
    act_id: int = 0
    act: str = ""


class DueReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A report whose reporter is to be told. plan: that of his digests, for its language and time zone."""

    id: str
    at_s: float
    login: str
    address: str
    unwanted: bool
    message_id: str
    items: tuple[ReportItem, ...]
    left_out: bool
    failures: int
    plan: DigestPlanInForce
