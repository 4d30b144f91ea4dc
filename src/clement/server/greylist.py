"""Greylisting in a session: what is asked of the memory at RCPT, and told to it when mail was accepted.

Whether a contact has to wait is decided by `policy.greylisting`; this file says who is not asked at all, in
the order in which that costs least, and keeps the memory open while some group wants greylisting.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from clement.policy.directive import Directive
from clement.policy.directory import Directory, Greylisting, GroupPolicy, Local, Relayed
from clement.policy.doubt import in_doubt
from clement.policy.facts import RecipientFacts, SessionFacts, TransactionFacts
from clement.policy.finding import Finding, Result
from clement.policy.greylisting import (
    NAME,
    Contact,
    Seen,
    Turn,
    host_names,
    source_of,
    spf_domain,
    steady,
    turn_of,
    waiting,
)
from clement.policy.reason import Reason
from clement.policy.retrying_pools import pool_of
from clement.server.greylist_memory import GreylistMemory, Source
from clement.smtp import Mailbox, Service
from clement.telemetry import events as log_events
from clement.telemetry.log import Log
from clement.telemetry.metrics import GREYLISTING, Series
from clement.telemetry.pace import Pace

log = Log("server")

ROLES: Final = ("postmaster@", "abuse@")
"""Who must hear at once (RFC 5321 §4.5.1, RFC 2142 §4)."""


class Greylist:
    """Greylisting of one receiver. `memory` is None while nobody wants it, or it cannot be had."""

    __slots__ = ("_count", "memory")

    def __init__(self, count: Callable[[Series], None], memory: GreylistMemory | None = None) -> None:
        self._count = count
        self.memory = memory

    def judge(
        self,
        facts: RecipientFacts,
        policy: GroupPolicy,
        evidence: Sequence[Finding],
        directive: Callable[[], Directive | None],
    ) -> Finding | None:
        """What greylisting says of this recipient; None when it is not asked.

        evidence: all that was found so far. directive: looks for one that spares the delay.
        """
        memory = self.memory
        transaction = facts.transaction
        reverse_path = transaction.reverse_path
        if (
            memory is None
            or policy.greylisting is Greylisting.OFF
            or not isinstance(reverse_path, Mailbox)
            or not _is_asked(transaction.session)
            or facts.address.startswith(ROLES)
        ):
            return None
        if policy.greylisting is Greylisting.DOUBTFUL and not in_doubt(evidence):
            return _spared("nothing puts this mail in doubt")
        proven = spf_domain(reverse_path, evidence)
        contact = Contact(source_of(transaction.session.client, proven), steady(reverse_path), facts.address)
        source = memory.source(contact.source)
        spared = self._why_spared(memory, facts, contact, source, evidence)
        if not spared:
            skipping = directive()
            spared = f"spared by directive {skipping.id}" if skipping is not None else ""
        if spared:
            self._count(GREYLISTING["spared"])
            return _spared(spared)
        return self._ask(memory, contact, policy, transaction.session.now_s, source.usual_s)

    def _why_spared(
        self,
        memory: GreylistMemory,
        facts: RecipientFacts,
        contact: Contact,
        source: Source,
        evidence: Sequence[Finding],
    ) -> str:
        """Why this contact is not asked to come back, "" when it is."""
        session = facts.transaction.session
        if session.trusted():
            return "the client's network is trusted"
        names = host_names(evidence)
        if contact.source[0] == "@":
            names.append(contact.source[1:])
        pool = pool_of(session.client, names)
        if pool:
            return f"{pool} sends from many addresses"
        if source.is_known(session.now_s):
            return f"{contact.source} is known to retry"
        theirs = facts.transaction.reverse_path.key
        if any(memory.corresponds(ours, theirs, session.now_s) for ours in _ours(facts)):
            return "the recipient has written to this sender"
        return ""

    def _ask(
        self, memory: GreylistMemory, contact: Contact, policy: GroupPolicy, now_s: float, usual_s: int
    ) -> Finding:
        seen = memory.seen(contact)
        turn = turn_of(seen, now_s, policy.greylisting_delay_s, policy.greylisting_window_s)
        self._count(GREYLISTING[turn])
        if seen is None or turn is Turn.FIRST:
            memory.first_contact(contact, now_s, policy.greylisting_delay_s)
            seen = Seen(now_s, now_s)
        elif turn is not Turn.EARLY:
            memory.returned(contact, seen, now_s)
            if turn is Turn.KNOWN:
                return Finding(NAME, Result.PASS, detail="this sender has come back before")
            waited_s = now_s - seen.first_s
            memory.prove(contact.source, now_s, waited_s)
            return Finding(NAME, Result.PASS, detail=f"waited {waited_s:.0f} s")
        detail = waiting(turn, contact, seen.first_s, now_s, policy.greylisting_delay_s, usual_s)
        return Finding(NAME, Result.NEUTRAL, Reason.GREYLISTED, detail)

    def accepted(
        self, transaction: TransactionFacts, recipients: Sequence[str], evidence: Sequence[Finding]
    ) -> None:
        """Mail was accepted for these recipients (addresses in lower case): what that proves for the future.

        One of ours who posts makes those he writes to known to him; a stranger whose domain SPF has passed
        makes that domain known.
        """
        memory, reverse_path, session = self.memory, transaction.reverse_path, transaction.session
        if memory is None or not isinstance(reverse_path, Mailbox):
            return
        if session.privileged():
            for theirs in recipients[:_MOST_LEARNT]:
                memory.wrote(reverse_path.key, theirs, session.now_s)
        elif session.service is Service.SMTP:
            proven = spf_domain(reverse_path, evidence)
            if proven:
                memory.prove(f"@{proven}", session.now_s)


_MOST_LEARNT: Final = 100
"""Who writes to more at once, writes no letter."""


class GreylistKeeper:
    """Opens the memory when a group first wants greylisting; for the second's round of a receiver."""

    __slots__ = ("_folder", "_greylist", "_pace")

    def __init__(self, greylist: Greylist, folder: Path) -> None:
        self._greylist = greylist
        self._folder = folder
        self._pace = Pace()

    def tend(self, directory: Directory) -> None:
        """Have the memory open if this directory needs it. Without it nobody is asked to come back."""
        if self._greylist.memory is not None or not directory.greylists:
            return
        if not self._pace.due(log_events.GREYLIST_UNAVAILABLE):
            return
        try:
            memory = GreylistMemory.open(self._folder)
        except OSError as fault:
            log.warning(log_events.GREYLIST_UNAVAILABLE, fault=str(fault)[:300])
            return
        self._greylist.memory = memory
        for table, what in memory.anew.items():
            log.warning(log_events.GREYLIST_ANEW, table=table, fault=what)

    def close(self) -> None:
        """Give the memory up."""
        memory, self._greylist.memory = self._greylist.memory, None
        if memory is not None:
            memory.close()


def _is_asked(session: SessionFacts) -> bool:
    """Only servers of strangers: who posts is known, and LMTP is spoken on our side."""
    return session.service is Service.SMTP and not session.privileged()


def _ours(facts: RecipientFacts) -> tuple[str, ...]:
    """The addresses under which the recipient may have written: the one written to, and his mailbox's."""
    user = facts.route.user if isinstance(facts.route, Local | Relayed) else ""
    return (facts.address, user) if user and user != facts.address else (facts.address,)


def _spared(why: str) -> Finding:
    return Finding(NAME, Result.NONE, detail=why)
