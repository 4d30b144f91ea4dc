"""How a session is held, seen from our side: its manners, its rates, and the tarpit it may come to.

Nothing here looks at mail. What is seen becomes a finding beside the exchange in which
it was seen; what has to follow from it at once, follows here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence

from clement.journal.records import Outcome
from clement.policy import signs
from clement.policy.finding import Observation
from clement.policy.pipeline import Observations
from clement.policy.reason import Reason
from clement.policy.verdict import Defer
from clement.policy.wording import reply_to
from clement.server.answering import AnsweringSession
from clement.server.pause import Pause
from clement.server.rates import Excess
from clement.server.recipients import Recipient
from clement.smtp import Mailbox, Reply, ReversePath, Service, events, replies


class WatchedSession(AnsweringSession):
    """A session whose client is watched. Those whom an administrator trusts, and our own people, are not."""

    __slots__ = ()

    def _is_known_good(self) -> bool:
        facts = self._facts
        return facts.privileged() or facts.trusted() or facts.service is Service.LMTP

    # --- Who talks first ------------------------------------------------------------------------------

    def _silence_s(self) -> float:
        """How long a client has to hold its tongue before it is greeted."""
        silence_s = self._services.limits.greeting_delay_s
        if not silence_s or self._door.service is not Service.SMTP or self._is_known_good():
            return 0
        return silence_s

    async def _listen(self, until_s: float) -> None:
        """Wait for the client to speak before it was spoken to."""
        seconds = until_s - asyncio.get_running_loop().time()
        if seconds > 0 and not self.core.buffered_bytes:
            self._pause = Pause(seconds)
            try:
                await self._pause.wait()
            finally:
                self._pause = None

    def spoke_meanwhile(self) -> None:
        """The client has said something while it is our turn; before the greeting, that ends the wait."""
        if self._pause is not None and not self.held:
            self._pause.end()

    def fell_silent(self) -> None:
        """The client will say no more: there is nothing to be gained by keeping it."""
        if self._pause is not None:
            self._pause.end()

    def _with_early_talk(self, found: Observations) -> Observations:
        """What was found at connect, and whether the client has spoken by now."""
        if not self.core.buffered_bytes or self._is_known_good():
            return found
        self._spoke_early = True
        # Where nobody is made to wait, it would be chance who is caught: then it is evidence only.
        refused = self._services.limits.refuse_early_talkers and self._silence_s() > 0
        return [*found, signs.early_talker(refused=refused)]

    def _out_of_turn(self, found: Sequence[Observation]) -> Sequence[Observation]:
        verb, self.core.out_of_turn = self.core.out_of_turn, ""
        if self._spoke_out_of_turn or self._is_known_good():
            return found
        self._spoke_out_of_turn = True
        seen = signs.pipelining(verb, refused=self._services.limits.refuse_unpermitted_pipelining)
        if seen.finding.reason is not None:
            self._adverse = [*self._adverse, seen.finding]
        self._evidence["out-of-turn"] = (seen,)
        return [*found, seen]

    # --- Errors ---------------------------------------------------------------------------------------

    def _error_answered(self, event: events.Answered) -> Awaitable[None] | None:
        """The core has refused a command; what that says of the client, and whether it has to wait for it."""
        reply = event.reply
        found: Sequence[Observation] = ()
        if reply is replies.TOO_MANY_ERRORS or reply is replies.TOO_MANY_IDLE_COMMANDS:
            found = (signs.sign(signs.ERRORS, reply.text[0], Reason.TOO_MANY_ERRORS),)
        elif reply is replies.NO_SERVICE and not self._went_on and not self._spoke_early:
            self._went_on = True
            found = (signs.sign(signs.AFTER_REFUSAL, "a command other than QUIT"),)
        self._note(event.line, reply, found)
        borne = self._services.limits.errors_borne
        if self.core.patience.errors <= borne or reply.closes:
            return None
        return self._hold(replies.TOO_MANY_ERRORS, Reason.TOO_MANY_ERRORS)

    def _hold(self, last_word: Reply, reason: Reason) -> Awaitable[None] | None:
        """Keep back what was answered; where there is no room for one more, end the session instead."""
        tarpit = self._admission.tarpit
        if not tarpit.limits.delay_s or self._is_known_good():
            return None
        if not tarpit.has_room(self.client, self._held_s):
            if not self.core.closing:
                self.say(last_word, reason)
                self.core.terminate(last_word)
            return None
        self._held_s += tarpit.limits.delay_s
        self._pause, self.held = tarpit.hold(self.client), True
        return self._held_back(self._pause)

    async def _held_back(self, pause: Pause) -> None:
        try:
            await pause.wait()
        finally:
            self._pause, self.held = None, False

    # --- Unknown recipients ---------------------------------------------------------------------------

    def _dictionary(self) -> Excess | None:
        """Whether this client has named so many unknown recipients lately that no more is heard of it."""
        if self._tried_too_many is None:
            begun = self._transaction is not None and self._transaction.notes.recipients
            if begun or not self._admission.rates.watches_unknown:
                return None
            excess = self._admission.rates.dictionary(self.client)
            if excess is None or self._is_known_good():
                return None
            self._tried_too_many = excess
        return self._tried_too_many

    def _end_dictionary(self, line: bytes, excess: Excess) -> Awaitable[None] | None:
        self._log.mark(Outcome.DEFERRED, Reason.DICTIONARY)
        reply = excess.reply(self.id)
        self._answer(line, reply, (signs.sign(signs.DICTIONARY, str(excess), Reason.DICTIONARY),))
        return self._hold(reply, Reason.DICTIONARY)

    def _note_unknown(self) -> Awaitable[None] | None:
        """A recipient was refused because there is no such mailbox."""
        rates = self._admission.rates
        if not rates.watches_unknown or self._is_known_good() or self.client.is_loopback:
            return None
        rates.unknown_recipient(self.client)
        excess = self._tried_too_many = rates.dictionary(self.client)
        return None if excess is None else self._hold(excess.reply(self.id), Reason.DICTIONARY)

    # --- Rates ----------------------------------------------------------------------------------------

    def _message_too_many(self, reverse_path: ReversePath) -> Excess | None:
        rates = self._admission.rates
        if not rates.watches_messages or self._is_known_good():
            return None
        return rates.message(self.client, reverse_path.key if isinstance(reverse_path, Mailbox) else "")

    def _within_budget(self, recipient: Recipient) -> Sequence[Observation]:
        """Take an accepted recipient from the budgets; where one has nothing left, it is deferred."""
        rates, person = self._admission.rates, self._facts.person
        if person is not None:
            excess, reason = rates.posted_recipient(person.id), Reason.PERSON_BUSY
        elif rates.watches_recipients and not self._is_known_good():
            excess, reason = rates.recipient(recipient.leads_to), Reason.RECIPIENT_BUSY
        else:
            return ()
        if excess is None:
            return ()
        verdict = Defer(reason, str(excess).capitalize())
        recipient.settle(verdict, reply_to(verdict, self.id))
        return (signs.sign(signs.RATE, str(excess), reason),)
