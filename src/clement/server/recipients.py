"""The recipients of one transaction: each judged by itself, all of them able to share one true reply."""

from __future__ import annotations

from collections.abc import Awaitable, Hashable, Sequence

import msgspec

from clement.delivery.transport import Destination, Placement, Transport
from clement.policy.directive import Action, Directive
from clement.policy.directory import Directory, Foreign, GroupPolicy, Local, Relayed, Route, Unknown
from clement.policy.facts import RecipientFacts, TransactionFacts
from clement.policy.finding import Finding, Observation
from clement.policy.pipeline import gather
from clement.policy.reason import Reason
from clement.policy.score import Score
from clement.policy.verdict import ACCEPTED, TAKEN, Accept, Defer, Quarantine, Reject, Verdict
from clement.policy.wording import reply_to
from clement.server.authentication import proven_names
from clement.server.deciding import decided
from clement.server.services import Services
from clement.server.speaking import (
    POSTMASTER_LOCAL_PART,
    directive_for,
    directive_that_skips_greylisting,
    hoped_for,
)
from clement.server.splitting import SplitNote
from clement.smtp import BarePostmaster, ForwardPath, Mailbox, RecipientRequested, Reply, replies
from clement.smtp.address import fold_local_part

_NO_GROUP = GroupPolicy()


class Recipient(msgspec.Struct):
    """One RCPT of a transaction and what became of it."""

    forward_path: ForwardPath
    address: str
    route: Route
    directive: Directive | None
    verdict: Verdict
    reply: Reply
    findings: list[Finding]
    next_hop: str = ""
    score: Score | None = None
    reports_unwanted: bool | None = None
    """What is reported to this address, which has no mailbox; None: it is none for reports."""

    @property
    def accepted(self) -> bool:
        """Whether it stands as a recipient of the content: to be delivered, or to be held."""
        return isinstance(self.verdict, TAKEN)

    @property
    def held(self) -> bool:
        """Whether the message is kept apart for it."""
        return isinstance(self.verdict, Quarantine)

    @property
    def leads_to(self) -> str:
        """What its mail comes to, by whatever name: a mailbox, or the mailboxes of an alias.

        Behind a next hop, where no mailbox of that name is known here, it is the address as it stands.
        """
        route = self.route
        if isinstance(route, Local):
            return " ".join([mailbox.address for mailbox in route.mailboxes])
        if isinstance(route, Relayed):
            return route.user or fold_local_part(route.address)
        return self.address

    @property
    def is_unknown(self) -> bool:
        """Whether it was refused because there is no such mailbox, here or at the next hop."""
        return self.reply.is_permanent and self.reply.enhanced == replies.MAILBOX_UNKNOWN.enhanced

    def settle(self, verdict: Verdict, reply: Reply, next_hop: str = "") -> None:
        """Its final verdict and reply."""
        self.verdict, self.reply, self.next_hop = verdict, reply, next_hop or self.next_hop

    def policy(self) -> GroupPolicy:
        """The policy of its group."""
        return _NO_GROUP if isinstance(self.route, Foreign) else self.route.group.policy


class Judged(msgspec.Struct):
    """An answer to RCPT with what was found on the way."""

    recipient: Recipient
    observations: Sequence[Observation]


