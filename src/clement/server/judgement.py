"""After the final dot: what the content is worth for each recipient, where it goes, the one true answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from msgspec import structs

from clement.delivery.holding import Held, HeldAs, Reconciler
from clement.delivery.transport import Envelope
from clement.message.grammar import MessageFacts
from clement.policy.directory import Mode, Relayed
from clement.policy.facts import ContentFacts, RecipientContentFacts, RecipientFacts, TransactionFacts
from clement.policy.finding import Finding, Observation
from clement.policy.identity import ContentIdentity
from clement.policy.pipeline import gather
from clement.policy.plan import OF_WHAT_WAS_READ
from clement.policy.proven_domains import authenticated_domains
from clement.policy.reason import Reason
from clement.policy.score import Score
from clement.policy.study import ContentStudy, Unstudied
from clement.policy.verdict import Accept, Defer, Drop, Quarantine, Reject, Verdict
from clement.policy.wording import reply_to
from clement.server.authentication import content_identity, proven_names
from clement.server.authentication_trace import trace_of, verified_client_name, without_forgeries
from clement.server.deciding import decided, score_for
from clement.server.intake import Intake
from clement.server.placing import Placing, accepted_reply, destination_of, held_reply, hold_of
from clement.server.recipients import Recipient
from clement.server.reconciling import if_known
from clement.server.refused_copy import is_worth_keeping, keep_copy
from clement.server.services import Services
from clement.server.speaking import directive_for
from clement.server.splitting import agree, class_of
from clement.server.tagging import is_marked, with_subject
from clement.server.transcript import shown_text
from clement.smtp import ContentDefects, Reply, Service, replies
from clement.spool.content import Content


class Judgement:
    """Judges and places the content of one transaction.

    envelope: without recipients and trace. evidence: what was found before RCPT; it concerns every recipient.
    each_has_a_reply: LMTP or PRDR, so that recipients may differ.
    received: makes the Received field, given the client's verified name, "" where there is none.
    on_commit: called right before the one step that cannot be taken back.
    """

    def __init__(  # noqa: PLR0913 - all that a message is judged and placed with
        self,
        services: Services,
        facts: TransactionFacts,
        envelope: Envelope,
        recipients: Sequence[Recipient],
        evidence: Sequence[Finding],
        *,
        each_has_a_reply: bool,
        received: Callable[[str], bytes],
        on_commit: Callable[[], None],
    ) -> None:
        self._services = services
        self._facts = facts
        self._envelope = envelope
        self.recipients = recipients
        self._evidence = evidence
        self._each_has_a_reply = each_has_a_reply
        self._trace_id = envelope.transaction_id
        self._accepted = accepted_reply(self._trace_id)
        self.observations: list[Observation] = []
        self.message: MessageFacts | None = None
        self._received = received
        self._on_commit = on_commit
        self._identity: ContentIdentity | None = None
        self._retry: Held | None = None
        self._copies: list[Recipient] = []
        self.authenticated_domains: Sequence[str] = ()
        self.study: ContentStudy | None = None
        self.header_block = b""

    async def answer(self, intake: Intake, size_bytes: int, defects: ContentDefects) -> None:
        """Settle every recipient: each has its final verdict and reply, and what was accepted is durable.

        Raises StorageFailure when the content could not be kept, and whatever an own fault raises.
        """
        content = await intake.complete()
        try:
            await self._weigh(intake, content, size_bytes, defects)
            if not self._each_has_a_reply and not agree([each.verdict for each in self.recipients]):
                self._split()
                return
            await self._place(content)
        finally:
            if self._identity is not None:
                await self._identity.end()

    async def _weigh(
        self, intake: Intake, content: Content, size_bytes: int, defects: ContentDefects
    ) -> None:
        """What the content is worth for each recipient."""
        facts = self._services.examine(content)
        self.message = facts if isinstance(facts, MessageFacts) else await facts
        scan = intake.scan if intake.scanned else None
        study = await self._studied(intake, content)
        identity = self._identity = content_identity(
            self._services.authentication, self._facts, self.message, content, self._trace_id
        )
        content_facts = ContentFacts(self._facts, size_bytes, defects, self.message, scan, identity)
        if isinstance(study, Unstudied):
            content_facts.unstudied = study
        else:
            content_facts.study = self.study = study
        content_facts.header_block = self.header_block = content.header_block
        plan = self._services.plan
        waiting = gather(plan.content, content_facts, plan.budget_s)
        common = self._noted(waiting if isinstance(waiting, list) else await waiting)
        again = {finding.check for finding in common}
        if identity is not None:
            self.authenticated_domains = authenticated_domains(identity)
        self._retry = await self._as_retry(content)
        proven = proven_names(self._facts, identity)
        for recipient in self.recipients:
            recipient_facts = RecipientFacts(
                self._facts, recipient.forward_path, recipient.address, recipient.route
            )
            # What a check found at RCPT counts no more once it has looked at the content as well.
            at_rcpt = [each for each in recipient.findings if each.reason or each.check not in again]
            seen, of_all = common, content_facts
            if study is not None and not recipient.policy().read_content:
                seen = [finding for finding in common if finding.check not in OF_WHAT_WAS_READ]
                of_all = structs.replace(content_facts, study=None, unstudied=None)
            known = [*self._evidence, *at_rcpt, *seen]
            concerned = RecipientContentFacts(of_all, recipient_facts, known)
            waiting = gather(plan.recipient_content, concerned, plan.budget_s)
            own = self._noted(waiting if isinstance(waiting, list) else await waiting)
            if identity is not None:
                recipient.directive = directive_for(recipient_facts, proven)
            self._judge(recipient, [*known, *own], [*seen, *own])

    async def _as_retry(self, content: Content) -> Held | None:
        """What it is known again by, if some recipient may have it already; then it is looked at closely."""
        reconciler = self._reconciler()
        if reconciler is None:
            return None
        leads_to = [destination_of(recipient) for recipient in self.recipients]
        return await if_known(reconciler, self._held(self._envelope), leads_to, content)

    def _reconciler(self) -> Reconciler | None:
        """Who knows the message again; nobody does where nobody vouches for it, or it has no name."""
        if self._facts.session.person is None and not self.authenticated_domains:
            return None
        return self._services.reconciler if self.message is not None and self.message.message_id else None

    def _judge(self, recipient: Recipient, found: Sequence[Finding], of_content: Sequence[Finding]) -> None:
        services = self._services
        score = recipient.score = score_for(services, self._facts.session, recipient.route, found)
        verdict = decided(services, found, recipient.directive, recipient.policy(), score)
        self._note_score(score)
        if self._retry is not None and services.reconciler is not None and verdict.reason is not Reason.VIRUS:
            known = services.reconciler.known(self._retry, destination_of(recipient))
            verdict = Accept(Reason.DELIVERED_BEFORE, known) if known else verdict
        if is_worth_keeping(verdict, of_content) and recipient.policy().keep_refused_days:
            self._copies.append(recipient)
        taken = held_reply(self._trace_id) if isinstance(verdict, Quarantine) else self._accepted
        recipient.settle(verdict, reply_to(verdict, self._trace_id, taken))

    def _note_score(self, score: Score | None) -> None:
        """Shown once for all whose score is the same; each recipient's own stands in his record."""
        if score is None or not score.is_worth_showing:
            return
        observation = Observation(score.finding(), 0)
        if observation not in self.observations:
            self.observations.append(observation)

    async def _studied(self, intake: Intake, content: Content) -> ContentStudy | Unstudied | None:
        """What stands in the content, where somebody wants it read. It is scanned meanwhile."""
        read, session = self._services.read_content, self._facts.session
        if read is None or session.privileged() or session.trusted():
            return None
        if not any(recipient.policy().read_content for recipient in self.recipients):
            return None
        study = read(content)
        if isinstance(study, ContentStudy | Unstudied):
            return study
        intake.begin_scan()
        return await study

    def _noted(self, observations: list[Observation]) -> list[Finding]:
        self.observations += observations
        return [observation.finding for observation in observations]

    async def _place(self, content: Content) -> None:
        """Deliver to those who accept, and hold for those who want to look at it first."""
        self._part_by_marks()
        taken = [each for each in self.recipients if each.held or _is_delivered_to(each)]
        copies = [each for each in self._copies if isinstance(each.verdict, Reject | Drop)]
        if not taken and not copies:
            return
        content = self._without_what_others_say(content)
        delivered = self._marked(content, taken)
        envelope = await self._under_our_trace(delivered, taken or copies)
        held = partial(self._held, envelope)
        if taken:
            # What is held of one transaction is held at once, copies of what was refused with it.
            is_held = any(recipient.held for recipient in taken)
            placing = Placing(
                self._services,
                envelope,
                taken,
                accepted=self._accepted,
                held=held,
                copies=copies if is_held else (),
                reconciler=self._reconciler(),
                each_has_a_reply=self._each_has_a_reply,
                on_commit=self._on_commit,
                split=self._split,
            )
            await placing.place(content, delivered)
            if is_held:
                return
        holder = self._services.holder
        if copies and holder is not None:
            holds = [hold_of(recipient, HeldAs.REFUSED_COPY) for recipient in copies]
            await keep_copy(holder, held(), holds, content)

    def _part_by_marks(self) -> None:
        """Those who get one message must get one mark; the others come back in a transaction of their own."""
        if len(self.recipients) < 2:
            return
        chosen = [each for each in self.recipients if _is_delivered_to(each)]
        tagging = self._services.tagging
        marks = [tagging.mark_of_message(each.route, each.score, each.directive) for each in chosen]
        if len(set(marks)) <= 1:
            return
        if not self._each_has_a_reply:
            self._split()
            return
        for recipient, mark in zip(chosen, marks, strict=True):
            if mark != marks[0]:
                recipient.settle(Defer(Reason.OTHER_CLASS), replies.SPLIT_LATER)

    def _held(self, envelope: Envelope) -> Held:
        """The message as it is known to those who keep it."""
        message, person, study = self.message or _NO_MESSAGE, self._facts.session.person, self.study
        return Held(
            envelope,
            shown_text(message.message_id),
            shown_text(message.author),
            shown_text(message.subject),
            body_hash=_body_hash(self._retry, study),
            authenticated_as=person.login
            if person is not None
            else shown_text(" ".join(self.authenticated_domains)),
            features=study.features.hashes if study is not None else b"",
        )

    def _without_what_others_say(self, content: Content) -> Content:
        """The message without fields that claim to be ours, and a stranger's without those that judge it."""
        session, services = self._facts.session, self._services
        ours = session.privileged() or session.trusted() or session.service is Service.LMTP
        return without_forgeries(content, services.hostname, None if ours else services.tagging.foreign)

    def _marked(self, content: Content, taken: Sequence[Recipient]) -> Content:
        """The message as it is delivered: all who get it have the same mark in its subject, or none."""
        first = next((each for each in taken if not each.held), None)
        if first is None or not is_marked(first.score, first.directive):
            return content
        prefix = self._services.tagging.prefix_for(first.route)
        return with_subject(content, prefix) if prefix else content

    async def _under_our_trace(self, content: Content, chosen: Sequence[Recipient]) -> Envelope:
        """The envelope with the fields that we write above the message; a seal covers it as it is here."""
        services, identity = self._services, self._identity
        trace = self._received(verified_client_name(identity))
        if services.authentication is not None and identity is not None:
            route = chosen[0].route
            seals = isinstance(route, Relayed) and route.group.mode is Mode.RELAY
            trace = await trace_of(
                services.authentication, identity, content, trace, services.clocks.now_s, seals=seals
            )
        return structs.replace(self._envelope, trace=trace)

    def _split(self) -> None:
        """The answers differ and there is but one: defer all, and remember who belongs together."""
        tagging = self._services.tagging
        classes = [
            (
                each.address,
                class_of(each.verdict, tagging.mark_of_message(each.route, each.score, each.directive)),
            )
            for each in self.recipients
        ]
        self._services.splits.remember(self._facts.session.client, str(self._facts.reverse_path), classes)
        mixed = Defer(Reason.MIXED_VERDICTS)
        reply = reply_to(mixed, self._trace_id)
        for recipient in self.recipients:
            recipient.settle(mixed, reply)


