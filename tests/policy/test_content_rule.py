"""Patterns of administrators: which are taken, what they see, and what they can cost."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.message.attachment import Attachment
from clement.message.grammar import examine
from clement.message.reading import Link, Origin, Reading, Text
from clement.policy.content_rule import (
    MAX_PATTERN_CHARS,
    ContentRule,
    Field,
    PatternRefused,
    RuleAction,
    compile_pattern,
)
from clement.policy.directive import Scope
from clement.policy.rule_book import MANY, RuleBook
from clement.policy.rule_texts import MAX_BODY_CHARS, MAX_LIST_CHARS, RuleTexts
from clement.policy.study import ContentStudy
from tests.policy.samples import content

HEADER = (
    b"From: =?utf-8?q?J=C3=BCrgen?= <j@sender.example>\r\nReply-To: <other@sender.example>\r\n"
    b"Subject: =?utf-8?q?Big?=\r\n =?utf-8?q?_Casino?= win\r\nX-Mailer: BulkBlaster 3\r\nX-Mailer: Second\r\n"
)


def texts(header: bytes = HEADER, study: ContentStudy | None = None) -> RuleTexts:
    facts = content(examine(header))
    facts.header_block, facts.study = header, study
    return RuleTexts(facts)


def rule(pattern: str, field: Field = Field.SUBJECT, number: int = 1, header: str = "") -> ContentRule:
    return ContentRule(number, Scope.SITE, "", f"r{number}", field, pattern, RuleAction.REFUSE, header)


def matching(found: RuleTexts, *rules: ContentRule) -> list[int]:
    return [each.id for scope in RuleBook(rules).of(1, "x.example") for each in scope.matching(found)]


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("", "1 to 1000 characters"),
        ("a" * (MAX_PATTERN_CHARS + 1), "1 to 1000 characters"),
        ("ca[sino", r"at character 3: missing \]"),
        ("a{2000}", "at character 2: invalid repetition"),
        (r"(a)\1", "at character 4: no such escape; RE2 has no back-references"),
        ("x(?=y)", "at character 2: RE2 knows no look-around"),
        ("a)|(b", "unexpected"),
        ("tab\there", "at character 4: .* cannot be seen"),
        ("nul\0", "cannot be seen"),
        (".*", "every message"),
        ("a|", "every message"),
        (r"^\s*$", "every message"),
        (r"\pL{30}", "too large"),
        (r"((a{100}){100}){100}", "invalid repetition"),
    ],
)
def test_a_pattern_that_cannot_be_is_refused_with_place_and_reason(pattern: str, said: str) -> None:
    with pytest.raises(PatternRefused, match=said):
        compile_pattern(pattern)


@given(st.text(max_size=80))
def test_any_pattern_compiles_or_is_refused(pattern: str) -> None:
    with suppress(PatternRefused):
        compile_pattern(pattern).search("x" * 100)


@pytest.mark.parametrize(
    ("field", "header", "pattern"),
    [
        (Field.SUBJECT, "", "^big casino win$"),
        (Field.AUTHOR, "", "jürgen <j@sender"),
        (Field.AUTHOR, "", "@sender\\.example>$"),
        (Field.REPLY_TO, "", "^<other@"),
        (Field.HEADER, "x-mailer", "^second$"),
        (Field.HEADER, "x-mailer", "^BulkBlaster"),
        (Field.HEADER, "subject", "casino"),
        (Field.HEADER_BLOCK, "", "^subject: =\\?utf-8"),
        (Field.BODY, "", "^free.money$"),
        (Field.LINK, "", "^https://evil\\.test/$"),
        (Field.ATTACHMENT, "", "\\.exe$"),
    ],
)
def test_each_field_is_seen_decoded_and_in_either_case(field: Field, header: str, pattern: str) -> None:
    study = ContentStudy(
        reading=Reading(
            texts=(Text("1", False, "Hello\nFREE money\n"), Text("2", True, "bye")),
            links=(Link("https://a.test/", "a", Origin.ANCHOR), Link("https://evil.test/", "", Origin.TEXT)),
        ),
        attachments=(Attachment("2", "a.zip/b.EXE", 1, "", "", ()),),
    )
    assert matching(texts(study=study), rule(pattern, field, header=header)) == [1]
    assert matching(texts(b"Subject: other\r\n"), rule(pattern, field, header=header)) == []


def test_a_pattern_may_ask_for_the_case() -> None:
    assert matching(texts(), rule("(?-i)Casino")) == [1]
    assert matching(texts(), rule("(?-i)casino")) == []


@pytest.mark.parametrize("count", [1, MANY - 1, MANY, 150])
def test_many_rules_find_what_each_finds(count: int) -> None:
    rules = [rule(f"casino|word{number}x", number=number) for number in range(1, count + 1)]
    rules.append(rule("nowhere", number=count + 1))
    assert matching(texts(), *rules) == list(range(1, count + 1))


def test_rules_that_are_too_many_for_one_set_are_matched_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clement.policy.rule_book.MAX_MEMORY_BYTES", 10)
    rules = [rule(f"casino|(?:.{{0,20}}a.{{0,20}}){{2}}zz{n}", number=n) for n in range(20)]
    assert matching(texts(), *rules) == list(range(20))


def test_a_set_that_gives_up_is_not_believed() -> None:
    book = RuleBook([rule("casino", number=n) for n in range(MANY)])
    (scope,) = book.of(1, "x.example")
    (matcher,) = scope._by_place.values()
    matcher._set = type("Tired", (), {"Match": lambda _self, _text: None})()
    assert [each.id for each in scope.matching(texts())] == list(range(MANY))


def test_rules_hold_for_their_scope() -> None:
    rules = [
        ContentRule(1, Scope.SITE, "", "s", Field.SUBJECT, "a", RuleAction.REFUSE),
        ContentRule(2, Scope.GROUP, "7", "g", Field.SUBJECT, "a", RuleAction.REFUSE),
        ContentRule(3, Scope.DOMAIN, "x.example", "d", Field.SUBJECT, "a", RuleAction.REFUSE),
        ContentRule(4, Scope.SITE, "", "bad", Field.SUBJECT, "(", RuleAction.REFUSE),
    ]
    book = RuleBook(rules)
    assert [scope.key for scope in book.of(7, "x.example")] == [
        (Scope.SITE, ""),
        (Scope.GROUP, "7"),
        (Scope.DOMAIN, "x.example"),
    ]
    assert [scope.key for scope in book.of(8, "y.example")] == [(Scope.SITE, "")]
    assert book.unusable == (4,)


def test_texts_are_bounded() -> None:
    study = ContentStudy(
        reading=Reading(
            texts=tuple(Text(str(n), False, "x" * 60_000) for n in range(20)),
            links=tuple(Link("y" * 2000, "", Origin.TEXT) for _ in range(500)),
        )
    )
    seen = texts(b"X: " + b"z" * 200_000 + b"\r\n" + b"X: z\r\n" * 3000, study)
    assert len(seen((Field.BODY, ""))) <= MAX_BODY_CHARS + 20
    assert len(seen((Field.LINK, ""))) <= MAX_LIST_CHARS + 500
    assert len(seen((Field.HEADER, "x"))) <= MAX_LIST_CHARS + 100
    assert len(seen((Field.HEADER_BLOCK, ""))) <= 64 * 1024


HANGING = [r"(a+)+$", r"(a|aa)+b", r"(x+x+)+y", r"(.*a){20}b", r"^(([a-z])+.)+[A-Z]([a-z])+$", r"(\w+\s?)*!"]


@pytest.mark.parametrize("pattern", HANGING)
def test_case_103_no_pattern_hangs(pattern: str) -> None:
    """What makes backtracking engines run for ages is linear in RE2: bounds of CPU far from exponential."""
    book = RuleBook([rule(pattern, Field.BODY)])
    study = ContentStudy(reading=Reading(texts=(Text("1", False, "a" * 500_000 + "\n" + "ax " * 100_000),)))
    seen = texts(study=study)
    began_s = time.process_time()
    (scope,) = book.of(1, "x.example")
    scope.matching(seen)
    assert time.process_time() - began_s < 20
    assert scope.work(seen) <= 4000 * (MAX_BODY_CHARS + 20)
