"""Could an answer reach the sender at all? A domain that takes no mail sends none that wants one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from clement.policy.facts import TransactionFacts
from clement.policy.finding import Finding, Result
from clement.policy.pipeline import Answer
from clement.policy.ports import DnsTemporaryFailure, Resolver
from clement.policy.reason import Reason
from clement.smtp import Mailbox

NAME = "sender-domain"


def check_with(resolver: Resolver) -> Callable[[TransactionFacts], Answer]:
    """The check, asking this resolver, for strangers' domains only; the cache answers at once."""

    def check(transaction: TransactionFacts) -> Answer:
        session = transaction.session
        reverse_path = transaction.reverse_path
        if not isinstance(reverse_path, Mailbox) or session.privileged() or session.trusted():
            return None
        domain = reverse_path.domain
        if domain.startswith("[") or session.directory.domain(domain) is not None:
            return None
        known = resolver.known_mail_domain(domain)
        return _ask(resolver, domain) if known is None else _finding(domain, accepts_mail=known)

    return check


def _ask(resolver: Resolver, domain: str) -> Awaitable[Finding | None]:
    async def ask() -> Finding | None:
        try:
            return _finding(domain, accepts_mail=await resolver.accepts_mail(domain))
        except DnsTemporaryFailure as failure:
            # Nothing is refused because the DNS failed: a temperror without a reason.
            return Finding(NAME, Result.TEMPERROR, detail=f"{domain}: {failure}")

    return ask()


def _finding(domain: str, *, accepts_mail: bool) -> Finding:
    if accepts_mail:
        return Finding(NAME, Result.PASS, detail=domain)
    return Finding(NAME, Result.FAIL, Reason.SENDER_UNRESOLVABLE, domain)
