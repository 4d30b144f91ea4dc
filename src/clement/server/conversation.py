"""One SMTP session above the protocol core: each event is judged, answered and noted; no socket is known.

The core owns syntax and sequence, `policy` owns what things are worth; this file
is the table that brings an event to the one that answers it. An answer that has
to wait for somebody is returned as an awaitable; the connection reads no further
events before it is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic_ns
from typing import Any, ClassVar, Final

from clement.journal.records import Outcome
from clement.policy import signs
from clement.policy.decide import decide_early
from clement.policy.facts import TransactionFacts
from clement.policy.finding import Finding
from clement.policy.pipeline import Observations, gather
from clement.policy.reason import Reason
from clement.policy.verdict import Accept, Verdict
from clement.policy.wording import reply_to
from clement.server.answering import CONTENT_LINE
from clement.server.authentication import identity_of
from clement.server.judgement import answers
from clement.server.login import Login
from clement.server.mesh_session import told
from clement.server.recipients import Judged
from clement.server.session_log import outcome_of
from clement.server.transaction import MailTransaction
from clement.server.watched import WatchedSession
from clement.smtp import Reply, events, replies
from clement.spool.points import Point
from clement.telemetry import metrics


class Conversation(WatchedSession):
    """Everything said in one session, from the greeting to the record of it."""

    __slots__ = ()

    def open(self) -> Awaitable[None] | None:
        """Judge the client's address and greet it."""
        try:
            found = gather(self._services.plan.connect, self._facts, self._services.plan.budget_s)
        except Exception as fault:  # noqa: BLE001 - an own fault before the greeting is a 421
            self._own_fault(fault)
            return None
        silence_s = self._silence_s()
        if silence_s:
            return self._guarded(self._greet_after_silence(found, silence_s))
        if isinstance(found, list):
            self._greet(found)
            return None
        return self._guarded(self._greet_later(found))

    def take(self, event: events.Event) -> Awaitable[None] | None:
        """Deal with one event. An awaitable: it is being dealt with, and no further event may come before."""
        self._event_ns = monotonic_ns()
        try:
            waiting = self._HANDLERS[event.__class__](self, event)
        except Exception as fault:  # noqa: BLE001 - here and in `_guarded` our own fault becomes a 451
            self._own_fault(fault)
            return None
        return None if waiting is None else self._guarded(waiting)

    def _may_be_accepted(self) -> bool:
        """Whether some recipient's directive could still accept this client."""
        return self._facts.directory.directives.may_accept(self._facts.client, self._facts.now_s)

    # --- CONNECT, HELO ----------------------------------------------------------------------------------

    async def _greet_later(self, found: Awaitable[Observations]) -> None:
        self._greet(await found)

    async def _greet_after_silence(
        self, found: Observations | Awaitable[Observations], silence_s: float
    ) -> None:
        until_s = asyncio.get_running_loop().time() + silence_s
        if not isinstance(found, list):
            found = await found
        # Whoever is refused anyway need not be waited for.
        if isinstance(self._early_verdict(found, []), Accept):
            await self._listen(until_s)
        self._greet(found)

    def _greet(self, found: Observations) -> None:
        found = self._with_early_talk(found)
        self._evidence["connect"] = found
        verdict = self._early_verdict(found, self._adverse)
        if isinstance(verdict, Accept):
            reply = self._door.greeting
        else:
            self._log.mark(outcome_of(verdict), verdict.reason)
            reply = reply_to(verdict, self.id)
        self._note(b"", reply, found)
        self.core.greet(reply)

    def _early_verdict(self, found: Observations, adverse: list[Finding]) -> Verdict:
        if found:
            adverse += [each.finding for each in found if each.finding.reason is not None]
        if not adverse:
            return _ACCEPTED
        return decide_early(adverse, a_directive_may_accept=self._may_be_accepted())

    def _on_hello(self, event: events.Hello) -> Awaitable[None] | None:
        if self._facts.hello and self.core.patience.is_lost_idling():
            self._answer(event.line, replies.TOO_MANY_IDLE_COMMANDS)
            return None
        self._facts.hello = event.domain
        found = gather(self._services.plan.hello, self._facts, self._services.plan.budget_s)
        if isinstance(found, list):
            self._hello_found(event, found)
            return None
        return self._hello_later(event, found)

    async def _hello_later(self, event: events.Hello, found: Awaitable[Observations]) -> None:
        self._hello_found(event, await found)

    def _hello_found(self, event: events.Hello, found: Observations) -> None:
        # A new HELO takes the place of the one before, and so do its findings.
        kept = [finding for finding in self._adverse if finding.check != "hello"]
        self._adverse = kept
        self._evidence["hello"] = found
        verdict = self._early_verdict(found, kept)
        if isinstance(verdict, Accept):
            self._drop_transaction()
            self._answer(event.line, replies.HELLO, found)
        else:
            self._refuse(event.line, verdict, found)

    # --- MAIL, RCPT -------------------------------------------------------------------------------------

    def _on_mail(self, event: events.MailRequested) -> Awaitable[None] | None:
        self._transaction = None
        # A long session sees what has changed meanwhile, but never within one transaction.
        if self._facts.see(self._services.feed.current, self._services.clocks.now_s()):
            self._log.mark(Outcome.DEFERRED, Reason.LOGIN_ENDED)
            self._answer(event.line, replies.AUTH_ENDED)
            return None
        excess = self._message_too_many(event.reverse_path)
        if excess is not None:
            self._log.mark(Outcome.DEFERRED, Reason.TOO_FAST)
            self._answer(
                event.line, excess.reply(self.id), (signs.sign(signs.RATE, str(excess), Reason.TOO_FAST),)
            )
            return None
        size_bytes = event.parameters.size_bytes or 0
        if not self._services.room_for(size_bytes):
            self._log.mark(Outcome.DEFERRED, Reason.STORAGE_FULL)
            self._answer(event.line, replies.STORAGE_FULL)
            return None
        identity = identity_of(self._services.authentication, self._facts, event.reverse_path)
        facts = TransactionFacts(self._facts, event.reverse_path, size_bytes, identity)
        found = gather(self._services.plan.mail, facts, self._services.plan.budget_s)
        if isinstance(found, list):
            self._mail_found(event, facts, found)
            return None
        return self._mail_later(event, facts, found)

    async def _mail_later(
        self, event: events.MailRequested, facts: TransactionFacts, found: Awaitable[Observations]
    ) -> None:
        self._mail_found(event, facts, await found)

    def _mail_found(self, event: events.MailRequested, facts: TransactionFacts, found: Observations) -> None:
        adverse = list(self._adverse)
        verdict = self._early_verdict(found, adverse)
        if not isinstance(verdict, Accept):
            self._refuse(event.line, verdict, found)
            return
        transaction_id = f"{self.id}-{len(self._log.transactions) + 1}"
        self._evidence["mail"] = found
        evidence = [each.finding for stage in self._evidence.values() for each in stage]
        self._transaction = MailTransaction(
            self._services, self.core, facts, adverse, transaction_id, evidence
        )
        self._log.transactions.append(self._transaction.notes)
        self._answer(event.line, replies.REVERSE_PATH_OK, found)

    def _on_recipient(self, event: events.RecipientRequested) -> Awaitable[None] | None:
        excess = self._dictionary()
        if excess is not None:
            return self._end_dictionary(event.line, excess)
        judged = self._current().answer_recipient(event)
        if isinstance(judged, Judged):
            return self._recipient_judged(event, judged)
        return self._recipient_later(event, judged)

    async def _recipient_later(self, event: events.RecipientRequested, judged: Awaitable[Judged]) -> None:
        holding = self._recipient_judged(event, await judged)
        if holding is not None:
            await holding

    def _recipient_judged(self, event: events.RecipientRequested, judged: Judged) -> Awaitable[None] | None:
        recipient, found = judged.recipient, judged.observations
        if recipient.accepted:
            found = [*found, *self._within_budget(recipient)]
        if recipient.accepted:
            self._answer(event.line, recipient.reply, found)
            return None
        self._log.mark(outcome_of(recipient.verdict), recipient.verdict.reason)
        self._answer(event.line, recipient.reply, found)
        return self._note_unknown() if recipient.is_unknown else None

    def _current(self) -> MailTransaction:
        """The transaction that the core knows to be under way."""
        if self._transaction is None:
            raise RuntimeError("the core speaks of a transaction that was never begun")
        return self._transaction

    # --- DATA, CONTENT ----------------------------------------------------------------------------------

    def _on_content_requested(self, event: events.ContentRequested) -> None:
        self._current().begin_content()
        self._answer(event.line, replies.START_CONTENT)

    def _on_chunk(self, event: events.ContentChunk) -> Awaitable[None] | None:
        return self._current().take(event.data)

    def _on_aborted(self, event: events.ContentAborted) -> None:
        self._note(CONTENT_LINE, None)
        self._drop_transaction()

    async def _on_content_ended(self, event: events.ContentEnded) -> None:
        """Judge and place it, write the record of what was accepted, then say it."""
        transaction = self._current()
        judgement = await transaction.finish(event)
        recipients = judgement.recipients
        outcomes = set()
        for recipient in recipients:
            outcome = outcome_of(recipient.verdict)
            outcomes.add(outcome)
            self._log.mark(outcome, recipient.verdict.reason)
            self._services.count(metrics.RECIPIENTS[outcome])
        if Outcome.ACCEPTED in outcomes or Outcome.HELD in outcomes:
            self._record_before_reply(transaction.notes)
        if Outcome.ACCEPTED in outcomes:
            self._admission.rates.accepted(self.client)
        each_has_a_reply = transaction.each_has_a_reply
        self._transaction = None
        self._services.reached(Point.REPLY_BEFORE)
        self.owes_reply = True
        sent = self.core.answer(answers(recipients, each_has_a_reply=each_has_a_reply))
        self._note(CONTENT_LINE, sent, judgement.observations)
        transaction.learn(judgement)

    def _on_auth(self, event: events.AuthRequested) -> Awaitable[None] | None:
        return self._auth_step(
            event, self._logging_in().begin(event.mechanism, event.initial_response, *self._login_state())
        )

    def _on_auth_answer(self, event: events.AuthAnswered) -> Awaitable[None] | None:
        return self._auth_step(event, self._logging_in().go_on(event.response, *self._login_state()))

    def _logging_in(self) -> Login:
        """The logins of this session, from the first on; most sessions have none."""
        if self._login is None:
            services = self._services
            self._login = Login(
                services.check_password,
                self._admission.login_budget,
                self.client.key,
                services.limits.auth_failures,
            )
        return self._login

    def _login_state(self) -> tuple[Any, float]:
        return self._services.feed.current, self._services.clocks.now_s()

    def _auth_step(
        self, event: events.CommandEvent, reply: Reply | Awaitable[Reply]
    ) -> Awaitable[None] | None:
        if isinstance(reply, Reply):
            self._auth_answered(event, reply)
            return None
        return self._auth_later(event, reply)

    async def _auth_later(self, event: events.CommandEvent, reply: Awaitable[Reply]) -> None:
        self._auth_answered(event, await reply)

    def _auth_answered(self, event: events.CommandEvent, reply: Reply) -> None:
        self._facts.person = self._logging_in().person
        if reply.is_permanent or reply.closes:
            self._log.mark(Outcome.REFUSED, Reason.LOGIN_FAILED)
        self._answer(event.line, reply)

    def _on_mesh(self, event: events.MeshRequested) -> None:
        mesh = self._mesh
        reply = replies.COMMAND_UNKNOWN if mesh is None else mesh.answer(event.argument)
        self._note(event.line, told(self.core.answer(reply)))

    def _on_tls(self, event: events.TlsRequested) -> None:
        self._drop_transaction()
        self._answer(event.line, replies.TLS_READY)

    def _on_answered(self, event: events.Answered) -> Awaitable[None] | None:
        if event.reply.is_positive:
            self._note(event.line, event.reply)
            return None
        if event.reply is replies.TOO_MANY_ERRORS:
            self._log.mark(Outcome.REFUSED, Reason.TOO_MANY_ERRORS)
        elif event.reply is replies.TOO_MANY_RECIPIENTS:
            self._log.mark(Outcome.DEFERRED, Reason.TOO_MANY_RECIPIENTS)
        elif event.reply.is_permanent and self._log.outcome is Outcome.NOTHING:
            self._log.mark(Outcome.REFUSED, Reason.PROTOCOL_ERROR)
        return self._error_answered(event)

    def _on_reset(self, event: events.Reset) -> None:
        self._drop_transaction()
        self._note(event.line, event.reply)

    def _on_quit(self, event: events.Quit) -> None:
        self.quit = True
        self._note(event.line, event.reply)

    _HANDLERS: ClassVar[dict[type[events.Event], Callable[[Conversation, Any], Awaitable[None] | None]]] = {
        events.Hello: _on_hello,
        events.MailRequested: _on_mail,
        events.RecipientRequested: _on_recipient,
        events.ContentRequested: _on_content_requested,
        events.ContentChunk: _on_chunk,
        events.ContentEnded: _on_content_ended,
        events.ContentAborted: _on_aborted,
        events.AuthRequested: _on_auth,
        events.AuthAnswered: _on_auth_answer,
        events.TlsRequested: _on_tls,
        events.MeshRequested: _on_mesh,
        events.Reset: _on_reset,
        events.Answered: _on_answered,
        events.Noop: _on_answered,
        events.Help: _on_answered,
        events.Verify: _on_answered,
        events.Quit: _on_quit,
    }


_ACCEPTED: Final = Accept(Reason.ACCEPTED)
