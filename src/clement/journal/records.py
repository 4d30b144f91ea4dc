"""What is written down of a session: the journal's records, and so the log's rows.

Records are values without behaviour. They are encoded once, on the receiver's
side, and decoded once, by the recorder; between the two they are bytes in an
append-only file. Text in them has been bounded and escaped already.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from clement.spool.held_entry import HeldFacts


class Outcome(StrEnum):
    """How a session, a transaction or a recipient fared. held: accepted, and kept apart for its recipient."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    DEFERRED = "deferred"
    NOTHING = "nothing"
    HELD = "held"


class FindingNote(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A finding as it stands in a transcript.

    duration_us: the time its check took. weight: log-odds for unwanted mail.
    """

    check: str
    result: str
    reason: str
    detail: str
    duration_us: int
    weight: float = 0.0


class Exchange(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One command and its reply, with what was found on the way from one to the other.

    at_us: microseconds since the session began; duration_us: until the reply was ready.
    command: escaped, secrets redacted; "" for the greeting; "<content>" for content.
    """

    at_us: int
    duration_us: int
    command: str
    reply: str
    findings: tuple[FindingNote, ...] = ()


class RecipientRecord(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One recipient of a transaction and the answer given for it.

    address: normalised, as looked up; the ids are 0 where nothing hosted here is concerned.
    mailbox_ids: the local mailboxes it stands for, through an alias several.
    next_hop: the server that took or refused it, "" for a local store.
    score: log-odds for unwanted mail. thresholds: those in force, with where each is set; "": not scored.
    """

    address: str
    outcome: Outcome
    reason: str
    reply: str
    group_id: int = 0
    domain_id: int = 0
    mailbox_ids: tuple[int, ...] = ()
    directive_id: int = 0
    next_hop: str = ""
    score: float = 0.0
    thresholds: str = ""


class TransactionRecord(msgspec.Struct, frozen=True, tag="transaction"):
    """One transaction: from MAIL to its end. `id` is the session's id, a hyphen, and a number from 1.

    authenticated_domains: those that SPF of the reverse-path or DKIM has proven, a space between two.
    """

    id: str
    session_id: str
    at_s: float
    reverse_path: str
    outcome: Outcome
    reason: str
    reply: str
    recipients: tuple[RecipientRecord, ...]
    size_bytes: int = 0
    message_id: str = ""
    author: str = ""
    subject: str = ""
    person_id: int = 0
    findings: tuple[FindingNote, ...] = ()
    authenticated_domains: str = ""


class SessionRecord(msgspec.Struct, frozen=True, tag="session"):
    """One session, whatever became of it, with its transcript. `id` sorts by time."""

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
    hello: str = ""
    tls: str = ""
    person_id: int = 0
    login: str = ""
    transaction_count: int = 0
    bytes_received: int = 0
    bytes_sent: int = 0
    transcript: tuple[Exchange, ...] = ()


class RefusalRun(msgspec.Struct, frozen=True, tag="refusals"):
    """Repeated refusals of one client for one reason, counted instead of told one by one.

    The first of the run stands in the log in full under `first_session_id`; `last` is the last one in full,
    and stands nowhere else. `count`: sessions counted here because they are not told singly, `last` among
    them; so those told singly and the counts of all runs add up to the number of sessions.

    client_address: an IPv4 address, or for IPv6 the network: "2001:db8:0:1::/64".

    A running run is written several times under the same `id`, each time with what is known by then. SQL
    keeps the largest: where the id exists and its `count` is smaller, `count`, `last_at_s`, `last` and
    `last_transactions` are replaced; a smaller or equal count, which a replay may bring, changes nothing.
    """

    id: str
    node: str
    client_address: str
    reason: str
    count: int
    first_at_s: float
    last_at_s: float
    first_session_id: str
    last: SessionRecord
    last_transactions: tuple[TransactionRecord, ...] = ()


class GapRecord(msgspec.Struct, frozen=True, tag="gap"):
    """What is missing from the log, and why: the journal had reached its limit, or its disk refused it.

    Each gap has its own id and its own counts; several add up.
    cause: "limit" (the journal may not grow further), "disk" (writing failed), "record" (one that could not
    be encoded or was too large), "thinned" (the oldest were shortened to keep the journal within its limit).
    transcripts: sessions that are told without their transcript; the others are not told at all.
    """

    id: str
    node: str
    cause: str
    first_at_s: float
    last_at_s: float
    transcripts: int = 0
    sessions: int = 0
    refusal_runs: int = 0
    transactions: int = 0


class MeshRecord(msgspec.Struct, frozen=True, tag="mesh"):
    """What a peer of the mesh has handed over, or how it has failed (docs/mesh.md).

    peer: the id of its key. position: of the entry in its log, 0 when it is about no entry.
    assertion: verified; "" when `refusal` says why it was not taken.
    """

    node: str
    at_s: float
    peer: str
    position: int
    hops: int
    assertion: str = ""
    refusal: str = ""

    @property
    def id(self) -> str:
        """What a complaint about this record may call it."""
        return f"mesh-{self.peer}-{self.position}"


class HeldRecord(msgspec.Struct, frozen=True, tag="held"):
    """A message is held.

    SQL is an index of such messages; their files are the truth, from which one that never came here is told.
    """

    facts: HeldFacts

    @property
    def id(self) -> str:
        """That of the entry."""
        return self.facts.id

    @property
    def at_s(self) -> float:
        """Since when it is held, in Unix seconds."""
        return self.facts.at_s


class HeldGone(msgspec.Struct, frozen=True, tag="held-gone"):
    """A receiver has removed a held message: to make room, or because nobody was told of it."""

    id: str
    node: str
    at_s: float


class TeachingRecord(msgspec.Struct, frozen=True, tag="teaching"):
    """A lesson for the learning filter that came about in a session (`clement.policy.lesson.Lesson`).

    id: the transaction's, a slash and a number; each is taken once. actor: who teaches, person_id: his id, 0
    for evidence that nobody has spoken. group_id, domain_id, mailbox_id: whose taste it is.
    """

    id: str
    at_s: float
    actor: str
    way: str
    unwanted: bool
    features: bytes
    extra: tuple[str, ...] = ()
    weight: float = 1.0
    message_id: str = ""
    body_hash: bytes = b""
    transaction_id: str = ""
    person_id: int = 0
    group_id: int = 0
    domain_id: int = 0
    mailbox_id: int = 0


class ReportedMessage(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One message that was attached to a report: by what its reporter and the ledger know it.

    record: the id of its TeachingRecord, "" for one that could not be read.
    """

    author: str
    subject: str
    message_id: str
    record: str = ""
    body_hash: bytes = b""


class ReportRecord(msgspec.Struct, frozen=True, tag="report"):
    """A person has reported messages, and is to be told what was learned of them.

    id: the transaction's; their TeachingRecords come before it. address: his own, to which he is told.
    login: under which he had logged in. message_id: of the report itself. group_id, domain_id, mailbox_id:
    whose taste was taught. left_out: more was attached than is taken.
    """

    id: str
    at_s: float
    person_id: int
    login: str
    address: str
    unwanted: bool
    messages: tuple[ReportedMessage, ...]
    message_id: str = ""
    group_id: int = 0
    domain_id: int = 0
    mailbox_id: int = 0
    left_out: bool = False


Record = (
    TransactionRecord
    | SessionRecord
    | RefusalRun
    | GapRecord
    | MeshRecord
    | HeldRecord
    | HeldGone
    | TeachingRecord
    | ReportRecord
)
