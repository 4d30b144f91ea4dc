"""Could an answer reach the sender at all? A domain that takes no mail sends none that wants one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from clement.message.dns import DnsTemporaryFailure
from clement.policy.facts import TransactionFacts
from clement.policy.finding import Finding, Result
from clement.policy.pipeline import Answer
from clement.policy.ports import MailDomain, Resolver
from clement.policy.reason import Reason
from clement.smtp import Mailbox, Service

NAME = "sender-domain"


def check_with(resolver: Resolver) -> Callable[[TransactionFacts], Answer]:
    """The check, asking this resolver; the cache answers at once.

    Only for what servers of strangers bring in: people who post are known, and mail that comes by LMTP
    was taken in by somebody who could ask, and who would have to bounce what we refuse.
    """

    def check(transaction: TransactionFacts) -> Answer:
        session = transaction.session
        reverse_path = transaction.reverse_path
        if not isinstance(reverse_path, Mailbox) or reverse_path.is_literal:
            return None
        if session.service is not Service.SMTP or session.privileged() or session.trusted():
            return None
        domain = reverse_path.domain
        if session.directory.domain(domain) is not None:
            return None
        known = resolver.known_mail_domain(domain)
        return _ask(resolver, domain) if known is None else _finding(domain, known)

    return check


def _ask(resolver: Resolver, domain: str) -> Awaitable[Finding | None]:
    async def ask() -> Finding | None:
        try:
            return _finding(domain, await resolver.mail_domain(domain))
        except DnsTemporaryFailure as failure:
            # Nothing is refused because the DNS failed: a temperror without a reason.
            return Finding(NAME, Result.TEMPERROR, detail=f"{domain}: {failure}")

    return ask()


def _finding(domain: str, answer: MailDomain) -> Finding:
    match answer:
        case MailDomain.REACHABLE:
            return Finding(NAME, Result.PASS, detail=domain)
        case MailDomain.REFUSES:
            return Finding(NAME, Result.FAIL, Reason.SENDER_REFUSES_MAIL, domain)
        case MailDomain.NOWHERE:
            return Finding(NAME, Result.FAIL, Reason.SENDER_UNRESOLVABLE, domain)
