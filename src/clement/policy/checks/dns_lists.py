"""What DNS lists say of a stranger's server: its address, the name it gave itself, its sender's domain.

Lists are begun at HELO and MAIL and heard at RCPT, where a directive or the group can still set their word
aside. A list that gives no answer has no weight; an allow list that gives none and could have spoken for the
client keeps the others from refusing it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from clement.policy.directory import Local, Relayed
from clement.policy.dns_list import DnsLists, ListAnswer, Subjects, name_to_ask, reversed_address, weigh
from clement.policy.facts import RecipientFacts, SessionFacts, TransactionFacts
from clement.policy.list_verdict import ListVerdict
from clement.policy.network import Address
from clement.policy.pipeline import Answer, Findings
from clement.policy.reason import Reason
from clement.smtp import Mailbox, Service

NAME = "dns-lists"


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
    verdict = ListVerdict(NAME, Reason.DNS_LISTED, lists)

    def judge(answers: tuple[ListAnswer, ...]) -> Findings | Awaitable[Findings]:
        evidence = tuple([verdict.evidence(answer) for answer in answers])
        return verdict.reached(evidence, weigh(answers, lists.threshold))

    def check(recipient: RecipientFacts) -> Answer:
        transaction = recipient.transaction
        if not lists.in_use or not _is_asked_about(transaction.session):
            return None
        if not isinstance(recipient.route, Local | Relayed):
            return None
        return verdict.heard(_of_session(transaction.session, _sender_of(transaction)), judge)

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
