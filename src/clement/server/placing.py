"""Where a message goes once it is taken: delivered to some, held for others, and one true answer for all.

What is held is made durable first, since that can be taken back if the delivery fails then; a delivery
cannot. Until the first of both is final nothing has happened (docs/decisions/0015).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf

from msgspec import structs

from clement.delivery.holding import Held, HeldAs, Hold, Holding, Reconciler
from clement.delivery.transport import Delivery, Destination, Envelope, Placement
from clement.policy.directory import Local
from clement.policy.verdict import Accept, Reject
from clement.server.recipients import Recipient, verdict_of
from clement.server.services import Services
from clement.server.splitting import agree
from clement.smtp import Reply, replies
from clement.spool.content import Content


class Placing:
    """Places one message for recipients who share a transport.

    accepted: what those hear who have it.
    copies: recipients who were refused and for whom a copy is kept with what is held for others.
    held: makes what is told of the message to those who keep it.
    reconciler: whom to tell of those who have it, if they could be given it once more.
    each_has_a_reply: LMTP or PRDR, so that recipients may differ.
    on_commit: called right before the first step that cannot be taken back.
    split: called when the answers differ and there is but one; it settles everybody.
    """

    def __init__(  # noqa: PLR0913 - all that a message is placed with
        self,
        services: Services,
        envelope: Envelope,
        recipients: Sequence[Recipient],
        *,
        accepted: Reply,
        held: Callable[[], Held],
        copies: Sequence[Recipient] = (),
        reconciler: Reconciler | None = None,
        each_has_a_reply: bool,
        on_commit: Callable[[], None],
        split: Callable[[], None],
    ) -> None:
        self._services = services
        self._envelope = envelope
        self._held_message = held
        self._recipients = recipients
        self._copies = copies
        self._reconciler = reconciler
        self._held = [recipient for recipient in recipients if recipient.held]
        self._chosen = [each for each in recipients if not each.held] if self._held else recipients
        self._each_has_a_reply = each_has_a_reply
        self._on_commit = on_commit
        self._split = split
        some_are_held = bool(self._held and self._chosen) and not each_has_a_reply
        trace_id = envelope.transaction_id
        self._accepted = some_held_reply(trace_id) if some_are_held else accepted
        for recipient in self._held if some_are_held else ():
            recipient.settle(recipient.verdict, self._accepted)

    async def place(self, content: Content, delivered: Content) -> None:
        """Settle every recipient. Raises StorageFailure when the message cannot be held.

        content: as it is held. delivered: as it is delivered, with its subject marked perhaps.
        """
        holding = self._start_holding() if self._held else None
        delivery = self._start_delivery() if self._chosen else None
        committed = False
        try:
            if holding is not None:
                await holding.prepare(content)
            if delivery is None or await self._is_ready(delivery, delivered):
                self._on_commit()
                committed = True
                await self._commit(holding, delivery)
        finally:
            if not committed:
                await _take_back(holding, delivery)

    def _start_delivery(self) -> Delivery:
        destinations = [destination_of(recipient) for recipient in self._chosen]
        transport = self._services.transports.for_route(destinations[0].route)
        envelope, tagging = self._envelope, self._services.tagging
        if isinstance(destinations[0].route, Local):
            destinations = [
                structs.replace(destination, head=tagging.head_for(recipient.score, recipient.directive))
                for destination, recipient in zip(destinations, self._chosen, strict=True)
            ]
        else:
            mildest = min(self._chosen, key=_total) if len(self._chosen) > 1 else self._chosen[0]
            head = tagging.head_for(mildest.score, mildest.directive)
            envelope = structs.replace(envelope, trace=head + envelope.trace) if head else envelope
        return transport.start(envelope, destinations)

    def _start_holding(self) -> Holding:
        holder = self._services.holder
        if holder is None:
            raise RuntimeError("a recipient is held for and there is nowhere to hold")
        holds = [hold_of(recipient) for recipient in self._held]
        holds += [hold_of(recipient, HeldAs.REFUSED_COPY) for recipient in self._copies]
        return holder.start(self._held_message(), holds)

    async def _is_ready(self, delivery: Delivery, content: Content) -> bool:
        """Whether there is something to commit; recipients that turned out not to be ready are settled."""
        placements = await delivery.prepare(content)
        self._settle(placements)
        if self._each_has_a_reply:
            return bool(self._held) or any(placement is None for placement in placements)
        if not agree([recipient.verdict for recipient in self._recipients]):
            self._split()
            return False
        return self._chosen[0].accepted

    async def _commit(self, holding: Holding | None, delivery: Delivery | None) -> None:
        try:
            if holding is not None:
                await holding.commit()
        except BaseException:
            await _take_back(None, delivery)
            raise
        if delivery is None:
            return
        try:
            self._settle(await delivery.commit())
            self._tell_reconciler()
        except BaseException:
            await _withdraw(holding)
            raise
        if holding is not None and not self._each_has_a_reply:
            await self._agree_after_all(holding)

    def _tell_reconciler(self) -> None:
        """Who has the message need not be given it again when a copy that was kept of it is released."""
        reconciler = self._reconciler
        if reconciler is None:
            return
        message = self._held_message()
        for recipient in self._chosen:
            if recipient.accepted:
                reconciler.delivered(message, destination_of(recipient))

    async def _agree_after_all(self, holding: Holding) -> None:
        """The delivery has failed for all and the message is held already: there is one answer, theirs.

        A deferral is true for everybody, since the client will come back with all of it. A refusal is not.
        """
        failed = next((recipient for recipient in self._chosen if not recipient.accepted), None)
        if failed is None:
            return
        await holding.withdraw()
        if isinstance(failed.verdict, Reject):
            self._split()
            return
        for recipient in self._held:
            recipient.settle(failed.verdict, failed.reply)

    def _settle(self, placements: Sequence[Placement | None]) -> None:
        for recipient, placement in zip(self._chosen, placements, strict=True):
            if placement is None or not recipient.accepted:
                continue
            verdict = verdict_of(placement)
            reply = self._accepted if isinstance(verdict, Accept) else placement.reply
            recipient.settle(verdict, reply, placement.next_hop)


def destination_of(recipient: Recipient) -> Destination:
    """Where a recipient's mail leads. Only those have come so far that lead somewhere."""
    return Destination(recipient.forward_path, recipient.route)  # type: ignore[arg-type]


