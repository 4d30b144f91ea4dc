"""Which names of a message lists are asked about, and what a recipient's group hears of what they say."""

from __future__ import annotations

import asyncio

import pytest

from clement.message.addresses import parse_address_list
from clement.message.grammar import MessageFacts
from clement.message.reading import Link, Origin, Reading
from clement.policy.checks.link_lists import MAX_NAMES, check_with
from clement.policy.decide import decide
from clement.policy.directory import Fallback
from clement.policy.dns_list import Asked, DnsList, LinkSubject, ListAnswer, ListKind, Subjects
from clement.policy.dns_list import Reading as Said
from clement.policy.facts import ContentFacts, SessionFacts
from clement.policy.finding import Finding, Result
from clement.policy.pipeline import Check, gather
from clement.policy.reason import Reason
from clement.policy.study import ContentStudy
from clement.policy.verdict import Accept, Quarantine, Reject
from clement.policy.wording import reply_to
from clement.smtp import Service
from tests.policy.samples import (
    ANNA_PERSON,
    RELAYABLE,
    TRUSTED,
    NoLists,
    content,
    policy_with,
    session,
    transaction,
)

DBL = DnsList(zone="dbl.example", asks=(Asked.LINK, Asked.AUTHOR))
TELLS = DnsList(zone="tells.example", asks=(Asked.LINK,), reason_from_txt=True)
ALLOW = DnsList(zone="wl.example", kind=ListKind.ALLOW, asks=(Asked.LINK,), weight=5)


class Lists:
    """Lists that say what a test says, and keep what they were asked."""

    threshold = 3.0
    in_use = False
    reads_content = True

    def __init__(self, *answers: ListAnswer, remembered: bool = True) -> None:
        self._answers = answers
        self._remembered = remembered
        self.asked: list[Subjects] = []

    def begin(self, subjects: Subjects) -> None:
        raise NotImplementedError

    def known(self, subjects: Subjects) -> tuple[ListAnswer, ...] | None:
        self.asked.append(subjects)
        return self._answers if self._remembered else None

    async def ask(self, subjects: Subjects) -> tuple[ListAnswer, ...]:
        await asyncio.sleep(0)
        return self._answers

    async def reason(self, answer: ListAnswer) -> str:
        return "a spammer's shop"


def listing(subject: str, weight: float = 4.0, of: DnsList = DBL) -> ListAnswer:
    return ListAnswer(of, Asked.LINK, subject, f"{subject}.{of.zone}", Said(("127.0.1.2",), weight))


def message(
    *targets: str, author: str = "Ed <ed@sender.example>", header: bytes = b"", of: SessionFacts | None = None
) -> ContentFacts:
    authors = parse_address_list(author).mailboxes
    facts = content(MessageFacts(from_count=1, authors=authors, author_domains=(authors[0].mailbox.domain,)))
    facts.transaction = transaction(of=of or session())
    facts.header_block = header
    links = tuple(Link(target, "here", Origin.ANCHOR) for target in targets)
    facts.study = ContentStudy(reading=Reading(links=links))
    return facts


def found(lists: Lists, facts: ContentFacts) -> list[Finding]:
    async def main() -> list[Finding]:
        seen = gather((Check("link-lists", check_with(lists)),), facts, 5.0)
        return [each.finding for each in (seen if isinstance(seen, list) else await seen)]

    return asyncio.run(main())


def test_hosts_of_links_and_domains_of_authors_and_answers_are_asked_about() -> None:
    lists = Lists()
    header = b"Reply-To: x@answers.example, y@local.example\r\n"
    facts = message("https://www.Shop.co.uk/a", "//192.0.2.7/", "https://local.example/", header=header)
    assert found(lists, facts) == [Finding("link-lists", Result.NONE, detail="listed nowhere")]
    (asked,) = lists.asked
    assert asked.authors == (
        LinkSubject("sender.example", "sender.example"),
        LinkSubject("answers.example", "answers.example"),
    )
    assert set(asked.links) == {
        LinkSubject("www.shop.co.uk", "shop.co.uk"),
        LinkSubject("192.0.2.7", "192.0.2.7", "7.2.0.192"),
    }


