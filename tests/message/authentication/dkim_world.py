"""Keys, a zone in which they stand, and messages signed in ways that our signer never would."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping, Sequence
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from clement.message.authentication.body_hashes import BodyHashes
from clement.message.authentication.canonical import Canonicalisation
from clement.message.authentication.dkim import DkimOutcome, DkimVerifier
from clement.message.authentication.signature_check import DEFAULT_LIMITS, DkimLimits
from clement.message.authentication.signed_header import SignedHeader
from clement.message.authentication.signing_key import SigningIdentity, SigningKey
from clement.message.dns import DnsAnswer, DnsTemporaryFailure
from clement.message.headers import split_content

NOW_S = 1_795_000_000
MESSAGE = (
    b"Received: from a by b\r\nFrom: Ann <ann@example.org>\r\nTo: bob@example.net\r\n"
    b"Subject: Is dinner ready?\r\nDate: Sun, 22 Nov 2026 10:58:54 +0000\r\n"
    b"Message-ID: <1@example.org>\r\n\r\n"
    b"Hi.\r\n\r\nWe lost  the game. \r\n\r\n"
)

# Nobody makes keys of 512 bits any more; somebody may still use one.
SMALL_KEY = (
    "MIIBVAIBADANBgkqhkiG9w0BAQEFAASCAT4wggE6AgEAAkEAxcyqI7jutid5kuPqU29uxFQl9nFfwjuBPDjqTFywH8y5sPXOp23H"
    "ucoNQH/AISel0SvBFs86CO7+c+c0vo7N+wIDAQABAkA/B90fzQqkmSewm1hMhjHx9i6yvaYaKwQfwLNI6jBlsTMJOXTiAURQ0iNa"
    "DF1lAQKcVYbbPDAMiKey5yqdDJzhAiEA/Le0OuASCc0LsyZKs60ad7NgQ+rqPWZIaT1nxTrScK8CIQDIXlsMZ+oONv+DrgtgrMC+"
    "KHt6OFxK1XCk3BhmMhsSdQIhANQ8d2lGiv+eK2g+DViOVP8YLw16+VOtVbzEbCTQfLFTAiBU5vZ5qUaaQ1+98m/LxSfe69R2k483"
    "/n0+vixwkWa7SQIgUSTijxvPA9NuxghX5eOwr3PHJ+ePFmuzdYXh3w1SQwg="
)


class Zone:
    """The DNS: TXT records by name. `silent` names have no answer now. It keeps what it was asked."""

    def __init__(self, records: Mapping[str, str | Sequence[str]], silent: Sequence[str] = ()) -> None:
        self._records = {
            name.rstrip("."): (texts,) if isinstance(texts, str) else tuple(texts)
            for name, texts in records.items()
        }
        self._silent = silent
        self.asked: list[str] = []

    async def txt(self, name: str) -> DnsAnswer:
        self.asked.append(name)
        if name in self._silent:
            raise DnsTemporaryFailure
        records = self._records.get(name, ())
        return DnsAnswer(records, exists=bool(records))

    async def a(self, name: str) -> DnsAnswer:
        raise NotImplementedError

    async def aaaa(self, name: str) -> DnsAnswer:
        raise NotImplementedError

    async def mx(self, domain: str) -> DnsAnswer:
        raise NotImplementedError

    async def ptr(self, address: str) -> DnsAnswer:
        raise NotImplementedError


@cache
def rsa_key(bits: int = 2048) -> RSAPrivateKey:
    if bits == 512:
        small = load_der_private_key(base64.b64decode(SMALL_KEY), None)
        assert isinstance(small, RSAPrivateKey)
        return small
    return generate_private_key(65537, bits)


@cache
def ed25519_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def pem(key: RSAPrivateKey | Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def record(key: RSAPrivateKey | Ed25519PrivateKey, extra: str = "") -> str:
    if isinstance(key, RSAPrivateKey):
        octets = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        kind = "rsa"
    else:
        octets = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        kind = "ed25519"
    return f"v=DKIM1; k={kind}; {extra}p={base64.b64encode(octets).decode()}"


def identity(
    key: RSAPrivateKey | Ed25519PrivateKey | None = None, domain: str = "example.org", selector: str = "s1"
) -> SigningIdentity:
    return SigningIdentity(domain, selector, SigningKey(key or rsa_key()))


def zone(extra: str = "") -> Zone:
    return Zone({"s1._domainkey.example.org": record(rsa_key(), extra)})


def sign(
    message: bytes = MESSAGE,
    tags: Mapping[str, str | None] | None = None,
    key: RSAPrivateKey | Ed25519PrivateKey | None = None,
    form: str = "relaxed/relaxed",
    field: str = "DKIM-Signature",
) -> bytes:
    """The message with a signature of these tags above it, whatever they are; None leaves a tag out."""
    key = key or rsa_key()
    header_form, body_form = map(Canonicalisation, form.split("/"))
    block, start = split_content(message)
    length = (tags or {}).get("l")
    limit = int(length) if length else None
    hashes = BodyHashes()
    hashes.want(body_form, limit)
    hashes.feed(message[start:])
    digest = hashes.result(body_form, limit).digest
    chosen: dict[str, str | None] = {
        "v": "1",
        "a": SigningKey(key).algorithm if isinstance(key, Ed25519PrivateKey) else "rsa-sha256",
        "c": form,
        "d": "example.org",
        "s": "s1",
        "h": "from:to:subject:date",
        "bh": base64.b64encode(digest).decode(),
        **(tags or {}),
    }
    specs = "; ".join(f"{tag}={value}" for tag, value in chosen.items() if value is not None)
    unsigned = f"{field}: {specs}; b=".encode()
    header = SignedHeader(unsigned + b"\r\n" + block)
    names = [name.strip().lower().encode() for name in (chosen["h"] or "").split(":")]
    name = field.lower().encode()
    octets = header.signed_octets(names, header_form) + header.unsigned(name, 0, header_form)
    return unsigned + base64.b64encode(made_by(key, octets)) + b"\r\n" + message


def made_by(key: RSAPrivateKey | Ed25519PrivateKey, octets: bytes) -> bytes:
    if isinstance(key, RSAPrivateKey) and key.key_size < 1024:
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        return key.sign(octets, PKCS1v15(), SHA256())
    return SigningKey(key).sign(octets)


def verify(
    message: bytes,
    dns: Zone | None = None,
    *,
    now_s: float = NOW_S,
    limits: DkimLimits = DEFAULT_LIMITS,
    chunk_bytes: int = 1 << 20,
) -> tuple[DkimOutcome, ...]:
    block, start = split_content(message)
    verifier = DkimVerifier(block, now_s=now_s, limits=limits)
    for at in range(start, len(message), chunk_bytes):
        verifier.feed(message[at : at + chunk_bytes])
    return asyncio.run(verifier.verify(dns or zone()))


def verify_one(message: bytes, dns: Zone | None = None, **options: int) -> DkimOutcome:
    (outcome,) = verify(message, dns, **options)  # type: ignore[arg-type]
    return outcome
