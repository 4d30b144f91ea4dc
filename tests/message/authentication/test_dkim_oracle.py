"""dkimpy beside us: what one signs, the other verifies; what one of them refuses, so does the other."""

from __future__ import annotations

import base64
import time
from typing import Any

import dkim  # type: ignore[import-untyped]
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from clement.message.authentication.dkim_signing import DkimSigner
from clement.message.authentication.result import Result
from clement.message.headers import split_content
from tests.message.authentication.dkim_world import Zone, ed25519_key, identity, record, rsa_key, verify

BITS = 1024  # dkimpy reckons in Python
RSA_PEM = rsa_key(BITS).private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
ED25519_SEED = base64.b64encode(ed25519_key().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()))
ZONE = {
    "s1._domainkey.example.org": record(rsa_key(BITS)),
    "ed._domainkey.example.org": record(ed25519_key()),
}
TEXTS = st.text(alphabet=" \tabcXYZ0189;:=,<>@ü-", max_size=60)
LINES = st.lists(TEXTS, max_size=12)
FOLDS = st.lists(TEXTS.filter(str.strip), min_size=1, max_size=3)
NAMES = st.sampled_from(["Subject", "To", "X-One", "x-two", "Received", "CC", "Reply-To", "Date"])
FORMS = st.sampled_from([b"simple", b"relaxed"])


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    fields = [f"{draw(NAMES)}: " + "\r\n ".join(draw(FOLDS)) for _ in range(draw(st.integers(0, 6)))]
    fields.insert(draw(st.integers(0, len(fields))), "From: Ann <ann@example.org>")
    # SMTP ends every body with CRLF; of one without, dkimpy keeps white space that relaxed form drops.
    body = "".join(f"{line}\r\n" for line in draw(LINES))
    return ("\r\n".join(fields) + "\r\n\r\n" + body).encode()


def dns(name: bytes, **_options: float) -> bytes:
    return ZONE[name.decode().rstrip(".")].encode()


def theirs(message: bytes) -> bool:
    return bool(dkim.verify(message, dnsfunc=dns))


def ours(message: bytes) -> bool:
    (outcome,) = verify(message, Zone(ZONE), now_s=time.time(), chunk_bytes=7)
    return outcome.result is Result.PASS


def signed_by_them(message: bytes, **options: Any) -> bytes:
    if options.pop("ed25519"):
        keys = {"selector": b"ed", "privkey": ED25519_SEED, "signature_algorithm": b"ed25519-sha256"}
    else:
        keys = {"selector": b"s1", "privkey": RSA_PEM}
    field: bytes = dkim.sign(message, domain=b"example.org", **keys, **options)
    return field + message


def signed_by_us(message: bytes, *, ed25519: bool) -> bytes:
    block, start = split_content(message)
    signer = DkimSigner(block)
    signer.feed(message[start:])
    who = identity(ed25519_key(), selector="ed") if ed25519 else identity(rsa_key(BITS))
    return signer.sign(who, now_s=time.time()) + message


@settings(max_examples=150, deadline=None)
@given(messages(), FORMS, FORMS, st.booleans(), st.booleans())
def test_what_dkimpy_signs_passes(
    message: bytes, header: bytes, body: bytes, ed25519: bool, length: bool
) -> None:
    signed = signed_by_them(message, canonicalize=(header, body), length=length, ed25519=ed25519)
    assert theirs(signed)
    assert ours(signed)


@settings(max_examples=100, deadline=None)
@given(messages(), st.booleans())
def test_what_we_sign_passes_with_dkimpy(message: bytes, ed25519: bool) -> None:
    signed = signed_by_us(message, ed25519=ed25519)
    assert ours(signed)
    assert theirs(signed)


@settings(max_examples=200, deadline=None)
@given(
    messages(),
    FORMS,
    FORMS,
    st.integers(0, 400),
    st.sampled_from([b" ", b"  ", b"\t", b"x", b"\r\n ", b"\r\n", b"", b"\r\n\r\n"]),
    st.integers(0, 2),
)
def test_we_agree_on_what_was_changed_on_the_way(
    message: bytes, header: bytes, body: bytes, place: int, put: bytes, taken: int
) -> None:
    signed = signed_by_them(message, canonicalize=(header, body), ed25519=False)
    start = len(signed) - len(message)
    # Fields whose names or line ends are broken are read differently: only values and the body change.
    place = start + place % len(message)
    colon = signed.find(b":", signed.rfind(b"\r\n", 0, place) + 2)
    lost = signed[place : place + taken]
    in_header = place < split_content(signed)[1]
    at_line_end = signed[place - 1 : place] in (b"\r", b"\n")
    if in_header and (place <= colon or at_line_end or b"\r" in lost or b"\n" in lost or b"\n" in put):
        return
    changed = signed[:place] + put + signed[place + taken :]
    if not changed.endswith(b"\r\n"):
        return
    assert ours(changed) == theirs(changed)


@pytest.mark.parametrize("ed25519", [False, True])
def test_dkimpy_refuses_what_we_signed_once_a_field_is_added(ed25519: bool) -> None:
    signed = signed_by_us(b"From: a@example.org\r\nSubject: x\r\n\r\nbody\r\n", ed25519=ed25519)
    assert theirs(signed)
    assert not theirs(b"Subject: y\r\n" + signed)
    assert not ours(b"Subject: y\r\n" + signed)
