"""Whose name an author bears, and what follows for whom."""

from __future__ import annotations

import pytest
from msgspec import structs

from clement.message.addresses import HeaderMailbox, parse_address_list
from clement.message.grammar import MessageFacts
from clement.policy.checks import author_name
from clement.policy.checks.author_name import local_parts
from clement.policy.decide import decide
from clement.policy.directive import Action, Directive, Scope
from clement.policy.directory import Directory, Fallback, LocalMailbox
from clement.policy.facts import RecipientContentFacts, SessionFacts
from clement.policy.finding import Finding
from clement.policy.reason import Reason
from clement.policy.verdict import Accept, Quarantine, Reject
from clement.policy.wording import reply_to
from clement.smtp import Service
from tests.policy.samples import (
    ANNA_PERSON,
    CONTENTS,
    RELAYABLE,
    TRUSTED,
    content,
    content_for,
    policy_with,
    session,
    transaction,
)

SMITH = LocalMailbox(9, "anna.smith@local.example", "local.example/anna.smith")
SITE = Directory(structs.replace(CONTENTS, mailboxes=(*CONTENTS.mailboxes, SMITH)))


def facts(
    author: str,
    *,
    to: str = "bruno@local.example",
    header: bytes = b"",
    of: SessionFacts | None = None,
    proven: tuple[str, ...] = (),
    monkeypatch: pytest.MonkeyPatch | None = None,
) -> RecipientContentFacts:
    authors = parse_address_list(author).mailboxes
    message = MessageFacts(
        from_count=1, authors=authors, author_domains=tuple(each.mailbox.domain for each in authors)
    )
    whole = content(message)
    whole.transaction = transaction(of=of or session())
    whole.transaction.session.directory = SITE
    whole.header_block = header
    if monkeypatch is not None:
        whole.identity = object()  # type: ignore[assignment]
        monkeypatch.setattr(author_name, "authenticated_domains", lambda _identity: proven)
    return content_for(to, whole)


def found(of: RecipientContentFacts) -> list[Finding]:
    answer = author_name.check(of)
    if isinstance(answer, Finding):
        return [answer]
    assert answer is None or isinstance(answer, tuple)
    return [each.finding for each in answer or ()]


@pytest.mark.parametrize(
    ("author", "words", "weight"),
    [
        ("Anna Smith <x@evil.example>", "is called like anna.smith@local.example", 2.0),
        ('"Smith, Anna" <x@evil.example>', "anna.smith@local.example", 2.0),
        ("ANNA  SMITH <x@evil.example>", "anna.smith@local.example", 2.0),
        ("\u0410nna Sm\u0456th <x@evil.example>", "anna.smith@local.example", 2.0),
        ("=?utf-8?q?Anna_Smith?= <x@evil.example>", "anna.smith@local.example", 2.0),
        ('"Anna Smith (local)" <x@evil.example>', "", 0.0),
        ('"ceo@local.example" <x@evil.example>', "ceo@local.example is the name of x@evil.example", 3.0),
        ('"ceo@bank.test" <x@evil.example>', "ceo@bank.test is the name of", 1.0),
        ("Ed <ed@loca1.example>", "loca1.example looks like local.example", 3.0),
        ("Ed <ed@mail.loca1.example>", "looks like local.example", 3.0),
    ],
)
def test_a_stranger_under_a_name_of_ours_is_told(author: str, words: str, weight: float) -> None:
    seen = found(facts(author))
    if not words:
        assert seen == []
        return
    assert words in seen[0].detail
    assert (seen[0].weight, seen[0].reason) == (weight, None)
    reasons = [each.reason for each in seen[1:]]
    assert reasons == ([Reason.AUTHOR_IMPERSONATES] if weight > 1 else [])


@pytest.mark.parametrize(
    "author",
    [
        "Anna <anna@evil.example>",
        "Ed Miller <ed@sender.example>",
        "Smith <smith@sender.example>",
        '"Ed via List" <list@lists.example>',
        "\"'ed@bank.test' via List\" <list@lists.example>",
        '"ed@sender.example" <ed@sender.example>',
        '"Info" <info@news.example>',
        "anna.smith@sender.example",
        "Anna Smith <anna.smith@local.example>",
    ],
)
def test_ordinary_authors_are_not(author: str) -> None:
    assert found(facts(author)) == []


def test_the_name_counts_for_recipients_of_the_same_domain_alone() -> None:
    assert found(facts("Anna Smith <x@evil.example>", to="boss@relay.example")) == []


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
def test_people_of_ours_and_those_we_trust_are_not_judged(of: SessionFacts) -> None:
    assert found(facts("Anna Smith <x@evil.example>", of=of)) == []


def test_a_private_address_that_is_proven_weighs_little(monkeypatch: pytest.MonkeyPatch) -> None:
    proven = facts("Anna Smith <annasmith@home.example>", proven=("home.example",), monkeypatch=monkeypatch)
    (evidence,) = found(proven)
    assert evidence.weight == 0.5
    other = facts("Anna Smith <x77@home.example>", proven=("home.example",), monkeypatch=monkeypatch)
    assert [each.weight for each in found(other)] == [1.0, 0.0]


def test_answers_that_would_go_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = b"From: x\r\nReply-To: <boss@evil.test>\r\n"
    seen = found(facts("Bruno <bruno@local.example>", header=elsewhere))
    assert seen[0].weight == 1.5
    assert "wants answers at boss@evil.test" in seen[0].detail
    for harmless in (b"", b"Reply-To: anna@local.example\r\n", b"Reply-To: x@relay.example\r\n"):
        assert found(facts("Bruno <bruno@local.example>", header=harmless)) == []
    proven = ("local.example",)
    own = facts("Bruno <bruno@local.example>", header=elsewhere, proven=proven, monkeypatch=monkeypatch)
    assert found(own) == []


def test_the_group_decides_and_an_accepting_directive_lifts_it() -> None:
    seen = found(facts("Anna Smith <x@evil.example>"))
    directive = Directive(1, Scope.DOMAIN, "local.example", Action.ACCEPT, "x@evil.example")
    assert isinstance(decide(seen, None, policy_with()), Accept)
    assert isinstance(decide(seen, None, policy_with(impersonation=Fallback.QUARANTINE)), Quarantine)
    refused = decide(seen, None, policy_with(impersonation=Fallback.REFUSE))
    assert isinstance(refused, Reject)
    assert isinstance(decide(seen, directive, policy_with(impersonation=Fallback.REFUSE)), Accept)
    said = str(reply_to(refused, "ID").text)
    assert "local.example" in said
    assert "anna.smith" not in said, "nobody is told who is here"


def test_usual_spellings_of_a_name() -> None:
    assert {"anna.smith", "smith.anna", "annasmith", "asmith", "a.smith"} <= set(local_parts("Anna Smith"))
    assert "anna.maria.smith" in local_parts("Anna Maria Smith")
    assert local_parts("Anna") == []
    assert local_parts("a b c d e f") == []
    assert local_parts("\u5f20 \u4f1f") == []


def test_case_103_long_names_cost_nothing_and_are_cut_in_the_log() -> None:
    author = HeaderMailbox(
        "Anna " * 5000 + "\u202e@local.example", parse_address_list("x@evil.example").mailboxes[0].mailbox
    )
    whole = facts("x@evil.example")
    whole.content.message = MessageFacts(from_count=1, authors=(author,) * 50)
    for each in found(whole):
        assert len(each.detail) <= author_name.MAX_DETAIL_CHARS
        assert "\u202e" not in each.detail
