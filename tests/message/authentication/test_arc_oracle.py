"""dkimpy beside us along a chain: each hop is sealed by one of the two, and both find it whole."""

from __future__ import annotations

import asyncio
import time

import dkim  # type: ignore[import-untyped]
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from clement.message.authentication.arc import ArcOutcome, ArcValidator
from clement.message.authentication.arc_sealing import ArcSealer
from clement.message.headers import split_content
from tests.message.authentication.dkim_world import Zone, identity, record, rsa_key

BITS = 1024
PEM = rsa_key(BITS).private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
RECORDS = {"s1._domainkey.example.org": record(rsa_key(BITS))}
TEXTS = st.text(alphabet=" \tabcXYZ019;:=,-", max_size=40)
NAMES = st.sampled_from(["Subject", "To", "X-One", "Received", "Reply-To", "Date"])


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    fields = [f"{draw(NAMES)}: a{draw(TEXTS)}" for _ in range(draw(st.integers(0, 5)))]
    fields.insert(draw(st.integers(0, len(fields))), "From: Ann <ann@example.org>")
    body = "".join(f"{line}\r\n" for line in draw(st.lists(TEXTS, max_size=8)))
    return ("\r\n".join(fields) + "\r\n\r\n" + body).encode()


def dns(name: bytes, **_options: float) -> bytes:
    return RECORDS[name.decode().rstrip(".")].encode()


def ours(message: bytes) -> ArcOutcome:
    block, start = split_content(message)
    validator = ArcValidator(block, now_s=time.time())
    validator.feed(message[start:])
    return asyncio.run(validator.validate(Zone(RECORDS)))


def theirs(message: bytes) -> str:
    validation, _, _ = dkim.arc_verify(message, dnsfunc=dns)
    return "none" if validation is None else str(validation.decode())


def sealed_by_us(message: bytes) -> bytes:
    block, start = split_content(message)
    sealer = ArcSealer(block)
    sealer.feed(message[start:])
    return (
        sealer.seal(ours(message), "mx.test; spf=pass", identity(rsa_key(BITS)), now_s=time.time()) + message
    )


def sealed_by_them(message: bytes) -> bytes:
    # It merges the results of one server, so every hop has a name of its own.
    chain = ours(message)
    name = f"mx{chain.newest_instance}.test"
    message = f"Authentication-Results: {name}; arc={chain.result}; spf=pass\r\n".encode() + message
    return b"".join(dkim.arc_sign(message, b"s1", b"example.org", PEM, name.encode())) + message


@settings(max_examples=40, deadline=None)
@given(messages(), st.lists(st.booleans(), min_size=1, max_size=4), st.sampled_from([b"", b"x", b" x"]))
def test_we_agree_on_chains_whoever_sealed_them(message: bytes, hops: list[bool], put: bytes) -> None:
    for is_ours in hops:
        message = sealed_by_us(message) if is_ours else sealed_by_them(message)
    assert (ours(message).result, theirs(message)) == ("pass", "pass")
    at = message.index(b"Ann") + 1
    changed = message[:at] + put + message[at:]
    assert ours(changed).result == theirs(changed)
    assert (ours(changed).result == "pass") is (put == b"")
