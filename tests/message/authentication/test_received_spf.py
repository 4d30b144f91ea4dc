"""Received-SPF: the form of RFC 7208 §9.1, and nothing that a stranger said breaks out of it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.message.authentication.received_spf import MAX_LINE_CHARS, received_spf_field
from clement.message.authentication.result import Result
from clement.message.authentication.spf import SpfOutcome
from clement.message.headers import fields

RESULTS = [result for result in Result if result is not Result.POLICY]

# header-field of RFC 7208 §9.1, unfolded
QUOTED_STRING = r'"(?:[ !#-\[\]-~]|\\[ -~])*"'
DOT_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-]+)*"
PAIR = rf"[a-z][a-z\-]*=(?:{DOT_ATOM}|{QUOTED_STRING});"
FIELD = re.compile(
    rf"Received-SPF: (?:pass|fail|softfail|neutral|none|temperror|permerror) \([!#-'*-\[\]-~ ]*\)(?: {PAIR})+"
)


def written(outcome: SpfOutcome, **changed: str) -> bytes:
    facts = {
        "address": "192.0.2.1",
        "identity": "mailfrom",
        "mail_from": "user@example.org",
        "hello": "mail.example.org",
        "receiver": "mx.local.example",
    }
    return received_spf_field(outcome, **{**facts, **changed})


def test_it_says_what_was_checked_and_why() -> None:
    outcome = SpfOutcome(result=Result.FAIL, domain="example.org", mechanism="-all")
    assert written(outcome) == (
        b"Received-SPF: fail (mx.local.example: domain of example.org does not designate\r\n"
        b"\t192.0.2.1 as permitted sender) client-ip=192.0.2.1;\r\n"
        b'\tenvelope-from="user@example.org"; helo=mail.example.org; identity=mailfrom;\r\n'
        b"\treceiver=mx.local.example; mechanism=-all;\r\n"
    )


def test_it_leaves_out_what_is_not_known() -> None:
    outcome = SpfOutcome(result=Result.PERMERROR, domain="mail.example.org", problem="more than 10 look-ups")
    assert written(outcome, identity="helo", mail_from="", address="2001:db8::1") == (
        b"Received-SPF: permerror (mx.local.example: the policy of mail.example.org\r\n"
        b'\tcannot be understood) client-ip="2001:db8::1"; helo=mail.example.org;\r\n'
        b'\tidentity=helo; receiver=mx.local.example; problem="more than 10 look-ups";\r\n'
    )


@pytest.mark.parametrize("result", RESULTS)
def test_every_result_has_its_words(result: Result) -> None:
    field = written(SpfOutcome(result=result, domain="example.org"))
    assert field.startswith(f"Received-SPF: {result} (mx.local.example: ".encode())


@pytest.mark.parametrize(
    "hostile",
    [
        "a\r\nX-Injected: yes",
        'a"; x="b',
        "a\\",
        '"a b"@example.org',
        "a);(b",
        "\x00\x1b[31m\u202e\ud800",
        "x" * 5_000,
        " ",
    ],
)
def test_case_093_hostile_values_stay_values(hostile: str) -> None:
    outcome = SpfOutcome(result=Result.FAIL, domain=hostile, mechanism=hostile, problem=hostile)
    field = written(outcome, mail_from=hostile, hello=hostile)
    assert FIELD.fullmatch(re.sub(r"\r\n\t", " ", field.decode("ascii")).removesuffix("\r\n"))
    assert len(field) < 4_000


@given(st.lists(st.text(max_size=40), min_size=7, max_size=7), st.sampled_from(RESULTS))
def test_any_values_give_one_well_formed_field(values: list[str], result: Result) -> None:
    domain, mechanism, problem, *rest = values
    outcome = SpfOutcome(result=result, domain=domain, mechanism=mechanism, problem=problem)
    facts = dict(zip(("identity", "mail_from", "hello", "receiver"), rest, strict=True))
    field = written(outcome, **facts)
    assert len(list(fields(field))) == 1
    assert field.endswith(b";\r\n")
    assert FIELD.fullmatch(re.sub(r"\r\n\t", " ", field.decode("ascii")).removesuffix("\r\n"))
    assert all(line.strip() for line in field.removesuffix(b"\r\n").split(b"\r\n"))


def test_lines_are_folded_where_they_can_be() -> None:
    outcome = SpfOutcome(result=Result.SOFTFAIL, domain="a" * 60 + ".example.org", mechanism="~all")
    assert all(len(line) <= MAX_LINE_CHARS for line in written(outcome).split(b"\r\n"))
