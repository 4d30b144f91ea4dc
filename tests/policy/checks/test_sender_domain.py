"""Whether the domain of a reverse-path could be answered, as far as the DNS says."""

from __future__ import annotations

import asyncio

import pytest

from clement.message.dns import DnsAnswer, DnsTemporaryFailure
from clement.policy.checks.sender_domain import check_with
from clement.policy.facts import SessionFacts, TransactionFacts
from clement.policy.finding import Finding, Result
from clement.policy.ports import MailDomain
from clement.policy.reason import Reason
from clement.smtp import Service
from tests.policy.samples import ANNA_PERSON, RELAYABLE, TRUSTED, session, transaction


class Dns:
    """Says the same of every domain; `remembers` says it at once."""

    def __init__(self, answer: MailDomain | None, *, remembers: bool = False) -> None:
        self._answer = answer
        self._remembers = remembers
        self.asked: list[str] = []

    def known_mail_domain(self, domain: str) -> MailDomain | None:
        return self._answer if self._remembers else None

    async def mail_domain(self, domain: str) -> MailDomain:
        self.asked.append(domain)
        if self._answer is None:
            raise DnsTemporaryFailure("MX of sender.example")
        return self._answer

    async def mx(self, domain: str) -> DnsAnswer:
        raise NotImplementedError

    addresses = txt = ptr = mx


def finding(dns: Dns, facts: TransactionFacts | None = None) -> Finding | None:
    async def main() -> Finding | None:
        answer = check_with(dns)(facts or transaction())
        return answer if answer is None or isinstance(answer, Finding) else await answer

    return asyncio.run(main())


@pytest.mark.parametrize("remembers", [False, True])
@pytest.mark.parametrize(
    ("answer", "result", "reason"),
    [
        (MailDomain.REACHABLE, Result.PASS, None),
        (MailDomain.REFUSES, Result.FAIL, Reason.SENDER_REFUSES_MAIL),
        (MailDomain.NOWHERE, Result.FAIL, Reason.SENDER_UNRESOLVABLE),
    ],
)
def test_what_the_dns_says(
    answer: MailDomain, result: Result, reason: Reason | None, remembers: bool
) -> None:
    dns = Dns(answer, remembers=remembers)
    assert finding(dns) == Finding("sender-domain", result, reason, "sender.example")
    assert dns.asked == ([] if remembers else ["sender.example"])


def test_case_090_a_dns_that_does_not_answer_is_no_reason_to_refuse() -> None:
    found = finding(Dns(None))
    assert found is not None
    assert (found.result, found.reason) == (Result.TEMPERROR, None)


@pytest.mark.parametrize("reverse_path", ["", "ed@[198.18.0.7]", "bruno@local.example", "x@relay.example"])
def test_what_needs_no_dns_is_not_asked_for(reverse_path: str) -> None:
    dns = Dns(MailDomain.NOWHERE)
    assert finding(dns, transaction(reverse_path)) is None
    assert dns.asked == []


@pytest.mark.parametrize(
    "of",
    [
        session(person=ANNA_PERSON),
        session(relaying=RELAYABLE),
        session(reputation=TRUSTED),
        session(service=Service.SUBMISSION),
        session(service=Service.LMTP),
    ],
    ids=["logged-in", "relayable", "trusted", "submission", "lmtp"],
)
def test_only_strangers_servers_are_asked_about(of: SessionFacts) -> None:
    assert finding(Dns(MailDomain.NOWHERE), transaction(of=of)) is None
