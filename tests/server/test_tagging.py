"""Marks are safe whatever a check is called and whatever it weighs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from clement.message.headers import fields
from clement.policy.directory import Domain, GroupPolicy, Local, Relayed
from clement.policy.finding import Finding, Result
from clement.policy.score import Thresholds, scored
from clement.server.tagging import MOST_STARS, Tagging, with_subject
from clement.spool.content import Content
from tests.policy.samples import ANNA, RELAYED, STORED

TAGGING = Tagging("X-Score", "X-Flag", "X-Level", "X-Reason", "[?] ")
found = st.lists(
    st.builds(Finding, st.text(max_size=80), st.just(Result.FAIL), weight=st.floats()), max_size=40
)


@given(found)
def test_a_head_is_a_few_short_fields_in_ascii_and_nothing_else(findings: list[Finding]) -> None:
    """Nobody who names a check, or a rule, writes a field of his own."""
    head = TAGGING.head_for(scored(findings, Thresholds(0.5)), None)
    assert head.isascii()
    assert len(head) < 600
    names = [field.name for field in fields(head)]
    assert names in ([], [b"X-Score"], [b"X-Score", b"X-Flag", b"X-Level", b"X-Reason"])
    assert head.count(b"\n") == head.count(b"\r\n") == len(names) + (len(names) == 4)
    assert all(len(line) < 300 for line in head.split(b"\r\n"))


def test_stars_are_bounded() -> None:
    many = [Finding(f"check-{number}", Result.FAIL, weight=8.0) for number in range(20)]
    assert b"*" * MOST_STARS + b"\r\n" in TAGGING.head_for(scored(many, Thresholds(1.0)), None)


def test_a_message_without_subject_gets_one() -> None:
    content = Content.in_memory(b"From: a@b.example\r\n\r\nbody\r\n")
    assert with_subject(content, "[?] ").whole == b"Subject: [?]\r\nFrom: a@b.example\r\n\r\nbody\r\n"


def test_only_the_first_subject_is_marked_and_the_body_never() -> None:
    content = Content.in_memory(b"SUBJECT : a\r\n b\r\nSubject: c\r\n\r\nSubject: d\r\n")
    marked = with_subject(content, "[?] ").whole
    assert marked == b"SUBJECT : [?] a\r\n b\r\nSubject: c\r\n\r\nSubject: d\r\n"


@pytest.mark.parametrize(
    ("own", "prefix"), [("", "[?] "), ("[SPAM] ", "[SPAM] "), ("none", "")], ids=["the site's", "own", "none"]
)
def test_a_group_says_what_stands_before_the_subject(own: str, prefix: str) -> None:
    policy = GroupPolicy(subject_prefix=own)
    domain = Domain(2, "relay.example", 2)
    relayed = Relayed(replace(RELAYED, policy=policy), domain, "boss@relay.example")
    local = Local(replace(STORED, policy=policy), domain, (ANNA,))
    assert TAGGING.prefix_for(relayed) == TAGGING.prefix_for(local) == prefix
    marked = scored([Finding("check", Result.FAIL, weight=3.0)], Thresholds(0.5))
    assert TAGGING.mark_of_message(relayed, marked, None) == f"tagged {prefix}"
    assert TAGGING.mark_of_message(local, marked, None) == (f"tagged {prefix}" if prefix else "")
    assert TAGGING.mark_of_message(relayed, None, None) == ""
