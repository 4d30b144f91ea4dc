"""The facts of headers: what is usual, what is hostile, and what no input may do."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.message.defects import Defect
from clement.message.grammar import MAX_SUBJECT_CHARS, MessageFacts, examine
from clement.message.headers import MAX_FIELDS, MAX_HEADER_BYTES

USUAL = (
    b"Received: from a.example ([192.0.2.1])\r\n"
    b"\tby b.example with ESMTP id 1; Mon, 1 Jan 2024 00:00:00 +0000\r\n"
    b"Received: by a.example; Mon, 1 Jan 2024 00:00:00 +0000\r\n"
    b'From: "Jean Dupont" <Jean.Dupont@Example.ORG>\r\n'
    b"To: Marie <marie@local.example>\r\n"
    b"Subject: =?utf-8?Q?R=C3=A9union?=\r\n =?utf-8?Q?_lundi?= matin\r\n"
    b"Message-ID: <1@example.org>\r\n"
    b"Date: Mon, 1 Jan 2024 00:00:00 +0000\r\n"
    b"Delivered-To: marie@old.example\r\n"
    b"Auto-Submitted: Auto-Replied; owner=x\r\n"
)


def test_the_facts_of_a_usual_header() -> None:
    facts = examine(USUAL)
    assert facts.from_count == 1
    assert facts.author == "Jean.Dupont@example.org"
    assert facts.authors[0].name == "Jean Dupont"
    assert facts.author_domains == ("example.org",)
    assert facts.subject == "Réunion lundi matin"
    assert facts.message_id == "<1@example.org>"
    assert facts.date_present
    assert facts.received_count == 2
    assert facts.delivered_to == ("marie@old.example",)
    assert facts.auto_submitted == "auto-replied"
    assert not facts.resent
    assert facts.defects == frozenset()


def test_an_empty_header_has_no_author() -> None:
    facts = examine(b"")
    assert facts == MessageFacts(defects=frozenset({Defect.AUTHOR_MISSING}))


def test_case_087_what_loops_leave_behind_is_counted() -> None:
    facts = examine(b"Received: x\r\n" * 101 + b"Delivered-To: a@local.example\r\nX-Loop: here\r\n")
    assert facts.received_count == 101
    assert facts.delivered_to == ("a@local.example",)
    assert facts.loop_marks == ("here",)


X = {"x.example"}
X_AND_Y = {"x.example", "y.example"}
SYNTAX = Defect.AUTHOR_SYNTAX

# name: header, number of From fields, domains of the authors (None: not asked), the defect that must be noted
AUTHORS: dict[str, tuple[bytes, int, set[str] | None, Defect | None]] = {
    "two-fields": (b"From: a@x.example\r\nFrom: b@y.example\r\n", 2, X_AND_Y, Defect.AUTHOR_REPEATED),
    "two-addresses": (b"From: a@x.example, b@y.example\r\n", 1, X_AND_Y, None),
    "group-VU517845": (b"From: <a@x.example>:<b@y.example>\r\n", 1, X_AND_Y, SYNTAX),
    "no-from": (b"To: a@x.example\r\n", 0, set(), Defect.AUTHOR_MISSING),
    "nul": (b"From: a@x.example\0\r\n", 1, X, Defect.NUL),
    "nul-and-second-domain": (b"From: a@x.example\0@y.example\r\n", 1, X_AND_Y, Defect.NUL),
    "nul-in-name": (b"Fr\0om: a@x.example\r\n", 0, set(), Defect.NOT_A_FIELD),
    "space": (b"From : a@x.example\r\n", 1, X, Defect.SPACE_BEFORE_COLON),
    "folded-name": (b"From\r\n : a@x.example\r\n", 0, set(), Defect.NOT_A_FIELD),
    "blank-fold": (b"From:\r\n \r\n a@x.example\r\n", 1, X, Defect.BLANK_CONTINUATION),
    "encoded-word": (b"From: =?utf-8?q?a=40x=2Eexample?=\r\n", 1, set(), SYNTAX),
    "longer-than-998": (b"From: " + b"x" * 1000 + b" <a@x.example>\r\n", 1, X, Defect.LINE_TOO_LONG),
    "bare-cr": (b"From: a@x.example\rFrom: b@y.example\r\n", 1, None, Defect.STRAY_CR_OR_LF),
    "no-comma": (b"From: a@x.example b@y.example\r\n", 1, X_AND_Y, SYNTAX),
    "two-angles": (b"From: <a@x.example> <b@y.example>\r\n", 1, X_AND_Y, SYNTAX),
    "unclosed-angle": (b"From: <a@x.example\r\n", 1, X, SYNTAX),
    "unclosed-quote": (b'From: "a@x.example <b@y.example>\r\n', 1, set(), SYNTAX),
    "unclosed-comment": (b"From: (a@x.example <b@y.example>\r\n", 1, set(), SYNTAX),
    "empty-group": (b"From: undisclosed:;\r\n", 1, set(), SYNTAX),
    "empty": (b"From:\r\n", 1, set(), SYNTAX),
    "group": (b"From: friends: a@x.example, b@x.example;\r\n", 1, X, None),
    "quoted-local-part": (b'From: "a@y.example"@x.example\r\n', 1, X, None),
    "comment": (b"From: a@x.example (b@y.example)\r\n", 1, X, None),
    "address-as-name": (b"From: a@y.example <a@x.example>\r\n", 1, X, Defect.AUTHOR_LOOSE),
    "comma-in-name": (b"From: Shop, Inc. <a@x.example>\r\n", 1, X, Defect.AUTHOR_LOOSE),
    "obsolete-route": (b"From: <@y.example,@z.example:a@x.example>\r\n", 1, X, None),
}


@pytest.mark.parametrize(("header", "from_count", "domains", "defect"), AUTHORS.values(), ids=AUTHORS)
def test_case_096_who_the_author_is(
    header: bytes, from_count: int, domains: set[str] | None, defect: Defect | None
) -> None:
    facts = examine(header)
    assert facts.from_count == from_count
    if domains is not None:
        assert set(facts.author_domains) == domains
    if defect is None:
        assert not facts.defects
    else:
        assert defect in facts.defects


@pytest.mark.parametrize(
    ("header", "defect"),
    [
        (b"From someone Mon Jan 1\r\nFrom: a@x.example\r\n", Defect.NOT_A_FIELD),
        (b" starts folded\r\nFrom: a@x.example\r\n", Defect.NOT_A_FIELD),
        (b"From: a@x.example\r\nno colon here\r\n", Defect.NOT_A_FIELD),
        (b": no name\r\nFrom: a@x.example\r\n", Defect.NOT_A_FIELD),
        (b"From: a@x.example\r\nS\xc3\xa9: 8-bit name\r\n", Defect.NOT_A_FIELD),
        (b"From: a@x.example\r\nSubject: \xe9t\xe9\r\n", Defect.EIGHT_BIT),
        (b"From: a@x.example\nSubject: bare\n", Defect.STRAY_CR_OR_LF),
        (b"From: a@x.example\r\nSubject: x\r\n\t \r\n", Defect.BLANK_CONTINUATION),
        (b"From: a@x.example\r\nX: " + b"y" * 70_000 + b"\r\n", Defect.FIELD_TOO_LONG),
        (b"From: a@x.example\r\n" + b"X: y\r\n" * MAX_FIELDS, Defect.TOO_MANY_FIELDS),
        (b"From: a@x.example\r\n" + b"X: y\r\n" * (MAX_HEADER_BYTES // 6), Defect.HEADER_TOO_LONG),
    ],
)
def test_defects_are_noted(header: bytes, defect: Defect) -> None:
    facts = examine(header)
    assert defect in facts.defects
    assert facts.author_domains == ("x.example",)


def test_a_header_without_blank_line_is_noted() -> None:
    assert examine(USUAL, blank_line=False).defects == {Defect.NO_BLANK_LINE}


def test_lines_of_998_octets_are_right() -> None:
    line = b"Subject: " + b"x" * (998 - 9) + b"\r\n"
    assert examine(USUAL + line).defects == frozenset()
    assert examine(USUAL + b"x" + line).defects == {Defect.LINE_TOO_LONG}


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"=?utf-8?q?a=0D=0ABcc=3A_x?=", "a\\x0d\\x0aBcc: x"),
        (b"=?utf-8?b?4oCuZmRwLmV4ZQ==?=", "\\u202efdp.exe"),
        (b"=?utf-7?q?+AG8-?=", "=?utf-7?q?+AG8-?="),
        (b"=?unicode-escape?q?=5Cx41?=", "=?unicode-escape?q?=5Cx41?="),
        (b"\x1b[2J", "\\x1b[2J"),
        (b"\xff\xfe", "\ufffd\ufffd"),
    ],
)
def test_case_102_subjects_are_shown_escaped(raw: bytes, shown: str) -> None:
    assert examine(b"Subject: " + raw + b"\r\n").subject == shown


def test_texts_are_bounded() -> None:
    facts = examine(b"Subject: " + b"\x01" * 5000 + b"\r\nMessage-ID: " + b"x" * 5000 + b"\r\n")
    assert len(facts.subject) <= MAX_SUBJECT_CHARS
    assert len(facts.message_id) <= MAX_SUBJECT_CHARS


TOKENS = (
    *(
        b"From",
        b"Subject",
        b"Sender",
        b"Received",
        b":",
        b" ",
        b"\t",
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b"<",
        b">",
    ),
    *(b"a@x.example", b"@", b'"', b"\\", b"(", b")", b",", b";", b"[", b"]", b"=?", b"?=", b"?q?", b"utf-8"),
    b"\xc3\xa9",
)
PIECES = st.lists(st.sampled_from(TOKENS), max_size=60).map(b"".join)


@given(st.one_of(st.binary(max_size=300), PIECES, PIECES.map(lambda value: b"From: " + value + b"\r\n")))
def test_any_octets_give_facts_that_can_be_shown(octets: bytes) -> None:
    facts = examine(octets)
    texts = [facts.subject, facts.message_id, facts.auto_submitted, *facts.delivered_to, *facts.loop_marks]
    for author in facts.authors:
        texts += (author.name, author.mailbox.domain, author.mailbox.local_part)
    for text in texts:
        assert len(text) <= 256
        assert not any(character in text for character in "\r\n\0\x1b\u2028\u202e")
    assert (facts.from_count == 1) == (
        Defect.AUTHOR_REPEATED not in facts.defects and Defect.AUTHOR_MISSING not in facts.defects
    )


REPEATED = (
    *(
        b"=?a",
        b"=?a?q?",
        b"=?utf-8?q?a?= ",
        b"=?=?",
        b"?=",
        b"(",
        b")",
        b"(\\",
        b"\\",
        b"\\\\",
        b'"',
        b'"\\',
        b"[",
    ),
    *(
        b"[\\",
        b"<",
        b"<@",
        b"@",
        b"a@",
        b"a@b,",
        b":",
        b";",
        b"a:",
        b" ",
        b"\t",
        b"\r",
        b"\r\n ",
        b"\n\t",
        b"x",
    ),
    *(b".", b"a.", b"a b ", b"\xff", b"\0", b"x\r\n", b"x:\r\n", b" :", b"From: a@b\r\n", b"Received:\r\n"),
)


@pytest.mark.parametrize("piece", REPEATED, ids=repr)
def test_case_103_time_is_linear_on_repeated_pieces(piece: bytes) -> None:
    def cost_s(prefix: bytes, size_bytes: int) -> float:
        header = (prefix + piece * (size_bytes // len(piece)))[:size_bytes]
        times = []
        for _ in range(3):
            began = time.process_time()
            examine(header)
            times.append(time.process_time() - began)
        return min(times)

    def is_linear(prefix: bytes) -> bool:
        # Eight times the octets: linear is 8, quadratic 64. The floor keeps the clock's grain out of it.
        return cost_s(prefix, MAX_HEADER_BYTES) < 30 * max(cost_s(prefix, MAX_HEADER_BYTES // 8), 0.001)

    for prefix in (b"From: ", b"Subject: ", b""):
        # What is quadratic is so each time; what is not may be measured while another has the caches.
        assert any(is_linear(prefix) for _ in range(5))
