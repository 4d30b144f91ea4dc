"""How a session answers and what it remembers: notes, replies, own faults, and the record at the end.

What is answered to which event stands in `conversation`.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Sequence
from functools import partial
from time import monotonic_ns
from typing import Final

from clement.journal.records import Outcome, SessionRecord, TransactionRecord
from clement.policy import signs
from clement.policy.facts import SessionFacts
from clement.policy.finding import Finding, Observation
from clement.policy.reason import Reason
from clement.policy.verdict import Defer, Drop, Verdict
from clement.policy.wording import reply_to
from clement.server.admission import Admission
from clement.server.checking import CheckerFailure
from clement.server.identity import session_id
from clement.server.login import Login
from clement.server.mesh_session import MeshSession
from clement.server.pause import Pause
from clement.server.peer import Client, Door
from clement.server.rates import Excess
from clement.server.services import Services
from clement.server.session_log import SessionLog, TransactionNotes, outcome_of, transaction_record
from clement.server.transaction import MailTransaction
from clement.smtp import Reply, ServerSession, State, events, replies
from clement.spool.failure import StorageFailure, StorageFull
from clement.spool.points import Point
from clement.telemetry import events as log_events
from clement.telemetry import metrics
from clement.telemetry.log import Log

log = Log("server")

CONTENT_LINE: Final = b"<content>"
"""Stands in the transcript for the content, which is no command."""

_TAKEN: Final = frozenset({Outcome.ACCEPTED, Outcome.HELD})


class AnsweringSession(ABC):
    """One session: what it is given, what it has said so far, and the transaction under way."""

    __slots__ = (
        "_admission",
        "_adverse",
        "_began_ns",
        "_door",
        "_event_ns",
        "_evidence",
        "_facts",
        "_held_s",
        "_log",
        "_login",
        "_mesh",
        "_pause",
        "_services",
        "_spoke_early",
        "_spoke_out_of_turn",
        "_tls",
        "_transaction",
        "_tried_too_many",
        "_went_on",
        "bytes_received",
        "bytes_sent",
        "client",
        "core",
        "held",
        "overdue",
        "owes_reply",
        "quit",
    )

    def __init__(
        self, services: Services, door: Door, core: ServerSession, client: Client, admission: Admission
    ) -> None:
        now_s = services.clocks.now_s()
        directory = services.feed.current
        networks = directory.networks
        self._services = services
        self._door = door
        self.core = core
        self.client = client
        self._facts = SessionFacts(
            client.address,
            client.text,
            door.service,
            directory,
            now_s,
            services.own_names,
            networks.relaying(client.address, now_s),
            networks.reputation(client.address, now_s),
            called=client.called,
        )
        self._began_ns = self._event_ns = monotonic_ns()
        self._log = SessionLog(session_id(now_s, services.random_bits), now_s, self._began_ns)
        self._login: Login | None = None
        self._mesh = self._mesh_session()
        self._admission = admission
        self._adverse: list[Finding] = []
        self._evidence: dict[str, Sequence[Observation]] = {}
        """All that was found, by stage: what speaks for the mail as well as what speaks against it."""
        self._transaction: MailTransaction | None = None
        self._tls = ""
        self._pause: Pause | None = None
        """The wait before the greeting, or in the tarpit, while it lasts."""
        self._held_s = 0.0
        self._tried_too_many: Excess | None = None
        self._spoke_early = self._spoke_out_of_turn = self._went_on = False
        """Signs that were told already."""
        self.held = False
        """True while our replies are kept back from the client."""
        self.bytes_received = 0
        self.bytes_sent = 0
        self.owes_reply = self.quit = False
        self.overdue = False
        """Set before an answer that took too long is cancelled: the client is told 451."""

    def _mesh_session(self) -> MeshSession | None:
        """The mesh is offered where TLS is possible, to clients that come from where a peer may call from."""
        desk, certificate = self._services.mesh, self._door.certificate
        if desk is None or not certificate or not desk.roster.calling_from(self.client.address):
            return None
        self.core.offer_mesh()
        return MeshSession(desk, self.client.address, certificate)

    @property
    def id(self) -> str:
        """The session's id, shown in replies and in the log."""
        return self._log.id

    @property
    def committing(self) -> bool:
        """True while a delivery is being made final; the conversation must not be cancelled then."""
        return self._transaction is not None and self._transaction.committing

    def reply_is_out(self) -> None:
        """The reply to content has been handed to the connection."""
        self.owes_reply = False
        self._services.reached(Point.REPLY_AFTER)

    def tls_established(self, version: str, cipher: str) -> None:
        """The handshake is done; what the client said before it no longer counts (RFC 3207 §4.2)."""
        self._tls = f"{version} {cipher}"
        self._facts.tls = True

    def say(self, reply: Reply, reason: Reason) -> None:
        """Something the shell says by itself: a time-out, a shutdown."""
        self._log.mark(Outcome.DEFERRED if reply.is_transient else Outcome.REFUSED, reason)
        self._note(b"", reply)

    def end(self, ending: str) -> None:
        """The connection is gone: record the session, in full or as one more of its kind."""
        self._drop_transaction()
        if self._mesh is not None:
            self._mesh.end()
        duration_us = (monotonic_ns() - self._began_ns) // 1000
        build = partial(self._build_records, ending, duration_us)
        proportion = self._services.proportion
        self._services.count(metrics.SESSIONS[self._log.outcome])
        if self._log.outcome in _TAKEN:
            proportion.record(*build())
        else:
            # Also what ended in nothing: connecting and leaving again makes a flood as well.
            now_s = self._services.clocks.now_s()
            if proportion.refused(self.client.key, self._log.reason, now_s, build):
                return
        self._services.flush_soon()

    def _build_records(
        self, ending: str, duration_us: int
    ) -> tuple[SessionRecord, Sequence[TransactionRecord]]:
        session = self._log.session_record(
            self._facts,
            node=self._services.node,
            service=self._door.label,
            client_port=self.client.port,
            duration_us=duration_us,
            ending=ending,
            tls=self._tls,
            bytes_received=self.bytes_received,
            bytes_sent=self.bytes_sent,
        )
        return session, self._log.unrecorded()

    def _note(self, line: bytes, reply: Reply | None, found: Sequence[Observation] = ()) -> None:
        if self.core.out_of_turn:
            found = self._out_of_turn(found)
        self._log.transcript.note(self._event_ns, monotonic_ns(), line, reply, found)

    @abstractmethod
    def _out_of_turn(self, found: Sequence[Observation]) -> Sequence[Observation]:
        """What was found, and that the client did not wait for our reply."""

    def _answer(self, line: bytes, reply: Reply, found: Sequence[Observation] = ()) -> None:
        sent = self.core.answer(reply)
        if sent is replies.TOO_MANY_ERRORS:
            self._log.mark(Outcome.REFUSED, Reason.TOO_MANY_ERRORS)
            found = [*found, signs.sign(signs.ERRORS, "too many refusals", Reason.TOO_MANY_ERRORS)]
        self._note(line, sent, found)

    def _refuse(self, line: bytes, verdict: Verdict, found: Sequence[Observation]) -> None:
        """A refusal before any recipient: nothing said later can change it."""
        self._log.mark(outcome_of(verdict), verdict.reason)
        reply = reply_to(verdict, self.id)
        self._answer(line, reply.and_close() if isinstance(verdict, Drop) else reply, found)

    async def _guarded(self, waiting: Awaitable[None]) -> None:
        try:
            await waiting
        except asyncio.CancelledError:
            if not self.overdue:
                raise
            self._own_fault(TimeoutError("the answer took too long"))
        except Exception as fault:  # noqa: BLE001 - here and in `take` our own fault becomes a 451
            self._own_fault(fault)
        finally:
            self.overdue = False

    def _own_fault(self, fault: Exception) -> None:
        """Our own fault answers 4xx with a generic text; only a decision answers 5xx."""
        reply, reason = _own_fault_answer(fault)
        self._tell(fault)
        self._log.mark(Outcome.DEFERRED, reason)
        pending = self.core.awaiting_answer
        if pending is None:
            if self.core.state is State.CONNECTED:
                self.core.terminate(replies.SERVICE_UNAVAILABLE)
            return
        self._note(getattr(pending, "line", CONTENT_LINE), reply)
        if self._transaction is not None and isinstance(pending, events.ContentEnded):
            self._transaction.fail(Defer(reason), reply)
            self._drop_transaction()
        self.core.answer(reply)

    def _tell(self, fault: Exception) -> None:
        pace, kind = self._admission.fault_pace, _kind_of(fault)
        if pace.due(kind):
            log.error(
                log_events.SESSION_FAULT,
                session=self.id,
                fault=repr(fault)[:500],
                held_back=pace.held_back(kind),
                exc_info=_unexpected(fault),
            )

    def _record_before_reply(self, notes: TransactionNotes) -> None:
        """The message is placed: a journal that cannot be written loses a log row, never the acceptance."""
        self._services.reached(Point.JOURNAL_BEFORE)
        self._services.journal.append(transaction_record(notes, self.id, completed=True))
        self._services.journal.flush()
        notes.recorded = True
        self._services.reached(Point.JOURNAL_AFTER)

    def _drop_transaction(self) -> None:
        if self._transaction is not None:
            self._transaction.abandon()
            self._transaction = None


def _own_fault_answer(fault: Exception) -> tuple[Reply, Reason]:
    if isinstance(fault, StorageFull):
        return replies.STORAGE_FULL, Reason.STORAGE_FULL
    if isinstance(fault, CheckerFailure):
        return replies.CHECK_UNAVAILABLE, Reason.CHECK_FAILED
    return replies.LOCAL_ERROR, Reason.OWN_FAULT


def _kind_of(fault: Exception) -> str:
    """Faults of one type from one line of code are one kind."""
    place = fault.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place is not None else ""
    return f"{type(fault).__name__} {where}"


def _unexpected(fault: Exception) -> bool:
    """Whether a stack trace would tell anything; a full disk explains itself."""
    return not isinstance(fault, StorageFailure | TimeoutError | CheckerFailure)
