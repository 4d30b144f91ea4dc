"""One mail transaction, from an accepted MAIL to its end: recipients, content, and what became of both."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from clement.delivery.transport import Envelope
from clement.message.trace import Passage, protocol_name, received_field
from clement.policy.facts import TransactionFacts
from clement.policy.finding import Finding
from clement.policy.verdict import Verdict
from clement.server.intake import Intake
from clement.server.judgement import Judgement, settle_all
from clement.server.lesson_desk import Heard
from clement.server.recipients import Judged, Recipient, RecipientDesk
from clement.server.services import Services
from clement.server.session_log import TransactionNotes
from clement.smtp import Reply, ServerSession, Service, events


class MailTransaction:
    """The transaction under way. `core` is asked for what the client declared; it is not answered here."""

    __slots__ = (
        "_adverse",
        "_core",
        "_desk",
        "_evidence",
        "_facts",
        "_intake",
        "_services",
        "committing",
        "notes",
    )

    def __init__(
        self,
        services: Services,
        core: ServerSession,
        facts: TransactionFacts,
        adverse: list[Finding],
        transaction_id: str,
        evidence: Sequence[Finding] = (),
    ) -> None:
        self._services = services
        self._core = core
        self._facts = facts
        self._adverse = adverse
        self._evidence = evidence
        self._desk = RecipientDesk(services, facts, adverse, transaction_id, evidence)
        self._intake: Intake | None = None
        self.committing = False
        person = facts.session.person
        self.notes = TransactionNotes(
            transaction_id,
            services.clocks.now_s(),
            facts.reverse_path,
            self._desk.recipients,
            person.id if person is not None else 0,
        )

    def answer_recipient(self, event: events.RecipientRequested) -> Judged | Awaitable[Judged]:
        """Judge one RCPT; at once when nothing has to be asked of anyone."""
        return self._desk.answer(event, each_has_a_reply=self.each_has_a_reply)

    @property
    def each_has_a_reply(self) -> bool:
        """LMTP or PRDR: after the content, one reply for each recipient."""
        transaction = self._core.transaction
        return transaction is not None and transaction.per_recipient

    def begin_content(self) -> None:
        """The client may send content."""
        delivered = [each for each in self._desk.accepted() if each.reports_unwanted is None]
        wanted = any(recipient.policy().scan_content for recipient in delivered)
        self._intake = Intake(self._services.new_content(), self._services.scanner if wanted else None)

    def take(self, chunk: bytes) -> Awaitable[None] | None:
        """A piece of content; an awaitable when no more should be read before it is done."""
        return self._content().take(chunk)

    def _content(self) -> Intake:
        if self._intake is None:
            raise RuntimeError("content without DATA")
        return self._intake

    def abandon(self) -> None:
        """There will be no more content. Safe at any time and twice."""
        if self._intake is not None:
            self._intake.discard()
            self._intake = None
        if self._facts.identity is not None:
            self._facts.identity.give_up()

    async def finish(self, event: events.ContentEnded) -> Judgement:
        """Judge and place the whole; afterwards every recipient is settled.

        Raises StorageFailure when the content could not be kept.
        """
        intake = self._content()
        judgement = self._judgement(self._desk.accepted())
        self.notes.size_bytes = event.size_bytes
        lessons = self._services.lessons
        try:
            if lessons is not None and any(
                each.reports_unwanted is not None for each in judgement.recipients
            ):
                content = await intake.complete()
                await lessons.answer_report(content, judgement.recipients, self._facts, self.notes.id)
            else:
                await judgement.answer(intake, event.size_bytes, event.defects)
        finally:
            self.committing = False
            self.abandon()
            self.notes.message, self.notes.observations = judgement.message, judgement.observations
            self.notes.authenticated_domains = judgement.authenticated_domains
        return judgement

    def learn(self, judged: Judgement) -> None:
        """What a message proves for the next; after the reply, so that nothing here can undo it."""
        self._teach(judged)
        greylist = self._services.greylist
        if greylist.memory is None:
            return
        addresses = [recipient.address for recipient in self._desk.accepted() if not recipient.held]
        if addresses:
            found = [observation.finding for observation in self.notes.observations]
            greylist.accepted(self._facts, addresses, [*self._evidence, *found])

    def _teach(self, judged: Judgement) -> None:
        """What the message teaches the filter by itself; what was a report has been heard already."""
        lessons = self._services.lessons
        if lessons is None or judged.message is None:
            return
        found = [*self._evidence, *(observation.finding for observation in judged.observations)]
        heard = Heard(
            self.notes.id, judged.recipients, judged.study, judged.message, judged.header_block, found
        )
        if lessons.hear(self._facts, heard):
            self._services.flush_soon()

    def fail(self, verdict: Verdict, reply: Reply) -> None:
        """An own fault ended it: every recipient that stood as accepted is settled alike."""
        settle_all(self._desk.accepted(), verdict, reply)

    def _judgement(self, recipients: Sequence[Recipient]) -> Judgement:
        declared = self._core.transaction
        envelope = Envelope(
            transaction_id=self.notes.id,
            reverse_path=self._facts.reverse_path,
            trace=b"",
            smtputf8=declared is not None and declared.parameters.smtputf8,
            eight_bit=declared is not None and declared.parameters.eight_bit,
            content_ended_s=self._services.clocks.monotonic_s(),
        )
        return Judgement(
            self._services,
            self._facts,
            envelope,
            recipients,
            self._evidence,
            each_has_a_reply=self.each_has_a_reply,
            received=lambda client_name: self._received(recipients, client_name),
            on_commit=self._enter_commit,
        )

    def _enter_commit(self) -> None:
        self.committing = True

    def _received(self, recipients: Sequence[Recipient], client_name: str) -> bytes:
        session, declared = self._facts.session, self._core.transaction
        protocol = protocol_name(
            lmtp=session.service is Service.LMTP,
            extended=self._core.facts.extended,
            utf8=declared is not None and declared.parameters.smtputf8,
            tls=session.tls,
            authenticated=session.person is not None,
        )
        return received_field(
            Passage(
                hello=session.hello,
                address=session.client_text,
                by=self._services.hostname,
                protocol=protocol,
                id=self.notes.id,
                at_s=self._services.clocks.now_s(),
                ptr=client_name,
                recipient=str(recipients[0].forward_path) if len(recipients) == 1 else "",
            )
        )
