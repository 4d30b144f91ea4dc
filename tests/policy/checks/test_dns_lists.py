"""Who is asked about, and what a recipient's group hears of what lists say."""

from __future__ import annotations

import asyncio

import pytest

from clement.policy.checks.dns_lists import begin_sender_with, begin_with, check_with
from clement.policy.decide import decide, decide_early
from clement.policy.directive import Action, Directive, Scope
from clement.policy.directory import Fallback
from clement.policy.dns_list import Asked, DnsList, ListAnswer, ListKind, Reading, Subjects
from clement.policy.facts import RecipientFacts, SessionFacts
from clement.policy.finding import Finding, Result
from clement.policy.pipeline import Check, gather
from clement.policy.reason import Reason
from clement.policy.verdict import ACCEPTED, Accept, Defer, Reject
from clement.policy.wording import reply_to
from clement.smtp import Service
from tests.policy.samples import (
    ANNA_PERSON,
    BANNED,
    RELAYABLE,
    TRUSTED,
    NoLists,
    policy_with,
    recipient,
    session,
    transaction,
)

BLOCK = DnsList(zone="bl.example")
TELLS = DnsList(zone="tells.example", reason_from_txt=True)
ALLOW = DnsList(zone="wl.example", kind=ListKind.ALLOW, weight=5)


class Lists:
    """Lists that say what a test says, from memory or not, and keep what they were asked."""

    threshold = 3.0
    in_use = True
    reads_content = False

    def __init__(self, *answers: ListAnswer, remembered: bool = True, text: str = "") -> None:
        self._answers = answers
        self._remembered = remembered
        self._text = text
        self.begun: list[Subjects] = []
        self.asked: list[Subjects] = []

    def begin(self, subjects: Subjects) -> None:
        self.begun.append(subjects)

    def known(self, subjects: Subjects) -> tuple[ListAnswer, ...] | None:
        self.asked.append(subjects)
        return self._answers if self._remembered else None

    async def ask(self, subjects: Subjects) -> tuple[ListAnswer, ...]:
        await asyncio.sleep(0)
        return self._answers

    async def reason(self, answer: ListAnswer) -> str:
        return self._text


def listing(of: DnsList = BLOCK, weight: float = 4.0, subject: str = "198.18.0.7") -> ListAnswer:
    return ListAnswer(of, Asked.CLIENT, subject, "7.0.18.198", Reading(("127.0.0.2",), weight))


def silence(of: DnsList) -> ListAnswer:
    return ListAnswer(of, Asked.CLIENT, "198.18.0.7", failed="no answer", duration_us=7)


def found(lists: Lists, facts: RecipientFacts | None = None) -> list[Finding]:
    async def main() -> list[Finding]:
        seen = gather((Check("dns-lists", check_with(lists)),), facts or recipient(), 5.0)
        return [each.finding for each in (seen if isinstance(seen, list) else await seen)]

    return asyncio.run(main())


def test_client_greeting_and_sender_are_asked_about() -> None:
    lists = Lists()
    facts = recipient(of=transaction("Ed@Sender.Example", of=session(hello="MX.Sender.Example.")))
    assert found(lists, facts) == [Finding("dns-lists", Result.NONE, detail="listed nowhere")]
    expected = Subjects("7.0.18.198", "198.18.0.7", False, "mx.sender.example", "sender.example")
    assert lists.asked == [expected]
    begin_with(lists)(facts.transaction.session)
    assert lists.begun == [Subjects("7.0.18.198", "198.18.0.7", False, "mx.sender.example")]
    begin_sender_with(lists)(facts.transaction)
    assert lists.begun[1:] == [Subjects(sender="sender.example")]


@pytest.mark.parametrize("hello", ["[198.18.0.7]", "localhost", "relay.example", "192.0.2.1"])
@pytest.mark.parametrize("reverse_path", ["", "x@[198.18.0.7]", "bruno@local.example"])
def test_what_is_no_name_or_hosted_here_is_not_asked_about(hello: str, reverse_path: str) -> None:
    lists = Lists()
    found(lists, recipient(of=transaction(reverse_path, of=session(hello=hello))))
    assert lists.asked == [Subjects("7.0.18.198", "198.18.0.7")]


