"""Chains made and broken: what validation finds, what sealing adds and what it leaves alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from clement.message.authentication.arc import ArcOutcome, ArcValidator
from clement.message.authentication.arc_sealing import ArcSealer
from clement.message.authentication.arc_set import MAX_INSTANCES
from clement.message.authentication.body_hashes import BodyHashes
from clement.message.authentication.dkim import DkimVerifier
from clement.message.authentication.result import Result
from clement.message.authentication.signed_header import SignedHeader
from clement.message.authentication.signing_key import SigningIdentity
from clement.message.headers import MAX_HEADER_BYTES, fields, split_content
from tests.message.authentication.dkim_world import (
    MESSAGE,
    NOW_S,
    Zone,
    ed25519_key,
    identity,
    record,
    rsa_key,
    sign,
)

HOPS = ("lists.example.org", "relay.example.net", "edge.example.com")
RESULTS = "{hop}; dkim=pass header.d=example.org;\r\n spf=pass smtp.mailfrom=ann@example.org"


def zone(silent: Sequence[str] = ()) -> Zone:
    records = {f"s1._domainkey.{hop}": record(rsa_key()) for hop in HOPS}
    return Zone(
        {
            **records,
            "s1._domainkey.example.org": record(rsa_key()),
            "ed._domainkey.relay.example.net": record(ed25519_key()),
        },
        silent,
    )


def validate(message: bytes, dns: Zone | None = None, now_s: float = NOW_S) -> ArcOutcome:
    block, start = split_content(message)
    validator = ArcValidator(block, now_s=now_s)
    validator.feed(message[start:])
    return asyncio.run(validator.validate(dns or zone()))


def seal(
    message: bytes, hop: str, chain: ArcOutcome | None = None, who: SigningIdentity | None = None
) -> bytes:
    chain = validate(message) if chain is None else chain
    block, start = split_content(message)
    sealer = ArcSealer(block)
    sealer.feed(message[start:])
    return sealer.seal(chain, RESULTS.format(hop=hop), who or identity(domain=hop), now_s=NOW_S) + message


def passed_on(message: bytes = MESSAGE, hops: int = 3) -> bytes:
    for hop in HOPS[:hops]:
        message = seal(message, hop)
    return message


def test_a_message_without_chain_has_none() -> None:
    validator = ArcValidator(split_content(MESSAGE)[0], now_s=NOW_S)
    assert not validator.wanted
    assert asyncio.run(validator.validate(zone())) == ArcOutcome(result=Result.NONE)


@pytest.mark.parametrize("hops", [1, 2, 3])
def test_an_unbroken_chain_passes_and_tells_who_said_what(hops: int) -> None:
    outcome = validate(passed_on(hops=hops))
    assert (outcome.result, outcome.reason, outcome.oldest_pass) == (Result.PASS, "", 0)
    assert outcome.chain == HOPS[:hops]
    assert outcome.newest_instance == hops
    assert outcome.instances[0].selector == "s1"
    assert outcome.instances[0].authentication_results == (
        "lists.example.org; dkim=pass header.d=example.org; spf=pass smtp.mailfrom=ann@example.org"
    )
    assert not outcome.is_partial


def test_ed25519_seals_pass() -> None:
    message = seal(passed_on(hops=1), HOPS[1], who=identity(ed25519_key(), HOPS[1], "ed"))
    assert validate(seal(message, HOPS[2])).result is Result.PASS


def test_the_set_that_is_added_stands_above_in_three_fields_of_bounded_lines() -> None:
    added = passed_on(hops=1)[: -len(MESSAGE)]
    assert [field.name for field in fields(added)] == [
        b"ARC-Seal",
        b"ARC-Message-Signature",
        b"ARC-Authentication-Results",
    ]
    assert max(map(len, added.split(b"\r\n"))) < 998
    assert b"l=" not in added


def test_dkim_and_arc_share_one_pass_over_the_body() -> None:
    message = passed_on(sign())
    block, start = split_content(message)
    header, hashes = SignedHeader(block), BodyHashes()
    verifier = DkimVerifier(header, now_s=NOW_S, hashes=hashes)
    validator = ArcValidator(header, now_s=NOW_S, hashes=hashes)
    assert len(hashes._hashings) == 1
    hashes.feed(message[start:])
    (outcome,) = asyncio.run(verifier.verify(zone()))
    assert outcome.result is Result.PASS
    assert asyncio.run(validator.validate(zone())).result is Result.PASS
    assert validator.key_names == tuple(f"s1._domainkey.{hop}" for hop in HOPS)


def test_a_list_that_changes_the_message_is_seen_in_oldest_pass() -> None:
    first = passed_on(hops=1)
    changed = first.replace(b"Subject: ", b"Subject: [list] ") + b"-- \r\nthe list\r\n"
    assert validate(changed).result is Result.FAIL
    # It validated what it got, and sealed what it made of it.
    sealed = seal(changed, HOPS[1], validate(first))
    outcome = validate(seal(sealed, HOPS[2]))
    assert (outcome.result, outcome.oldest_pass) == (Result.PASS, 2)


def test_a_changed_body_breaks_the_newest_signature_before_any_key_is_asked_for() -> None:
    dns = zone()
    outcome = validate(passed_on() + b"more\r\n", dns)
    assert (outcome.result, dns.asked) == (Result.FAIL, [])
    assert outcome.reason == (
        "the ARC-Message-Signature of edge.example.com does not match the body, "
        "which was changed on the way (bh=)"
    )


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"i=1; lists.example.org; dkim=pass", b"i=1; lists.example.org; dkim=fail", "the ARC-Seal of edge"),
        (b"cv=none", b"cv=pass", "instance 1 says cv=pass"),
        (b"cv=pass", b"cv=none", "says cv=none"),
        (b"cv=pass", b"cv=fail", "broken before (cv=fail)"),
        (b"cv=pass", b"cv=Pass", "says cv=Pass"),
        (b"cv=pass; ", b"", "lacks the tag cv="),
        (b"i=2; s=s1", b"i=3; s=s1", "there are two"),
        (b"i=2; relay", b"i=7; relay", "there is no ARC-Authentication-Results of instance 2"),
        (b"i=2; relay", b"relay", "names no instance"),
        (b"i=2; relay", b"i=0; relay", "is numbered 0"),
        (b"i=2; relay", b"i=51; relay", "is numbered 51"),
        (b"i=2; s=s1", b"i=x; s=s1", "names no instance (i=x)"),
        (b"a=rsa-sha256;", b"a=rsa-sha1;", "uses rsa-sha1"),
        (b"cv=pass;", b"cv=pass; h=from;", "has an h=, which it must not have"),
        (b"h=from:", b"h=arc-seal:from:", "signs ARC-Seal fields (h=)"),
        (b"d=relay.example.net", b"d=net", "names no domain (d=net)"),
    ],
)
def test_a_chain_that_was_touched_fails_and_says_where(old: bytes, new: bytes, reason: str) -> None:
    message = passed_on()
    assert old in message
    outcome = validate(message.replace(old, new))
    assert outcome.result is Result.FAIL
    assert reason in outcome.reason


@pytest.mark.parametrize("name", [b"ARC-Seal:", b"ARC-Message-Signature:", b"ARC-Authentication-Results:"])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_chain_that_lacks_a_field_fails(name: bytes, number: int) -> None:
    message = passed_on()
    at = -1
    for _ in range(number + 1):
        at = message.index(name, at + 1)
    outcome = validate(message[:at] + b"X-" + message[at:])
    assert outcome.result is Result.FAIL
    assert f"there is no {name.decode().rstrip(':')} of instance {3 - number}" in outcome.reason


def test_comments_may_stand_about_the_instance() -> None:
    message = passed_on(hops=1).replace(b"Results: i=1;", b"Results: (a) I (b)\r\n = 01 (c);")
    # It is read as a set; its seal is over what was there before.
    assert "ARC-Seal" in validate(message).reason


def test_a_key_that_the_dns_does_not_give_now_is_no_failure() -> None:
    for hop in HOPS:
        outcome = validate(passed_on(), zone([f"s1._domainkey.{hop}"]))
        assert (outcome.result, hop in outcome.reason) == (Result.TEMPERROR, True)


def test_a_key_that_is_gone_is_one() -> None:
    outcome = validate(passed_on(), Zone({}))
    assert outcome.result is Result.FAIL
    assert outcome.chain == HOPS


def test_case_098_seals_by_small_keys_fail() -> None:
    message = seal(passed_on(hops=1), HOPS[1])
    small = record(rsa_key(512))
    outcome = validate(message, Zone({f"s1._domainkey.{hop}": small for hop in HOPS}))
    assert outcome.result is Result.FAIL
    assert "has a key of 512 bits" in outcome.reason


def test_case_098_times_count_in_the_newest_signature_alone() -> None:
    assert validate(passed_on(), now_s=NOW_S - 7200).result is Result.FAIL
    assert validate(passed_on(), now_s=NOW_S + 10**8).result is Result.PASS


def test_case_094_a_signature_of_part_of_the_body_is_told() -> None:
    message = sign(
        b"ARC-Authentication-Results: i=1; lists.example.org; none\r\n" + MESSAGE,
        tags={"v": None, "i": "1", "l": "3", "d": HOPS[0]},
        field="ARC-Message-Signature",
    )
    sealed = seal(message, HOPS[0], ArcOutcome(result=Result.NONE))
    # The seal of a second set, renumbered, is none of the first: the form is judged, and then the seal.
    lines = [field for field in fields(split_content(sealed)[0]) if field.name == b"ARC-Seal"]
    block = sealed[lines[0].start : lines[0].end] + b"\r\n" + message
    outcome = validate(block)
    assert outcome.is_partial
    assert "the ARC-Seal of lists.example.org (i=1)" in outcome.reason


def test_a_chain_has_fifty_links_and_no_more() -> None:
    message = MESSAGE
    for number in range(MAX_INSTANCES):
        # Each of them would find what the one before did; so only the last chain is validated.
        chain = ArcOutcome(result=Result.PASS if number else Result.NONE, newest_instance=number)
        message = seal(message, HOPS[0], chain)
    outcome = validate(message)
    assert (outcome.result, outcome.newest_instance) == (Result.PASS, MAX_INSTANCES)
    assert seal(message, HOPS[1], outcome) == message
    longer = validate(b"ARC-Seal: i=50\r\n" + message)
    assert longer.result is Result.FAIL
    assert "more than 50 links" in longer.reason


def test_a_broken_chain_is_sealed_as_broken_and_then_closed() -> None:
    broken = passed_on(hops=2).replace(b"Subject: ", b"Subject: [x] ")
    assert validate(broken).result is Result.FAIL
    closed = seal(broken, HOPS[2])
    assert b"cv=fail" in closed
    outcome = validate(closed)
    assert (outcome.result, outcome.is_closed, outcome.newest_instance) == (Result.FAIL, True, 3)
    assert seal(closed, HOPS[0]) == closed


def test_nothing_is_sealed_that_could_not_be_checked() -> None:
    message = passed_on(hops=1)
    outcome = validate(message, zone(["s1._domainkey.lists.example.org"]))
    assert outcome.result is Result.TEMPERROR
    assert seal(message, HOPS[1], outcome) == message


def test_case_096_a_header_beyond_what_we_read_fails_and_is_not_sealed() -> None:
    message = passed_on(hops=1).replace(b"\r\n\r\n", b"\r\nX: " + b"x" * MAX_HEADER_BYTES + b"\r\n\r\n", 1)
    outcome = validate(message)
    assert (outcome.result, outcome.reason) == (Result.FAIL, "the header is longer than we read")
    assert seal(message, HOPS[1], outcome) == message


def test_what_is_signed_of_a_message_includes_its_dkim_signatures() -> None:
    message = passed_on(sign(), hops=1)
    assert b"dkim-signature" in message[: message.index(b"DKIM-Signature")]
    assert validate(message.replace(b"DKIM-Signature: v=1", b"DKIM-Signature: v=2")).result is Result.FAIL
