"""Authentication-Results: what we write (RFC 8601 §2.2), and what claims to be ours (§5)."""

from __future__ import annotations

import authres
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.message.authentication.authentication_results import (
    MAX_LINE_CHARS,
    MethodResult,
    authentication_results_field,
)
from clement.message.authentication.forged_results import claims_to_be_by, without_forged_results
from clement.message.authentication.result import Result
from clement.message.headers import FIELD, fields

OURS = "mx.example.org"
DKIM = MethodResult(
    "dkim",
    Result.PASS,
    (("header.d", "example.org"), ("header.s", "s1"), ("header.i", "@example.org"), ("header.b", "ab/Cd=12")),
)
SPF = MethodResult(
    "spf", Result.FAIL, (("smtp.mailfrom", "ann@example.net"), ("smtp.helo", "")), "not allowed"
)


def test_no_result_is_none() -> None:
    assert authentication_results_field(OURS, []) == b"Authentication-Results: mx.example.org; none\r\n"


def test_results_are_written_one_by_one() -> None:
    assert authentication_results_field(OURS, [DKIM, SPF]) == (
        b"Authentication-Results: mx.example.org;\r\n"
        b"\tdkim=pass header.d=example.org header.s=s1 header.i=@example.org\r\n"
        b'\t header.b="ab/Cd=12";\r\n'
        b"\tspf=fail (not allowed) smtp.mailfrom=ann@example.net\r\n"
    )


def test_others_read_what_we_write() -> None:
    read = authres.AuthenticationResultsHeader.parse(authentication_results_field(OURS, [DKIM, SPF]).decode())
    assert read.authserv_id == OURS
    assert [(each.method, each.result) for each in read.results] == [("dkim", "pass"), ("spf", "fail")]
    assert read.results[0].header_d == "example.org"
    assert read.results[1].smtp_mailfrom == "ann@example.net"


@given(st.text(max_size=400), st.text(max_size=400), st.text(max_size=200))
def test_nothing_that_came_from_outside_opens_another_result(mailfrom: str, hello: str, comment: str) -> None:
    hostile = MethodResult("spf", Result.FAIL, (("smtp.mailfrom", mailfrom), ("smtp.helo", hello)), comment)
    field = authentication_results_field(OURS, [hostile])
    (only,) = list(fields(field))
    assert only.end == len(field) - 2
    text = _without_quoted_and_comments(field.decode())
    assert text.count(";") == 1
    assert text.count("=") <= 3
    assert b"pass" not in field or "pass" in mailfrom + hello + comment


def _without_quoted_and_comments(text: str) -> str:
    """What a strict reader takes for structure."""
    kept, state, escaped = "", "", False
    for char in text:
        if escaped:
            escaped = False
        elif state:
            escaped = char == "\\"
            state = "" if char == state else state
        elif char in '"(':
            state = ")" if char == "(" else '"'
        else:
            kept += char
    assert not state
    return kept


def test_lines_are_folded_and_the_field_is_bounded() -> None:
    many = [MethodResult("dkim", Result.FAIL, tuple((f"header.{n}", "x" * 900) for n in range(99)))] * 99
    field = authentication_results_field(OURS, many)
    assert len(field) < 60_000
    assert all(len(line) <= 998 for line in field.split(b"\r\n"))
    assert all(
        len(line) <= MAX_LINE_CHARS for line in authentication_results_field(OURS, [DKIM, SPF]).split(b"\r\n")
    )


FORGED = [
    b" mx.example.org; spf=pass",
    b" MX.Example.ORG ; dkim=pass",
    b" mx.example.org.; dkim=pass",
    b' "mx.example.org" 1; dkim=pass',
    b' "mx\\.example.org"; dkim=pass',
    b" mx.example.org/1; dkim=pass",
    b" (a comment (in one)) mx.example.org 1; dkim=pass",
    b' (a quote in it: ") mx.example.org; dkim=pass',
    b' (") " ) mx.example.org; dkim=pass',
    b" (never closed mx.example.org; dkim=pass",
    b"\r\n\tmx.example.org;\r\n\tdkim=pass",
    b"mx.example.org",
    b" (" + b"x" * 5000 + b") mx.example.org; dkim=pass",
]


@pytest.mark.parametrize("value", FORGED)
@pytest.mark.parametrize(
    "name", [b"Authentication-Results", b"AUTHENTICATION-RESULTS", b"authentication-results \t"]
)
def test_case_099_what_claims_to_be_ours_is_taken_out(name: bytes, value: bytes) -> None:
    """Hostile case 99."""
    before, after = b"Received: from x\r\n", b"From: a@b.example\r\nSubject: s\r\n"
    assert without_forged_results(before + name + b":" + value + b"\r\n" + after, OURS) == before + after


@pytest.mark.parametrize(
    "value",
    [
        b" mx2.example.org; spf=pass smtp.helo=mx.example.org",
        b" other.example (for mx.example.org); spf=pass",
        b" xmx.example.org; dkim=pass",
        b" mx.example.org.other.example; dkim=pass",
        b" example.org; dkim=pass",
        b"; dkim=pass",
        b"",
    ],
)
def test_fields_of_others_stay(value: bytes) -> None:
    block = b"Authentication-Results:" + value + b"\r\nFrom: a@b.example\r\n"
    assert without_forged_results(block, OURS) is block


def test_several_go_and_the_rest_stays_octet_by_octet() -> None:
    forged = b"Authentication-Results: mx.example.org; dkim=pass\r\n"
    block = forged + b"A: 1\r\n" + forged + forged + b"not a field\r\nB: 2\r\n\tfold\r\n" + forged[:-2]
    assert without_forged_results(block, OURS) == b"A: 1\r\nnot a field\r\nB: 2\r\n\tfold\r\n"


@given(st.binary(max_size=300))
def test_any_octets_can_be_looked_through(octets: bytes) -> None:
    block = b"Authentication-Results:" + octets + b"\r\nAuthentication-Results: mx.example.org\r\n"
    left = without_forged_results(block, OURS)
    assert not any(
        claims_to_be_by(match[3], OURS)
        for match in FIELD.finditer(left)
        if match[1].lower() == b"authentication-results"
    )


@given(st.text(alphabet='()"\\; \tmx.example.org', max_size=200))
def test_a_name_as_we_write_it_is_always_recognised(rest: str) -> None:
    assert claims_to_be_by(f" {OURS}; {rest}".encode(), OURS)