@pytest.mark.parametrize(
    "of",
    [
        session(person=ANNA_PERSON),
        session(relaying=RELAYABLE),
        session(reputation=TRUSTED),
        session(reputation=BANNED),
        session(service=Service.SUBMISSION),
        session(service=Service.LMTP),
        *map(session, ("127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.7.7", "169.254.1.1", "100.64.0.1")),
        *map(session, ("::1", "fe80::1", "fd00::1", "::ffff:10.0.0.1")),
    ],
)
def test_only_strangers_on_the_internet_are_asked_about(of: SessionFacts) -> None:
    lists = Lists(listing())
    begin_with(lists)(of)
    begin_sender_with(lists)(transaction(of=of))
    assert found(lists, recipient(of=transaction(of=of))) == []
    assert lists.asked == lists.begun == []


@pytest.mark.parametrize("address", ["nobody@local.example", "x@elsewhere.example", "loop-a@local.example"])
def test_recipients_that_are_refused_anyway_wait_for_no_list(address: str) -> None:
    lists = Lists(listing())
    assert found(lists, recipient(address)) == []
    assert lists.asked == []


def test_a_site_without_lists_asks_nothing() -> None:
    assert check_with(NoLists())(recipient()) is None
    assert begin_with(NoLists())(session()) is None
    assert begin_sender_with(NoLists())(transaction()) is None


@pytest.mark.parametrize("remembered", [True, False])
def test_each_list_is_told_and_what_they_are_worth_together(remembered: bool) -> None:
    lists = Lists(listing(), silence(TELLS), listing(ALLOW, -0.5), remembered=remembered)
    assert found(lists) == [
        Finding(
            "dns-lists", Result.SOFTFAIL, None, "bl.example lists client 198.18.0.7: 127.0.0.2, weight +4", 4
        ),
        Finding("dns-lists", Result.TEMPERROR, None, "tells.example on client 198.18.0.7: no answer"),
        Finding(
            "dns-lists", Result.PASS, None, "wl.example lists client 198.18.0.7: 127.0.0.2, weight -0.5", -0.5
        ),
        Finding(
            "dns-lists",
            Result.FAIL,
            Reason.DNS_LISTED,
            "198.18.0.7 is listed in bl.example (127.0.0.2)",
        ),
    ]


@pytest.mark.parametrize("remembered", [True, False])
def test_the_list_s_own_words_reach_the_client_bounded(remembered: bool) -> None:
    lists = Lists(listing(TELLS), remembered=remembered, text="spam\r\n250 OK \x1b[2J " + "x" * 70_000)
    *_evidence, verdict = found(lists)
    assert verdict.reason is Reason.DNS_LISTED
    reply = reply_to(Reject(Reason.DNS_LISTED, verdict.detail), "7f3k2m9x4q1z-1")
    assert reply.text[0].startswith("198.18.0.7 is listed in tells.example: spam?250 OK ?[2J xxx")
    assert reply.encode().count(b"\n") == 1
    assert reply.text[0].endswith("[7f3k2m9x4q1z-1]")


def test_a_rescued_client_has_evidence_and_no_reason() -> None:
    assert {each.reason for each in found(Lists(listing(), listing(ALLOW, -5)))} == {None}


def test_case_090_silence_is_no_reason_to_refuse() -> None:
    silent = found(Lists(silence(BLOCK), silence(ALLOW)))
    assert [(each.result, each.reason, each.weight) for each in silent] == [(Result.TEMPERROR, None, 0)] * 2
    *_evidence, undecided = found(Lists(listing(), silence(ALLOW)))
    assert (undecided.result, undecided.reason) == (Result.TEMPERROR, None)
    assert "wl.example could not be asked" in undecided.detail


def test_a_listing_waits_for_rcpt_where_group_and_directive_decide() -> None:
    findings = found(Lists(listing()))
    accept = Directive(7, Scope.USER, "anna@local.example", Action.ACCEPT, "")
    assert decide_early(findings, a_directive_may_accept=False) == ACCEPTED
    assert isinstance(decide(findings, None, policy_with()), Reject)
    assert isinstance(decide(findings, None, policy_with(dns_listed=Fallback.DEFER)), Defer)
    assert isinstance(decide(findings, None, policy_with(dns_listed=Fallback.ACCEPT)), Accept)
    assert isinstance(decide(findings, accept, policy_with()), Accept)
