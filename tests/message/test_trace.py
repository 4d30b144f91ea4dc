"""Trace fields: the form RFC 5321 asks for, and nothing that a hostile client said breaks out of them."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.message.headers import fields
from clement.message.trace import (
    MAX_LINE_CHARS,
    Passage,
    delivered_to_field,
    protocol_name,
    received_field,
    return_path_field,
    rfc5322_date,
)

PASSAGE = Passage(
    hello="mail.example.org",
    address="192.0.2.1",
    ptr="out.example.org",
    by="mx.local.example",
    protocol="ESMTPS",
    id="0a1b-1",
    at_s=1_700_000_000.9,
    tls="TLSv1.3 TLS_AES_256_GCM_SHA384",
    recipient="jean@local.example",
)


def test_received_says_all_that_is_known() -> None:
    assert received_field(PASSAGE) == (
        b"Received: from mail.example.org (out.example.org [192.0.2.1])\r\n"
        b"\tby mx.local.example with ESMTPS (tls TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n"
        b"\tid 0a1b-1 for <jean@local.example>; Tue, 14 Nov 2023 22:13:20 +0000\r\n"
    )


def test_received_without_what_is_not_known() -> None:
    passage = Passage(hello="", address="2001:db8::1", by="mx.local.example", protocol="SMTP", id="1", at_s=0)
    assert received_field(passage) == (
        b"Received: from unknown ([IPv6:2001:db8::1]) by mx.local.example with SMTP\r\n"
        b"\tid 1; Thu, 1 Jan 1970 00:00:00 +0000\r\n"
    )


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("", "SMTP"),
        ("extended", "ESMTP"),
        ("extended tls", "ESMTPS"),
        ("extended authenticated", "ESMTPA"),
        ("extended tls authenticated", "ESMTPSA"),
        ("extended utf8", "UTF8SMTP"),
        ("extended utf8 tls authenticated", "UTF8SMTPSA"),
        ("lmtp extended", "LMTP"),
        ("lmtp extended tls", "LMTPS"),
        ("lmtp extended utf8", "UTF8LMTP"),
    ],
)
def test_protocols_have_their_registered_names(flags: str, expected: str) -> None:
    names = ("lmtp", "extended", "utf8", "tls", "authenticated")
    assert protocol_name(**{name: name in flags.split() for name in names}) == expected


def test_return_path_and_delivered_to() -> None:
    assert return_path_field("a@x.example") == b"Return-Path: <a@x.example>\r\n"
    assert return_path_field("") == b"Return-Path: <>\r\n"
    assert delivered_to_field("é@x.example") == "Delivered-To: é@x.example\r\n".encode()


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=60), st.text(max_size=300))
def test_case_093_hostile_names_stay_inside_their_field(
    hello: str, ptr: str, recipient: str, tls: str
) -> None:
    passage = Passage(
        hello=hello,
        address="192.0.2.1",
        ptr=ptr,
        by="b",
        protocol="ESMTP",
        id="1",
        at_s=0,
        recipient=recipient,
        tls=tls,
    )
    for octets in (received_field(passage), return_path_field(recipient), delivered_to_field(recipient)):
        assert len(list(fields(octets))) == 1
        assert octets.endswith(b"\r\n")
        inside = octets[:-2].replace(b"\r\n\t", b"")
        assert b"\r" not in inside
        assert b"\n" not in inside
        assert b"\0" not in inside
    value = received_field(passage).replace(b"\r\n\t", b" ").partition(b" for <")[0]
    assert value.count(b"(") == value.count(b")")
    assert value.count(b";") <= 1


@given(st.integers(1, 60), st.integers(1, 60))
def test_lines_are_folded_where_they_can_be(hello_length: int, by_length: int) -> None:
    passage = Passage(
        hello="h" * hello_length, address="192.0.2.1", by="b" * by_length, protocol="ESMTP", id="1", at_s=0
    )
    for line in received_field(passage).split(b"\r\n"):
        assert len(line) <= max(MAX_LINE_CHARS, 40 + hello_length)


@given(st.integers(0, 4_000_000_000), st.integers(-14 * 60, 14 * 60))
def test_dates_are_those_of_the_standard_library(at_s: int, zone_minutes: int) -> None:
    parsed = parsedate_to_datetime(rfc5322_date(at_s, zone_minutes))
    assert parsed.timestamp() == at_s
    assert rfc5322_date(at_s) == datetime.fromtimestamp(at_s, UTC).strftime("%a, %-d %b %Y %H:%M:%S +0000")
