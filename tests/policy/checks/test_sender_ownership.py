"""Who may post under which reverse-path."""

from __future__ import annotations

import pytest

from clement.message.grammar import examine
from clement.policy.checks.sender_ownership import check, check_author
from clement.policy.facts import ContentFacts, TransactionFacts
from clement.policy.finding import Result
from clement.policy.reason import Reason
from clement.smtp import ContentDefects, Service
from tests.policy.samples import ANNA_PERSON, NOT_RELAYABLE, RELAYABLE, session, transaction


def of_anna(reverse_path: str) -> TransactionFacts:
    return transaction(reverse_path, of=session(service=Service.SUBMISSION, person=ANNA_PERSON))


@pytest.mark.parametrize(
    "reverse_path", ["anna@local.example", "Anna@LOCAL.example", "whoever@own.example", '"an na"@own.example']
)
def test_a_person_posts_under_names_of_his_own(reverse_path: str) -> None:
    found = check(of_anna(reverse_path))
    assert found is not None
    assert (found.result, found.reason) == (Result.PASS, None)


@pytest.mark.parametrize(
    "reverse_path",
    [
        "bruno@local.example",
        "anna@sub.own.example",
        "anna@xown.example",
        '"anna@local.example"@evil.example',
    ],
)
def test_case_058_and_under_no_other(reverse_path: str) -> None:
    found = check(of_anna(reverse_path))
    assert found is not None
    assert (found.result, found.reason) == (Result.FAIL, Reason.SENDER_NOT_OWNED)


def test_submission_is_for_people_who_logged_in() -> None:
    found = check(transaction(of=session(service=Service.SUBMISSION)))
    assert found is not None
    assert found.reason is Reason.LOGIN_REQUIRED
    not_relayable = session(service=Service.SUBMISSION, relaying=NOT_RELAYABLE)
    assert check(transaction(of=not_relayable)) is not None


def test_and_for_networks_that_may_relay() -> None:
    assert check(transaction(of=session(service=Service.SUBMISSION, relaying=RELAYABLE))) is None


@pytest.mark.parametrize("service", [Service.SMTP, Service.LMTP])
def test_a_server_owns_nothing_and_needs_no_login(service: Service) -> None:
    assert check(transaction("anna@local.example", of=session(service=service))) is None


def written(header: bytes, of: TransactionFacts) -> ContentFacts:
    return ContentFacts(of, 100, ContentDefects.NONE, examine(header + b"\r\n"))


@pytest.mark.parametrize(
    "author", [b"Anna <anna@local.example>", b"anna@LOCAL.example", b"a@own.example, anna@local.example"]
)
def test_a_receipt_has_no_reverse_path_and_an_author_of_his_own(author: bytes) -> None:
    posted = of_anna("")
    begun = check(posted)
    assert begun is not None
    assert (begun.result, begun.reason) == (Result.NEUTRAL, None)
    found = check_author(written(b"From: " + author + b"\r\n", posted))
    assert found is not None
    assert (found.result, found.reason) == (Result.PASS, None)


@pytest.mark.parametrize(
    ("header", "who"),
    [
        (b"From: bruno@local.example\r\n", "bruno@local.example"),
        (b"From: anna@local.example, bruno@local.example\r\n", "bruno@local.example"),
        (b"From: anna@local.example\r\nFrom: bruno@local.example\r\n", "bruno@local.example"),
        (b'From: "anna@local.example" <x@evil.example>\r\n', "x@evil.example"),
        (b"From: undisclosed:;\r\n", "nobody"),
        (b"Sender: anna@local.example\r\n", "nobody"),
    ],
)
def test_case_058_nor_is_it_a_way_around(header: bytes, who: str) -> None:
    found = check_author(written(header, of_anna("")))
    assert found is not None
    assert (found.result, found.reason, found.detail) == (Result.FAIL, Reason.AUTHOR_NOT_OWNED, who)


def test_the_author_of_other_mail_is_not_asked_for() -> None:
    header = b"From: bruno@local.example\r\n"
    assert check_author(written(header, of_anna("anna@local.example"))) is None
    assert check_author(written(header, transaction(""))) is None
