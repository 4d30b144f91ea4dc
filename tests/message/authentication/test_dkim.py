"""What becomes of a message's signatures, and what the reasons say."""

from __future__ import annotations

import asyncio

import pytest

from clement.message.authentication.body_hashes import BodyHashes
from clement.message.authentication.dkim import DkimVerifier
from clement.message.authentication.result import Result
from clement.message.authentication.signed_header import SignedHeader
from clement.message.headers import split_content
from tests.message.authentication.dkim_world import (
    MESSAGE,
    NOW_S,
    Zone,
    ed25519_key,
    record,
    rsa_key,
    sign,
    verify_one,
    zone,
)


def test_a_message_without_signature_has_no_outcome_and_wants_no_hash() -> None:
    verifier = DkimVerifier(split_content(MESSAGE)[0], now_s=NOW_S)
    assert not verifier.wanted
    assert asyncio.run(verifier.verify(Zone({}))) == ()


def test_a_pass_says_who_signed_and_how() -> None:
    message = sign(tags={"i": "ann=20x@mail.example.org", "t": str(NOW_S - 5), "x": str(NOW_S + 5)})
    outcome = verify_one(message)
    assert outcome.result is Result.PASS
    assert (outcome.domain, outcome.selector) == ("example.org", "s1")
    assert outcome.identity == "ann x@mail.example.org"
    assert (outcome.algorithm, outcome.key_bits) == ("rsa-sha256", 2048)
    assert outcome.signed_fields == ("from", "to", "subject", "date")
    assert (outcome.reason, outcome.is_partial, outcome.testing, outcome.unsigned_copies) == (
        "",
        False,
        False,
        (),
    )
    assert f"; b={outcome.signature}".encode() in message


@pytest.mark.parametrize("form", ["simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed"])
@pytest.mark.parametrize("chunk_bytes", [1, 3, 1000])
def test_every_form_passes_however_the_body_is_cut(form: str, chunk_bytes: int) -> None:
    assert verify_one(sign(form=form), chunk_bytes=chunk_bytes).result is Result.PASS


def test_lines_may_end_in_line_feeds_alone() -> None:
    message = sign(form="simple/simple").replace(b"\r\n", b"\n")
    assert verify_one(message).result is Result.PASS


def test_c_stands_for_simple_where_it_says_nothing() -> None:
    assert verify_one(sign(tags={"c": None}, form="simple/simple")).result is Result.PASS
    assert verify_one(sign(tags={"c": "relaxed"}, form="relaxed/simple")).result is Result.PASS


def test_ed25519_passes_with_rfc_8463() -> None:
    dns = Zone({"s1._domainkey.example.org": record(ed25519_key())})
    outcome = verify_one(sign(key=ed25519_key()), dns)
    assert (outcome.result, outcome.algorithm, outcome.key_bits) == (Result.PASS, "ed25519-sha256", 256)


def test_white_space_in_a_signature_that_relays_fold_anew_changes_nothing() -> None:
    message = sign().replace(b"; b=", b";\r\n\tb = ", 1)
    at = message.index(b"b = ") + 20
    # White space between b and = is signed (§3.5); what stands behind = is not.
    assert verify_one(message[:at] + b"\r\n\t" + message[at:]).result is Result.FAIL
    message = sign()
    at = message.index(b"; b=") + 20
    assert verify_one(message[:at] + b"\r\n\t" + message[at:]).result is Result.PASS


def test_space_before_a_colon_is_dropped_in_relaxed_form() -> None:
    message = sign().replace(b"\r\nSubject:", b"\r\nSUBJECT \t:")
    assert verify_one(message).result is Result.PASS
    message = sign(form="simple/relaxed").replace(b"\r\nSubject:", b"\r\nSubject :")
    assert verify_one(message).result is Result.FAIL


def test_a_folded_empty_line_within_a_field_is_read_as_part_of_it() -> None:
    message = MESSAGE.replace(b"Is dinner", b"Is\r\n \r\n dinner")
    assert verify_one(sign(message, form="simple/simple")).result is Result.PASS
    assert verify_one(sign(MESSAGE).replace(b"Is dinner", b"Is\r\n \r\n dinner")).result is Result.PASS


def test_a_changed_body_and_a_changed_field_are_told_apart_and_the_first_asks_no_key() -> None:
    dns = zone()
    outcome = verify_one(sign() + b"more\r\n", dns)
    assert (outcome.result, dns.asked) == (Result.FAIL, [])
    assert outcome.reason == (
        "the signature of example.org does not match the body, which was changed on the way (bh=)"
    )
    outcome = verify_one(sign().replace(b"Is dinner", b"Was dinner"), dns)
    assert (outcome.result, dns.asked) == (Result.FAIL, ["s1._domainkey.example.org"])
    assert outcome.reason == "the signature of example.org does not match the signed header fields (b=)"


def test_several_signatures_share_one_hash_of_the_body() -> None:
    message = sign(sign(tags={"s": "s2"}))
    hashes = BodyHashes()
    header, start = split_content(message)
    verifier = DkimVerifier(SignedHeader(header), now_s=NOW_S, hashes=hashes)
    assert len(hashes._hashings) == 1
    verifier.feed(message[start:])
    dns = Zone(
        {"s1._domainkey.example.org": record(rsa_key()), "s2._domainkey.example.org": record(rsa_key())}
    )
    assert verifier.key_names == ("s1._domainkey.example.org", "s2._domainkey.example.org")
    assert [outcome.result for outcome in asyncio.run(verifier.verify(dns))] == [Result.PASS, Result.PASS]


