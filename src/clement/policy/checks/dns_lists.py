"""What DNS lists say of a stranger's server: its address, the name it gave itself, its sender's domain.

Lists are begun at HELO and MAIL and heard at RCPT, where a directive or the group can still set their word
aside. A list that gives no answer has no weight; an allow list that gives none and could have spoken for the
client keeps the others from refusing it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from time import perf_counter_ns

from clement.policy.directory import Local, Relayed
from clement.policy.dns_list import (
    DnsLists,
    ListAnswer,
    ListKind,
    Subjects,
    Weighed,
    name_to_ask,
    reversed_address,
    said_by,
    told_reason,
    weigh,
)
from clement.policy.facts import RecipientFacts, SessionFacts, TransactionFacts
from clement.policy.finding import Finding, Observation, Result
from clement.policy.network import Address
from clement.policy.pipeline import Answer, Findings
from clement.policy.reason import Reason
from clement.smtp import Mailbox, Service

NAME = "dns-lists"

_NOWHERE = Finding(NAME, Result.NONE, detail="listed nowhere")


def begin_with(lists: DnsLists) -> Callable[[SessionFacts], Answer]:
    """At HELO: asks about the client without waiting, and finds nothing yet."""

    def begin(session: SessionFacts) -> Answer:
        if lists.in_use and _is_asked_about(session):
            lists.begin(_of_session(session))
        return None

    return begin


def begin_sender_with(lists: DnsLists) -> Callable[[TransactionFacts], Answer]:
    """At MAIL: asks about the domain of the reverse-path, likewise."""

    def begin(transaction: TransactionFacts) -> Answer:
        if lists.in_use and _is_asked_about(transaction.session):
            sender = _sender_of(transaction)
            if sender:
                lists.begin(Subjects(sender=sender))
        return None

    return begin


def check_with(lists: DnsLists) -> Callable[[RecipientFacts], Answer]:
    """At RCPT: a finding for each list that says something, and one for what they are worth together."""

    def check(recipient: RecipientFacts) -> Answer:
        transaction = recipient.transaction
        if not lists.in_use or not _is_asked_about(transaction.session):
            return None
        if not isinstance(recipient.route, Local | Relayed):
            return None
        subjects = _of_session(transaction.session, _sender_of(transaction))
        known = lists.known(subjects)
        if known is None:
            return _ask(lists, subjects)
        return _judge(lists, known) if known else _NOWHERE

    return check


def _is_asked_about(session: SessionFacts) -> bool:
    """Servers of strangers on the Internet, of whom nobody here has said anything."""
    if session.service is not Service.SMTP or session.reputation is not None or session.privileged():
        return False
    return not _is_local(session.client)


def _is_local(address: Address) -> bool:
    """Addresses that mean another host everywhere, so that no list can know them.

    Not `is_private`, which counts networks for documentation and benchmarks among them.
    """
    number = int(address)
    table = _LOCAL_4 if address.version == 4 else _LOCAL_6
    return any(first <= number <= last for first, last in table)


def _range(base: int, bits: int, prefix: int) -> tuple[int, int]:
    return base, base | (1 << bits - prefix) - 1


# RFC 1918, RFC 1122 §3.2.1.3, RFC 3927, RFC 6598; RFC 4291 §2.5.3, RFC 4193, RFC 4291 §2.5.6
_LOCAL_4 = (
    _range(0x0A000000, 32, 8),
    _range(0x64400000, 32, 10),
    _range(0x7F000000, 32, 8),
    _range(0xA9FE0000, 32, 16),
    _range(0xAC100000, 32, 12),
    _range(0xC0A80000, 32, 16),
)
_LOCAL_6 = (_range(0, 128, 127), _range(0xFC00 << 112, 128, 7), _range(0xFE80 << 112, 128, 10))


def _of_session(session: SessionFacts, sender: str = "") -> Subjects:
    hello = name_to_ask(session.hello)
    if hello and session.directory.domain(hello) is not None:
        hello = ""
    client = session.client
    return Subjects(reversed_address(client), session.client_text, client.version == 6, hello, sender)


def _sender_of(transaction: TransactionFacts) -> str:
    reverse_path = transaction.reverse_path
    if not isinstance(reverse_path, Mailbox):
        return ""
    hosted = transaction.session.directory.domain(reverse_path.domain) is not None
    return "" if hosted else name_to_ask(reverse_path.domain)


async def _ask(lists: DnsLists, subjects: Subjects) -> Finding | Findings | None:
    answers = await lists.ask(subjects)
    if not answers:
        return _NOWHERE
    found = _judge(lists, answers)
    return found if isinstance(found, tuple) else await found


def _judge(lists: DnsLists, answers: tuple[ListAnswer, ...]) -> Findings | Awaitable[Findings]:
    """Evidence, and behind it what it is worth; waits only for a reason that the client is to be told."""
    evidence = tuple([Observation(_finding(answer), answer.duration_us) for answer in answers])
    weighed = weigh(answers, lists.threshold)
    gravest = weighed.gravest
    if gravest is None:
        return evidence
    if weighed.unheard is not None:
        return (*evidence, Observation(_undecided(weighed, weighed.unheard), 0))
    if gravest.dns_list.reason_from_txt:
        return _with_reason(lists, evidence, gravest)
    return (*evidence, Observation(_listed(gravest), 0))


async def _with_reason(lists: DnsLists, evidence: Findings, gravest: ListAnswer) -> Findings:
    started_ns = perf_counter_ns()
    listed = _listed(gravest, await lists.reason(gravest))
    return (*evidence, Observation(listed, (perf_counter_ns() - started_ns) // 1000))


def _listed(gravest: ListAnswer, text: str = "") -> Finding:
    """In words for the client: what is listed, where and why."""
    why = told_reason(gravest, text)
    detail = (
        f"{gravest.subject[:LONGEST_SUBJECT]} is listed in {gravest.dns_list.zone[:LONGEST_SUBJECT]}{why}"
    )
    # Without weight: each listing has its own, and whoever adds up findings must not count them twice.
    return Finding(NAME, Result.FAIL, Reason.DNS_LISTED, detail)


LONGEST_SUBJECT = 64
"""Characters of a listed name, and of a list's, in a reply; addresses are never longer."""


def _undecided(weighed: Weighed, unheard: ListAnswer) -> Finding:
    zone = unheard.dns_list.zone
    detail = f"weight {weighed.total:+g}, but {zone} could not be asked and may speak for it"
    return Finding(NAME, Result.TEMPERROR, detail=detail)


def _finding(answer: ListAnswer) -> Finding:
    """What one list says, as evidence."""
    if answer.failed:
        return Finding(NAME, Result.TEMPERROR, detail=said_by(answer))
    result = Result.PASS if answer.dns_list.kind is ListKind.ALLOW else Result.SOFTFAIL
    return Finding(NAME, result, None, said_by(answer), answer.reading.weight)
