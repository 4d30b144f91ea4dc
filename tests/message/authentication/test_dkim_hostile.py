"""Messages made to mislead a verifier, or to keep it busy."""

from __future__ import annotations

import asyncio
import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.message.authentication.arc import ArcValidator
from clement.message.authentication.dkim import MAX_PARSED, DkimVerifier
from clement.message.authentication.result import Result
from clement.message.authentication.signature_check import DkimLimits
from clement.message.headers import MAX_HEADER_BYTES, split_content
from tests.message.authentication.dkim_world import (
    MESSAGE,
    NOW_S,
    Zone,
    record,
    rsa_key,
    sign,
    verify,
    verify_one,
    zone,
)


def test_case_094_an_appended_body_makes_a_pass_partial() -> None:
    length = len(b"Hi.\r\n\r\nWe lost the game.\r\n")
    message = sign(tags={"l": str(length)})
    whole = verify_one(message)
    assert (whole.result, whole.is_partial) == (Result.PASS, False)
    more = verify_one(message + b"<html>buy this</html>\r\n")
    assert (more.result, more.is_partial) == (Result.PASS, True)
    nothing = verify_one(sign(tags={"l": "0"}))
    assert (nothing.result, nothing.is_partial) == (Result.PASS, True)


def test_case_094_a_length_beyond_the_body_is_an_error() -> None:
    outcome = verify_one(sign(tags={"l": "1000"}))
    assert outcome.result is Result.PERMERROR
    assert "is for a longer body (l=)" in outcome.reason


def test_case_095_fields_are_taken_from_the_bottom_up_and_copies_are_told() -> None:
    above = verify_one(b"From: evil@example.com\r\nSubject: Pay\r\n" + sign())
    assert above.result is Result.PASS
    assert above.unsigned_copies == ("from", "subject")
    below = verify_one(sign().replace(b"\r\n\r\n", b"\r\nFrom: evil@example.com\r\n\r\n", 1))
    assert below.result is Result.FAIL
    assert below.unsigned_copies == ("from",)


def test_case_095_an_oversigned_field_cannot_be_added() -> None:
    message = sign(tags={"h": "from:from:to:subject:subject:date"})
    assert verify_one(message).result is Result.PASS
    assert verify_one(b"Subject: Pay\r\n" + message).result is Result.FAIL


def test_case_095_copies_of_a_field_that_nobody_signed_say_nothing_of_the_signature() -> None:
    message = b"Content-Type: text/html\r\nCc: x@example.net\r\nCc: y@example.net\r\n" + sign()
    assert verify_one(message).unsigned_copies == ()
    message = sign(b"Content-Type: text/plain\r\n" + MESSAGE, tags={"h": "from:content-type"})
    assert verify_one(b"Content-Type: text/html\r\n" + message).unsigned_copies == ("content-type",)


def test_case_095_two_signed_copies_are_no_unsigned_ones() -> None:
    message = sign(b"Subject: one\r\n" + MESSAGE, tags={"h": "from:subject:subject"})
    outcome = verify_one(message)
    assert (outcome.result, outcome.unsigned_copies) == (Result.PASS, ())


@pytest.mark.parametrize(("bits", "result"), [(512, Result.POLICY), (1024, Result.PASS), (4096, Result.PASS)])
def test_case_098_keys_are_of_1024_bits_at_least(bits: int, result: Result) -> None:
    key = rsa_key(bits)
    outcome = verify_one(sign(key=key), Zone({"s1._domainkey.example.org": record(key)}))
    assert (outcome.result, outcome.key_bits) == (result, bits)


def test_case_098_a_key_of_more_than_4096_bits_is_not_used() -> None:
    key = der_head(0x30, der((1 << 16383) + 1) + der(65537))
    text = f"k=rsa; p={base64.b64encode(key).decode()}"
    outcome = verify_one(sign(), Zone({"s1._domainkey.example.org": text}))
    assert outcome.result is Result.POLICY
    assert "has a key of 16384 bits; 4096 are the most" in outcome.reason


def test_case_098_five_signatures_of_thirty_are_looked_at_the_authors_first() -> None:
    message = MESSAGE
    for number in range(15):
        message = sign(message, tags={"d": f"d{number}.example.com"})
    message = sign(sign(message), tags={"d": "mail.example.org"})
    for number in range(13):
        message = sign(message, tags={"d": f"e{number}.example.com"})
    dns = Zone({"s1._domainkey.example.org": record(rsa_key())})
    outcomes = verify(message, dns)
    assert len(outcomes) == len(dns.asked) == 5
    assert [outcome.domain for outcome in outcomes if outcome.domain.endswith("example.org")] == [
        "mail.example.org",
        "example.org",
    ]
    assert [outcome.domain for outcome in outcomes][:3] == [
        f"e{number}.example.com" for number in (12, 11, 10)
    ]
    assert len(verify(message, dns, limits=DkimLimits(max_signatures=1))) == 1


