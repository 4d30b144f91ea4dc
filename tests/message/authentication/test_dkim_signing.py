"""What we sign, and that nothing can be added to it."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from clement.message.authentication.dkim_signing import OVERSIGNED, DkimSigner, SigningError
from clement.message.authentication.result import Result
from clement.message.authentication.signing_key import SigningIdentity, SigningKey, SigningKeyError
from clement.message.headers import MAX_HEADER_BYTES, split_content
from tests.fixtures.places import shared
from tests.message.authentication.dkim_world import (
    MESSAGE,
    NOW_S,
    Zone,
    ed25519_key,
    identity,
    pem,
    record,
    rsa_key,
    verify,
    verify_one,
    zone,
)


def dkimpy(name: str) -> bytes:
    return (shared("material/dkim_dkimpy/data") / name).read_bytes()


def sign(message: bytes, who: SigningIdentity, **options: int) -> bytes:
    block, start = split_content(message)
    signer = DkimSigner(block)
    signer.feed(message[start:])
    return signer.sign(who, now_s=NOW_S, **options)


@pytest.mark.parametrize("bits", [1024, 2048, 4096])
def test_our_rsa_signatures_pass(bits: int) -> None:
    key = rsa_key(bits)
    dns = Zone({"s1._domainkey.example.org": record(key)})
    outcome = verify_one(sign(MESSAGE, identity(key)) + MESSAGE, dns)
    assert (outcome.result, outcome.is_partial, outcome.key_bits) == (Result.PASS, False, bits)


def test_one_pass_over_the_body_signs_with_both_algorithms() -> None:
    block, start = split_content(MESSAGE)
    signer = DkimSigner(block)
    signer.feed(MESSAGE[start:])
    fields = signer.sign(identity(), now_s=NOW_S) + signer.sign(
        identity(ed25519_key(), selector="ed"), now_s=NOW_S, lifetime_s=86400
    )
    dns = Zone(
        {"s1._domainkey.example.org": record(rsa_key()), "ed._domainkey.example.org": record(ed25519_key())}
    )
    outcomes = verify(fields + MESSAGE, dns)
    assert [outcome.result for outcome in outcomes] == [Result.PASS, Result.PASS]
    assert f"x={NOW_S + 86400}".encode() in fields


def test_lines_are_short_and_the_form_is_relaxed() -> None:
    field = sign(MESSAGE, identity(rsa_key(4096)))
    assert field.endswith(b"\r\n")
    assert max(map(len, field.split(b"\r\n"))) <= 78
    assert b"c=relaxed/relaxed" in field


def test_a_selector_too_long_for_a_line_is_left_whole() -> None:
    selector = ".".join(["x" * 60] * 3)
    field = sign(MESSAGE, identity(selector=selector))
    assert verify_one(field + MESSAGE, Zone({f"{selector}._domainkey.example.org": record(rsa_key())})).result


def test_case_094_no_length_is_ever_given() -> None:
    assert b"l=" not in sign(MESSAGE, identity())
    assert verify_one(sign(MESSAGE, identity()) + MESSAGE + b"more\r\n").result is Result.FAIL


@pytest.mark.parametrize("name", OVERSIGNED)
def test_case_095_no_field_that_readers_see_can_be_added(name: str) -> None:
    signed = sign(MESSAGE, identity()) + MESSAGE
    assert verify_one(signed).result is Result.PASS
    added = f"{name.title()}: something else\r\n".encode()
    assert verify_one(added + signed).result is Result.FAIL
    assert verify_one(signed.replace(b"\r\n\r\n", b"\r\n" + added + b"\r\n", 1)).result is Result.FAIL


def test_fields_that_relays_add_break_nothing() -> None:
    signed = sign(MESSAGE, identity()) + MESSAGE
    assert verify_one(b"Received: from c by d\r\nX-Seen: yes\r\n" + signed).result is Result.PASS


def test_every_copy_of_a_field_is_signed() -> None:
    message = b"Cc: x@example.net\r\nCc: y@example.net\r\n" + MESSAGE
    outcome = verify_one(sign(message, identity()) + message)
    assert outcome.signed_fields.count("cc") == 3
    assert outcome.unsigned_copies == ()


def test_a_message_without_author_is_not_signed() -> None:
    with pytest.raises(SigningError, match="no From"):
        sign(dkimpy("test_nofrom.message"), identity())


def test_a_header_beyond_what_we_read_is_not_signed() -> None:
    with pytest.raises(SigningError, match="longer"):
        sign(b"X: " + b"x" * MAX_HEADER_BYTES + b"\r\n" + MESSAGE, identity())


@pytest.mark.parametrize("name", ["test.private", "test2.private"])
@pytest.mark.parametrize("message", ["test.message", "ed25519test.msg", "rfc6376.msg", "test_extra.message"])
def test_keys_and_messages_of_dkimpy(name: str, message: str) -> None:
    who = SigningIdentity("example.com", "test", SigningKey.from_pem(dkimpy(name)))
    content = dkimpy(message)
    public = dkimpy("test.txt").decode().strip()
    signed = sign(content, who) + content
    assert verify_one(signed, Zone({"test._domainkey.example.com": public})).result is Result.PASS


@pytest.mark.parametrize(
    ("seed", "public"), [("ed25519test.key", "ed25519test.dns"), ("rfc8032_7_1.key", None)]
)
def test_ed25519_keys_of_dkimpy(seed: str, public: str | None) -> None:
    key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(dkimpy(seed)))
    text = dkimpy(public).decode().strip() if public else record(key)
    content = dkimpy("ed25519test.msg")
    signed = sign(content, SigningIdentity("example.com", "ed", SigningKey(key))) + content
    assert verify_one(signed, Zone({"ed._domainkey.example.com": text})).result is Result.PASS


def test_keys_are_read_in_the_forms_that_tools_write() -> None:
    assert SigningKey.from_pem(pem(rsa_key())).algorithm == "rsa-sha256"
    assert SigningKey.from_pem(pem(ed25519_key())).algorithm == "ed25519-sha256"
    old = rsa_key().private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    assert SigningKey.from_pem(old).algorithm == "rsa-sha256"


def test_keys_that_nobody_would_accept_are_refused() -> None:
    with pytest.raises(SigningKeyError, match="512 bits"):
        SigningKey.from_pem(pem(rsa_key(512)))
    with pytest.raises(SigningKeyError, match="no private key"):
        SigningKey.from_pem(b"rubbish")
    elliptic = generate_private_key(SECP256R1())
    with pytest.raises(SigningKeyError, match="neither"):
        SigningKey.from_pem(elliptic.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def test_signing_is_seen_by_the_zone_alone() -> None:
    dns = zone()
    verify_one(sign(MESSAGE, identity()) + MESSAGE, dns)
    assert dns.asked == ["s1._domainkey.example.org"]