def hold_of(recipient: Recipient, kind: HeldAs = HeldAs.QUARANTINE) -> Hold:
    """What is noted of a recipient for whom the message is kept."""
    verdict = recipient.verdict
    score = recipient.score
    return Hold(
        kind,
        destination_of(recipient),
        verdict.reason,
        score.total if score is not None else 0.0,
        verdict.detail or (score.finding().detail if score is not None else ""),
    )


def accepted_reply(trace_id: str) -> Reply:
    """The message is where it should go."""
    return replies.MESSAGE_OK.with_text(f"Accepted [{trace_id}]")


def held_reply(trace_id: str) -> Reply:
    """The message is kept for somebody to look at, and whoever sent it shall know that (house rule 0)."""
    return replies.MESSAGE_OK.with_text(f"Accepted, and held for the recipient to look at [{trace_id}]")


def some_held_reply(trace_id: str) -> Reply:
    """One reply for recipients of both kinds; which are which is theirs to tell."""
    return replies.MESSAGE_OK.with_text(f"Accepted; held for some of the recipients to look at [{trace_id}]")


def _total(recipient: Recipient) -> float:
    """One message for several recipients says what is true for each: the lowest score among them."""
    return recipient.score.total if recipient.score is not None else -inf


async def _take_back(holding: Holding | None, delivery: Delivery | None) -> None:
    try:
        if holding is not None:
            await holding.abort()
    finally:
        if delivery is not None:
            await delivery.abort()


async def _withdraw(holding: Holding | None) -> None:
    if holding is not None:
        await holding.withdraw()