def test_case_098_broken_signatures_do_not_crowd_out_good_ones() -> None:
    message = b"DKIM-Signature: rubbish\r\n" * 50 + sign()
    assert [outcome.result for outcome in verify(message)] == [Result.PERMERROR] * 4 + [Result.PASS]
    assert len(verify(b"DKIM-Signature: rubbish\r\n" * 2 * MAX_PARSED + sign())) == 5


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"d": "org"}, "names no domain (d=org)"),
        ({"d": "example..org"}, "names no domain"),
        ({"d": "example.org."}, "names no domain"),
        ({"d": "a b.org"}, "names no domain"),
        ({"s": "a..b"}, "names no selector"),
        ({"s": "a/b"}, "names no selector"),
        ({"s": "x" * 64}, "names no selector"),
        ({"s": "a\r\n b"}, r"names no selector (s=a\x0d\x0a b)"),
        ({"bh": ""}, "has an empty bh="),
    ],
)
def test_case_098_names_that_are_none_are_not_asked(tags: dict[str, str | None], reason: str) -> None:
    dns = zone()
    outcome = verify_one(sign(tags=tags), dns)
    assert (outcome.result, dns.asked) == (Result.PERMERROR, [])
    assert reason in outcome.reason


def test_case_098_a_selector_may_have_dots() -> None:
    dns = Zone({"a.b_c._domainkey.example.org": record(rsa_key())})
    assert verify_one(sign(tags={"s": "A.b_c"}), dns).result is Result.PASS


def test_case_098_times_are_taken_with_an_hour_of_doubt() -> None:
    assert verify_one(sign(tags={"t": str(NOW_S + 3599)})).result is Result.PASS
    future = verify_one(sign(tags={"t": str(NOW_S + 3601)}))
    assert (future.result, future.reason) == (
        Result.POLICY,
        "the signature of example.org was made in the future (t=)",
    )
    assert verify_one(sign(tags={"x": str(NOW_S - 3599)})).result is Result.PASS
    past = verify_one(sign(tags={"x": str(NOW_S - 3601)}))
    assert (past.result, past.reason) == (Result.PERMERROR, "the signature of example.org has expired (x=)")


def test_case_096_a_header_beyond_what_we_read_cannot_be_verified() -> None:
    message = (
        sign() if len(MESSAGE) > MAX_HEADER_BYTES else b"X-Pad: " + b"x" * MAX_HEADER_BYTES + b"\r\n" + sign()
    )
    assert verify(message) == ()
    padded = sign().replace(b"\r\n\r\n", b"\r\nX-Pad: " + b"x" * MAX_HEADER_BYTES + b"\r\n\r\n", 1)
    outcome = verify_one(padded)
    assert outcome.result is Result.POLICY
    assert "longer than we read" in outcome.reason


def test_case_096_nul_and_eight_bits_in_signed_fields_are_hashed_as_they_are() -> None:
    message = MESSAGE.replace(b"Ann <", b"\x00\xff\xc3\xbc <")
    for form in ("simple/simple", "relaxed/relaxed"):
        assert verify_one(sign(message, form=form)).result is Result.PASS


def test_reasons_show_foreign_text_harmlessly() -> None:
    outcome = verify_one(sign(tags={"a": "\u202e<script>" + "x" * 500}))
    assert outcome.reason.isprintable()
    assert len(outcome.reason) < 200
    assert len(outcome.algorithm) <= 60


VALUES = st.sampled_from(
    ["1", "", "rsa-sha256", "example.org", "s1", "from", "@x.example.org", "-", "9" * 80, "=;"]
)
TAGS = st.dictionaries(st.sampled_from("vacdshbiltxqz"), st.one_of(VALUES, st.none()), max_size=4)


@given(TAGS, st.binary(max_size=60), st.binary(max_size=60))
def test_whatever_a_signature_says_there_is_an_outcome_with_a_reason(
    tags: dict[str, str | None], above: bytes, body: bytes
) -> None:
    tags.pop("l", None)
    outcomes = verify(above + b"\r\n" + sign(tags=tags) + body)
    assert all(bool(outcome.reason) is (outcome.result is not Result.PASS) for outcome in outcomes)


@given(st.binary(max_size=300), st.binary(max_size=100))
def test_any_octets_can_be_verified(value: bytes, rest: bytes) -> None:
    for name in (b"DKIM-Signature: ", b"ARC-Seal: ", b"ARC-Authentication-Results: "):
        block, start = split_content(name + value + b"\r\n" + rest)
        verifier = DkimVerifier(block, now_s=NOW_S)
        validator = ArcValidator(block, now_s=NOW_S)
        verifier.feed(rest[start:])
        assert all(outcome.result is not Result.PASS for outcome in asyncio.run(verifier.verify(zone())))
        assert asyncio.run(validator.validate(zone())).result in {Result.FAIL, Result.NONE}


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, (1 << 1023) + 1])
def test_case_098_odd_rsa_keys_make_no_signature_and_no_error(exponent: int) -> None:
    numbers = b"".join(der(number) for number in ((1 << 1023) + 9, exponent))
    text = f"p={base64.b64encode(der_head(0x30, numbers)).decode()}"
    outcome = verify_one(sign(), Zone({"s1._domainkey.example.org": text}))
    assert outcome.result in {Result.FAIL, Result.PERMERROR}


def der(number: int) -> bytes:
    return der_head(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def der_head(tag: int, octets: bytes) -> bytes:
    length = len(octets)
    size = bytes([length]) if length < 128 else b"\x82" + length.to_bytes(2, "big")
    return bytes([tag]) + size + octets