class RecipientDesk:
    """Answers the RCPT commands of one transaction and keeps those it accepted."""

    __slots__ = (
        "_adverse",
        "_each_has_a_reply",
        "_evidence",
        "_facts",
        "_services",
        "_split",
        "_target",
        "_trace_id",
        "recipients",
    )

    def __init__(
        self,
        services: Services,
        facts: TransactionFacts,
        adverse: list[Finding],
        trace_id: str,
        evidence: Sequence[Finding] = (),
    ) -> None:
        self._services = services
        self._facts = facts
        self._adverse = adverse
        self._evidence = evidence
        self._trace_id = trace_id
        self._target: Hashable = None
        self._each_has_a_reply = False
        self._split: SplitNote | None = None
        self.recipients: list[Recipient] = []

    def accepted(self) -> list[Recipient]:
        """The recipients the content is for, in order."""
        return [recipient for recipient in self.recipients if recipient.accepted]

    def answer(self, event: RecipientRequested, *, each_has_a_reply: bool) -> Judged | Awaitable[Judged]:
        """Judge one recipient; at once when nothing has to be asked of anyone.

        each_has_a_reply: after the content, our client takes an answer for each recipient.
        """
        self._each_has_a_reply = each_has_a_reply
        path = event.forward_path
        mailbox = self._services.postmaster if isinstance(path, BarePostmaster) else path
        directory = self._facts.session.directory
        unwanted = self._reports_unwanted(mailbox)
        if unwanted is not None:
            return self._report(path, mailbox, unwanted=unwanted)
        route = self._route(directory, mailbox)
        facts = RecipientFacts(self._facts, path, mailbox.key, route)
        found = gather(self._services.plan.rcpt, facts, self._services.plan.budget_s)
        if isinstance(found, list):
            return self._judge(facts, found)
        return self._judge_when_found(facts, found)

    def _reports_unwanted(self, mailbox: Mailbox) -> bool | None:
        """What is reported to this address; for all but people who have logged in it is as any other."""
        lessons = self._services.lessons
        if lessons is None or self._facts.session.person is None:
            return None
        return lessons.rules.reports.get(mailbox.key)

    def _report(self, path: ForwardPath, mailbox: Mailbox, *, unwanted: bool) -> Judged:
        """It shares a transaction with nobody else: what is said after the content is about it alone."""
        route = Foreign(mailbox.domain)
        recipient = Recipient(path, mailbox.key, route, None, ACCEPTED, replies.RECIPIENT_OK, [])
        recipient.reports_unwanted = unwanted
        if not self._may_share(recipient, ("report", unwanted), alone=False):
            recipient.settle(Defer(Reason.OTHER_CLASS), replies.SPLIT_LATER)
        self.recipients.append(recipient)
        return Judged(recipient, ())

    def _route(self, directory: Directory, mailbox: Mailbox) -> Route:
        route = directory.route(mailbox.local_part, mailbox.domain)
        if isinstance(route, Unknown) and mailbox.local_part.lower() == POSTMASTER_LOCAL_PART:
            site = self._services.postmaster
            reachable = directory.route(site.local_part, site.domain)
            return route if isinstance(reachable, Foreign) else reachable
        return route

    async def _judge_when_found(self, facts: RecipientFacts, found: Awaitable[list[Observation]]) -> Judged:
        judged = self._judge(facts, await found)
        return judged if isinstance(judged, Judged) else await judged

    def _judge(self, facts: RecipientFacts, found: list[Observation]) -> Judged | Awaitable[Judged]:
        findings = [observation.finding for observation in found]
        proven = proven_names(self._facts, None)
        directive = directive_for(facts, proven)
        route = facts.route
        policy = _NO_GROUP if isinstance(route, Foreign) else route.group.policy
        verdict = decided(self._services, [*self._adverse, *findings], directive, policy)
        if not isinstance(verdict, TAKEN) and self._facts.identity is not None:
            hoped = hoped_for(facts, proven)
            if hoped is not directive and isinstance(
                decided(self._services, [*self._adverse, *findings], hoped, policy), TAKEN
            ):
                # SPF or DKIM may still prove the name that a directive accepts: content decides.
                verdict = ACCEPTED
        reply = reply_to(verdict, self._trace_id, replies.RECIPIENT_OK)
        recipient = Recipient(facts.forward_path, facts.address, route, directive, verdict, reply, findings)
        judged = Judged(recipient, found)
        if not isinstance(verdict, TAKEN) or not isinstance(route, Local | Relayed):
            self.recipients.append(recipient)
            return judged
        return self._admit(judged, Destination(facts.forward_path, route), facts)

    def _admit(
        self, judged: Judged, destination: Destination, facts: RecipientFacts
    ) -> Judged | Awaitable[Judged]:
        """The last questions: whether it can share the transaction, and its transport would take it."""
        transport = self._services.transports.for_route(destination.route)
        alone = transport.answers_each(destination) and not self._each_has_a_reply
        if not self._may_share(judged.recipient, transport.target(destination), alone=alone):
            judged.recipient.settle(Defer(Reason.OTHER_CLASS), replies.SPLIT_LATER)
            self.recipients.append(judged.recipient)
            return judged
        known = transport.known(destination)
        if known is False:
            return self._verify(judged, transport, destination, facts)
        return self._place(judged, known if isinstance(known, Placement) else None, facts)

    async def _verify(
        self, judged: Judged, transport: Transport, destination: Destination, facts: RecipientFacts
    ) -> Judged:
        placement = await transport.verify(self._facts.reverse_path, destination)
        return self._place(judged, placement, facts)

    def _place(self, judged: Judged, placement: Placement | None, facts: RecipientFacts) -> Judged:
        if placement is not None:
            judged.recipient.settle(verdict_of(placement), placement.reply, placement.next_hop)
        if judged.recipient.accepted:
            if self._facts.identity is not None:
                # The client will now send content; what the DNS has to say of it comes meanwhile.
                self._facts.identity.start()
            # Last of all: who would be refused is told so at once, and not asked to come back for it.
            judged = self._greylist(judged, facts)
        self.recipients.append(judged.recipient)
        return judged

    def _greylist(self, judged: Judged, facts: RecipientFacts) -> Judged:
        recipient, greylist = judged.recipient, self._services.greylist
        if greylist.memory is None:
            return judged
        if recipient.directive is not None and recipient.directive.action is Action.ACCEPT:
            return judged
        evidence = [*self._evidence, *recipient.findings]
        finding = greylist.judge(
            facts, recipient.policy(), evidence, lambda: self._skipping(recipient, facts)
        )
        if finding is None:
            return judged
        recipient.findings.append(finding)
        if finding.reason is not None:
            verdict = decided(self._services, recipient.findings, recipient.directive, recipient.policy())
            recipient.settle(verdict, reply_to(verdict, self._trace_id, recipient.reply))
        return Judged(recipient, [*judged.observations, Observation(finding, 0)])

    def _skipping(self, recipient: Recipient, facts: RecipientFacts) -> Directive | None:
        """The directive that spares this recipient's mail the delay; the log has it as deciding."""
        found = directive_that_skips_greylisting(facts)
        recipient.directive = recipient.directive or found
        return found

    def _may_share(self, recipient: Recipient, target: Hashable, *, alone: bool) -> bool:
        """One target for a transaction; and, after a split, one class. `alone`: it shares with nobody."""
        first = next((other for other in self.recipients if other.accepted), None)
        if first is None:
            self._target = target
            return True
        return not alone and target == self._target and self._class_of(recipient) == self._class_of(first)

    def _class_of(self, recipient: Recipient) -> str:
        note = self._split
        if note is None:
            client, reverse_path = self._facts.session.client, str(self._facts.reverse_path)
            note = self._split = self._services.splits.recall(client, reverse_path)
        return note.class_of(recipient.address)


def verdict_of(placement: Placement) -> Verdict:
    """What a transport's answer amounts to as a verdict."""
    reply = placement.reply
    text = " ".join(reply.text)
    if reply.is_positive:
        return Accept(Reason.ACCEPTED)
    if reply.is_permanent:
        return Reject(Reason.NEXT_HOP_REFUSED, text) if placement.next_hop else Reject(Reason.QUOTA, text)
    if placement.next_hop:
        return Defer(Reason.NEXT_HOP_DEFERRED, text)
    return Defer(_LOCAL_DEFERRALS.get(reply.enhanced, Reason.OWN_FAULT), text)


_LOCAL_DEFERRALS = {
    replies.QUOTA_FULL.enhanced: Reason.QUOTA,
    replies.STORAGE_FULL.enhanced: Reason.STORAGE_FULL,
    replies.NEXT_HOP_UNAVAILABLE.enhanced: Reason.NEXT_HOP_DEFERRED,
}