def test_at_most_twenty_names_the_most_suspicious_first() -> None:
    lists = Lists()
    targets = [f"https://a{n}.shop{n}.test/x" for n in range(100)] * 3
    facts = message(*targets, "https://loca1.example/", "https://x@203.0.113.7:99/", "https://127.0.0.1/")
    found(lists, facts)
    (asked,) = lists.asked
    assert len(asked.links) + len(asked.authors) == MAX_NAMES
    assert {subject.host for subject in asked.links[:2]} == {"loca1.example", "203.0.113.7"}
    assert len({subject.registrable for subject in asked.links}) == len(asked.links)


@pytest.mark.parametrize(
    "of",
    [
        session(person=ANNA_PERSON),
        session(relaying=RELAYABLE),
        session(reputation=TRUSTED),
        session(service=Service.LMTP),
        session(service=Service.SUBMISSION),
    ],
)
def test_nothing_is_asked_about_mail_of_those_we_know(of: SessionFacts) -> None:
    lists = Lists(listing("evil.test"))
    assert found(lists, message("https://evil.test/", of=of)) == []
    assert lists.asked == []


def test_a_site_without_such_lists_asks_nothing() -> None:
    assert check_with(NoLists())(message("https://evil.test/")) is None
    assert found(Lists(), message("https://local.example/", author="a@local.example")) == []


@pytest.mark.parametrize("remembered", [True, False])
def test_the_worst_name_counts_and_the_others_are_shown(remembered: bool) -> None:
    answers = (listing("a.test", 2.0), listing("b.test", 2.5), listing("b.test", 1.0, TELLS))
    seen = found(Lists(*answers, remembered=remembered), message("https://a.test/", "https://b.test/"))
    assert [(each.weight, each.reason) for each in seen] == [
        (0.0, None),
        (2.5, None),
        (1.0, None),
        (0.0, Reason.LINK_LISTED),
    ]
    assert seen[0].detail == "dbl.example lists link a.test: 127.0.1.2, weight +2"
    assert seen[-1].detail == "b.test is listed in dbl.example (127.0.1.2)"


def test_ten_weak_listings_are_not_one_strong() -> None:
    seen = found(Lists(*[listing(f"a{n}.test", 2.0) for n in range(10)]), message("https://a1.test/"))
    assert sum(each.weight for each in seen) == 2.0
    assert isinstance(decide(seen, None, policy_with()), Accept)


def test_the_list_s_own_words_reach_the_client() -> None:
    seen = found(Lists(listing("evil.test", 4.0, TELLS)), message("https://evil.test/"))
    verdict = decide(seen, None, policy_with())
    assert isinstance(verdict, Reject)
    told = " ".join(reply_to(verdict, "ID").text)
    assert "names a listed host: evil.test is listed in tells.example: a spammer's shop" in told
    assert isinstance(decide(seen, None, policy_with(link_listed=Fallback.ACCEPT)), Accept)
    assert isinstance(decide(seen, None, policy_with(link_listed=Fallback.QUARANTINE)), Quarantine)


def test_case_090_a_list_that_gives_no_answer_refuses_nothing() -> None:
    silent = ListAnswer(DBL, Asked.LINK, "evil.test", failed="no answer")
    unheard = ListAnswer(ALLOW, Asked.LINK, "evil.test", failed="no answer")
    for answers in ((silent,), (listing("evil.test"), unheard)):
        seen = found(Lists(*answers), message("https://evil.test/"))
        assert isinstance(decide(seen, None, policy_with()), Accept)
        assert any(each.result is Result.TEMPERROR for each in seen)


def test_an_allow_list_speaks_for_a_name() -> None:
    seen = found(
        Lists(listing("evil.test"), listing("evil.test", -3.0, ALLOW)), message("https://evil.test/")
    )
    assert isinstance(decide(seen, None, policy_with()), Accept)
    assert sum(each.weight for each in seen) == 1.0