def _body_hash(retry: Held | None, study: ContentStudy | None) -> bytes:
    """Of a body that was looked at; b"" to have it computed where it is needed."""
    if retry is not None:
        return retry.body_hash
    return study.body_hash if study is not None else b""


def _is_delivered_to(recipient: Recipient) -> bool:
    """Whether it gets the message, and has it not already."""
    return isinstance(recipient.verdict, Accept) and recipient.verdict.reason is not Reason.DELIVERED_BEFORE


_NO_MESSAGE: Final = MessageFacts()


def answers(recipients: Sequence[Recipient], *, each_has_a_reply: bool) -> Reply | list[Reply]:
    """What is said after the content: one reply for all, or one for each."""
    if each_has_a_reply:
        return [recipient.reply for recipient in recipients]
    return gravest(recipients).reply


def gravest(recipients: Sequence[Recipient]) -> Recipient:
    """The recipient whose reply speaks for all: the first that was not accepted, or just the first."""
    return next((recipient for recipient in recipients if not recipient.accepted), recipients[0])


def settle_all(recipients: Sequence[Recipient], verdict: Verdict, reply: Reply) -> None:
    """Give every recipient that still stood as accepted the same end: an own fault, a full disk."""
    for recipient in recipients:
        if recipient.accepted:
            recipient.settle(verdict, reply)