def test_a_dns_that_is_silent_is_no_failure() -> None:
    outcome = verify_one(sign(), Zone({}, silent=["s1._domainkey.example.org"]))
    assert outcome.result is Result.TEMPERROR
    assert outcome.reason.endswith("the DNS gives no answer for s1._domainkey.example.org")


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"v": None}, "lacks the tag v="),
        ({"v": "2"}, "has the unknown version v=2"),
        ({"v": "1\x01"}, "holds a control character"),
        ({"a": "rsa-sha1"}, "uses rsa-sha1, which nobody may trust any more (RFC 8301)"),
        ({"a": "dsa"}, "uses the unknown algorithm a=dsa"),
        ({"a": None}, "lacks the tag a="),
        ({"bh": None}, "lacks the tag bh="),
        ({"bh": ""}, "has an empty bh="),
        ({"bh": "####"}, "has a bh= that is no base64"),
        ({"bh": "YWJj"}, "has a bh= that is no SHA-256 hash"),
        ({"c": "strict/simple"}, "uses the unknown canonicalisation c=strict/simple"),
        ({"d": None}, "lacks the tag d="),
        ({"h": None}, "lacks the tag h="),
        ({"h": "to:subject"}, "does not sign the From field (h=)"),
        ({"h": "from:sub ject\x80"}, "signs what is no header field"),
        ({"h": "from:" + "a:" * 1000}, "signs more than 1000 fields (h=)"),
        ({"i": "ann@example.net"}, "is for an identity outside d= (i=ann@example.net)"),
        ({"i": "ann@badexample.org"}, "is for an identity outside d= (i=ann@badexample.org)"),
        ({"i": "ann"}, "is for no identity (i=ann)"),
        ({"l": "-1"}, "has a l= that is no number"),
        ({"q": "dns/other"}, "has its key where nobody can ask (q=dns/other)"),
        ({"s": None}, "lacks the tag s="),
        ({"t": "soon"}, "has a t= that is no number"),
        ({"t": "20", "x": "10"}, "expires before it was made (x= is not after t=)"),
    ],
)
def test_a_malformed_signature_fails_for_good_and_says_why(tags: dict[str, str | None], reason: str) -> None:
    shape = {"l": None} if "l" in tags else tags
    message = sign(tags=shape)
    if "l" in tags:
        message = message.replace(b"; bh=", f"; l={tags['l']}; bh=".encode(), 1)
    dns = zone()
    outcome = verify_one(message, dns)
    assert outcome.result is Result.PERMERROR
    assert reason in outcome.reason
    assert dns.asked == []


def test_a_tag_that_comes_twice_makes_a_signature_void() -> None:
    message = sign().replace(b"v=1;", b"v=1; v=1;", 1)
    assert "has the tag v= twice" in verify_one(message).reason


def test_unknown_tags_and_q_lists_are_let_pass() -> None:
    assert verify_one(sign(tags={"q": "x/y:dns/txt", "z": "From:a", "zz": "1"})).result is Result.PASS


@pytest.mark.parametrize(
    ("records", "result", "reason"),
    [
        ([], Result.PERMERROR, "has no key: there is no TXT record at"),
        ([record(rsa_key()).replace("p=", "p=;n=")], Result.PERMERROR, "has been revoked (p= is empty)"),
        ([record(rsa_key(), "h=sha1; ")], Result.PERMERROR, "may not be used with SHA-256 (h=sha1)"),
        ([record(rsa_key(), "s=tlsrpt; ")], Result.PERMERROR, "is not for mail (s=tlsrpt)"),
        ([record(ed25519_key())], Result.PERMERROR, "is of rsa-sha256, its key of ed25519"),
        ([record(rsa_key(1024))], Result.FAIL, "does not match the signed header fields"),
        (["v=spf1 -all"], Result.PERMERROR, "is not of DKIM"),
        (["v=DKIM1; p=####"], Result.PERMERROR, "is no base64"),
        (["v=DKIM1; p=YWJj"], Result.PERMERROR, "is no RSA key"),
        (["v=DKIM1; " + "x" * 65536], Result.PERMERROR, "record is too long"),
        (["v=spf1 -all", record(rsa_key(1024))], Result.FAIL, "does not match"),
    ],
)
def test_a_key_that_cannot_be_used_is_named(records: list[str], result: Result, reason: str) -> None:
    outcome = verify_one(sign(), Zone({"s1._domainkey.example.org": records}))
    assert outcome.result is result
    assert reason in outcome.reason


def test_one_of_several_records_is_enough() -> None:
    records = ["v=spf1 -all", record(ed25519_key()), record(rsa_key(1024)), record(rsa_key())]
    assert verify_one(sign(), Zone({"s1._domainkey.example.org": records})).result is Result.PASS


def test_no_more_than_four_records_are_tried() -> None:
    records = [record(rsa_key(1024))] * 4 + [record(rsa_key())]
    assert verify_one(sign(), Zone({"s1._domainkey.example.org": records})).result is Result.FAIL


def test_a_strict_key_allows_no_subdomain() -> None:
    message = sign(tags={"i": "@mail.example.org"})
    assert verify_one(message).result is Result.PASS
    outcome = verify_one(message, zone("t=y:s; "))
    assert (outcome.result, outcome.testing) == (Result.PERMERROR, True)
    assert "for a subdomain, which its key forbids (t=s)" in outcome.reason
    assert verify_one(sign(tags={"i": "x@EXAMPLE.org"}), zone("t=s; ")).result is Result.PASS


def test_a_domain_in_utf_8_has_its_key_under_its_a_labels() -> None:
    dns = Zone({"s1._domainkey.xn--bcher-kva.example": record(rsa_key())})
    outcome = verify_one(sign(tags={"d": "bücher.example", "i": "@mail.bücher.example"}), dns)
    assert (outcome.result, outcome.domain) == (Result.PASS, "xn--bcher-kva.example")
