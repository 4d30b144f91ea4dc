"""Everything a session may ask of the world, in one frozen struct, put together in `clement.cli.wiring`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec

from clement.delivery.holding import Holder, Reconciler
from clement.delivery.transport import Transport
from clement.journal.records import Record, SessionRecord, TransactionRecord
from clement.message.grammar import MessageFacts
from clement.policy.directory import Directory, Local, Relayed
from clement.policy.pipeline import Plan
from clement.policy.ports import Scanner
from clement.policy.score import NEVER, Thresholds
from clement.policy.study import ContentStudy, Unstudied
from clement.server.authentication import Authentication
from clement.server.greylist import Greylist
from clement.server.lesson_desk import LessonDesk
from clement.server.mesh_desk import MeshDesk
from clement.server.splitting import SplitMemory
from clement.server.tagging import UNTAGGED, Tagging
from clement.smtp import Mailbox
from clement.spool.content import Content, ContentWriter
from clement.spool.points import Point
from clement.telemetry.metrics import Series


class DirectoryFeed(Protocol):
    """The directory snapshot, as fresh as it can be had without waiting."""

    @property
    def current(self) -> Directory: ...


class Transports(Protocol):
    """The transport for each kind of route."""

    def for_route(self, route: Local | Relayed) -> Transport: ...


class RecordPort(Protocol):
    """Where records go."""

    def append(self, record: Record) -> None:
        """Take a record; it is written down with the next `flush`."""

    def flush(self) -> bool:
        """Write down what was taken; True: it survives the death of this process. Never raises."""


class ProportionPort(Protocol):
    """Records sessions in proportion: repeated refusals of one client for one reason are counted."""

    def record(self, session: SessionRecord, transactions: Sequence[TransactionRecord] = ()) -> None:
        """Record a session that has ended, with those of its transactions that were not recorded before."""

    def refused(
        self,
        client: str,
        reason: str,
        at_s: float,
        build: Callable[[], tuple[SessionRecord, Sequence[TransactionRecord]]],
    ) -> bool:
        """Record or only count a session that was refused; `build` makes its records if they are wanted."""


class PasswordCheck(Protocol):
    """Says whether a password is that of a hash, off the event loop."""

    async def __call__(self, password_hash: str, password: bytes) -> bool: ...


class Examine(Protocol):
    """Reads the header of a message: at once when that is quick, elsewhere when it may not be."""

    def __call__(self, content: Content) -> MessageFacts | Awaitable[MessageFacts]: ...


class ReadContent(Protocol):
    """Reads a whole content: at once when that is quick and harmless, in a checker when it may not be."""

    def __call__(
        self, content: Content
    ) -> ContentStudy | Unstudied | Awaitable[ContentStudy | Unstudied]: ...


class Clocks(msgspec.Struct, frozen=True):
    """now_s: Unix time, may jump. monotonic_s: for durations and time-outs."""

    now_s: Callable[[], float]
    monotonic_s: Callable[[], float]


class SessionLimits(msgspec.Struct, frozen=True):
    """What the session itself watches; limits of bytes and lines are the protocol core's.

    errors_borne: errors of syntax and sequence before replies come slowly.
    """

    auth_failures: int = 3
    errors_borne: int = 10
    greeting_delay_s: float = 0
    refuse_early_talkers: bool = True
    refuse_unpermitted_pipelining: bool = False


class Services(msgspec.Struct, frozen=True):
    """What a session is given.

    random_bits: gives an integer of that many random bits. authentication: None where nobody is identified.
    holder: keeps what is quarantined; None: nothing can be held, and nothing is (`deciding`).
    read_content: None where no content is read.
    reconciler: knows messages again that their recipients have already; None: nobody does.
    thresholds: scores from which on the site tags, holds and refuses, where nobody narrower says otherwise.
    tagging: how delivered mail is marked.
    """

    hostname: str
    node: str
    postmaster: Mailbox
    own_names: frozenset[str]
    limits: SessionLimits
    plan: Plan
    feed: DirectoryFeed
    transports: Transports
    scanner: Scanner | None
    examine: Examine
    new_content: Callable[[], ContentWriter]
    room_for: Callable[[int], bool]
    splits: SplitMemory
    greylist: Greylist
    journal: RecordPort
    proportion: ProportionPort
    check_password: PasswordCheck
    clocks: Clocks
    random_bits: Callable[[int], int]
    reached: Callable[[Point], None]
    count: Callable[[Series], None]
    flush_soon: Callable[[], None]
    mesh: MeshDesk | None = None
    authentication: Authentication | None = None
    holder: Holder | None = None
    read_content: ReadContent | None = None
    reconciler: Reconciler | None = None
    thresholds: Thresholds = NEVER
    tagging: Tagging = UNTAGGED
    lessons: LessonDesk | None = None
