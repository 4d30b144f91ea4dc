"""What DKIM and ARC cost in CPU time: parsing, hashing, use of the key, whose record is in a warm cache.

    python bench/dkim_verify.py [--profile]

Bodies are fed in chunks of 64 KiB, as they come from a spool file. RSA keys have 2048 bits.
"""

from __future__ import annotations

import asyncio
import base64
import cProfile
import pstats
import random
import sys
import time
from collections.abc import Callable, Coroutine

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from clement.message.authentication.arc import ArcOutcome, ArcValidator
from clement.message.authentication.arc_sealing import ArcSealer
from clement.message.authentication.body_hashes import BodyHashes
from clement.message.authentication.canonical import Canonicalisation
from clement.message.authentication.dkim import DkimVerifier
from clement.message.authentication.dkim_signing import DkimSigner
from clement.message.authentication.result import Result
from clement.message.authentication.signed_header import SignedHeader
from clement.message.authentication.signing_key import SigningIdentity, SigningKey
from clement.message.dns import DnsAnswer

NOW_S = 1_795_000_000
CHUNK_BYTES = 64 * 1024
BATCHES = 40
WORDS = [
    "a",
    "the",
    "mail",
    "which",
    "carries",
    "many",
    "words",
    "of  two",
    "and\tmore",
    "=20",
    "<td>  </td>",
]
HEADER = b"".join(
    (
        b"Received: from mail.gen.test (mail.gen.test [192.0.2.7])\r\n"
        b"\tby mx.bench.test with ESMTPS (tls TLSv1.3 TLS_AES_256_GCM_SHA384) id 0123456789;\r\n"
        b"\tSun, 22 Nov 2026 10:58:54 +0000\r\n" * 4,
        b"From: A. U. Thor <author@gen.test>\r\nTo: u1@bench.test\r\nSubject: hello, this is a test\r\n",
        b"Message-ID: <0123456789@gen.test>\r\nDate: Sun, 22 Nov 2026 10:58:54 +0000\r\n",
        b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nX-Mailer: Bench 1.0\r\n",
        b"List-Unsubscribe: <https://gen.test/u/123>\r\nReferences: <1@gen.test>\r\n\t<2@gen.test>\r\n",
    )
)
RSA = generate_private_key(65537, 2048)
ED25519 = Ed25519PrivateKey.generate()


class WarmCache:
    """Answers at once, as the cache of the resolver does."""

    def __init__(self) -> None:
        spki = RSA.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        raw = ED25519.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self._answers = {
            "rsa._domainkey.gen.test": _record("rsa", spki),
            "ed._domainkey.gen.test": _record("ed25519", raw),
        }

    async def txt(self, name: str) -> DnsAnswer:
        return self._answers[name]


def _record(kind: str, key: bytes) -> DnsAnswer:
    return DnsAnswer((f"v=DKIM1; k={kind}; p={base64.b64encode(key).decode()}",))


def identity(key: RSAPrivateKey | Ed25519PrivateKey) -> SigningIdentity:
    return SigningIdentity("gen.test", "rsa" if isinstance(key, RSAPrivateKey) else "ed", SigningKey(key))


def body_of(size_bytes: int) -> bytes:
    chance = random.Random(6376)
    lines: list[bytes] = []
    size = 0
    while size < size_bytes:
        line = " ".join(chance.choices(WORDS, k=14)).encode()[:76] + b"\r\n"
        lines.append(line)
        size += len(line)
    return b"".join(lines)[: size_bytes - 2] + b"\r\n"


def chunks_of(body: bytes) -> list[bytes]:
    return [body[start : start + CHUNK_BYTES] for start in range(0, len(body), CHUNK_BYTES)]


def signed_simply(body: bytes) -> bytes:
    """A header with a simple/simple signature, which our signer never makes."""
    hashes = BodyHashes()
    hashes.want(Canonicalisation.SIMPLE)
    hashes.feed(body)
    digest = base64.b64encode(hashes.result(Canonicalisation.SIMPLE).digest).decode()
    tags = "v=1; a=rsa-sha256; c=simple/simple; d=gen.test; s=rsa; h=from:to:subject:date"
    unsigned = f"DKIM-Signature: {tags}; bh={digest}; b=\r\n".encode()
    header = SignedHeader(unsigned + HEADER)
    octets = header.signed_octets((b"from", b"to", b"subject", b"date"), Canonicalisation.SIMPLE)
    octets += header.unsigned(b"dkim-signature", 0, Canonicalisation.SIMPLE)
    return unsigned[:-2] + base64.b64encode(SigningKey(RSA).sign(octets)) + b"\r\n" + HEADER


def sign(header: bytes, chunks: list[bytes], key: RSAPrivateKey | Ed25519PrivateKey) -> bytes:
    signer = DkimSigner(header)
    for chunk in chunks:
        signer.feed(chunk)
    return signer.sign(identity(key), now_s=NOW_S)


def seal(header: bytes, chunks: list[bytes], chain: ArcOutcome) -> bytes:
    sealer = ArcSealer(header)
    for chunk in chunks:
        sealer.feed(chunk)
    return sealer.seal(chain, "mx.bench.test; dkim=pass header.d=gen.test", identity(RSA), now_s=NOW_S)


async def verify(header: bytes, chunks: list[bytes], dns: WarmCache) -> None:
    verifier = DkimVerifier(header, now_s=NOW_S)
    for chunk in chunks:
        verifier.feed(chunk)
    outcomes = await verifier.verify(dns)  # type: ignore[arg-type]
    assert all(outcome.result is Result.PASS for outcome in outcomes), outcomes


async def validate(header: bytes, chunks: list[bytes], dns: WarmCache) -> ArcOutcome:
    validator = ArcValidator(header, now_s=NOW_S)
    for chunk in chunks:
        validator.feed(chunk)
    outcome = await validator.validate(dns)  # type: ignore[arg-type]
    assert outcome.result in {Result.PASS, Result.NONE}, outcome
    return outcome


async def both(header: bytes, chunks: list[bytes], dns: WarmCache) -> None:
    """DKIM and ARC of one message, as a session asks for them."""
    fields, hashes = SignedHeader(header), BodyHashes()
    verifier = DkimVerifier(fields, now_s=NOW_S, hashes=hashes)
    validator = ArcValidator(fields, now_s=NOW_S, hashes=hashes)
    for chunk in chunks:
        hashes.feed(chunk)
    await verifier.verify(dns)  # type: ignore[arg-type]
    await validator.validate(dns)  # type: ignore[arg-type]


async def measure(name: str, work: Callable[[], Coroutine[None, None, object]], rounds: int) -> None:
    """The least of many short batches is what the work costs; the rest is what others took."""
    spent_ms = []
    for _batch in range(BATCHES):
        started_s = time.process_time()
        for _round in range(rounds):
            await work()
        spent_ms.append((time.process_time() - started_s) / rounds * 1e3)
    spent_ms.sort()
    print(f"{name:<44}{spent_ms[0]:8.3f} ms CPU at best, {spent_ms[BATCHES // 2]:8.3f} in the middle")


async def signing(header: bytes, chunks: list[bytes], key: RSAPrivateKey | Ed25519PrivateKey) -> bytes:
    return sign(header, chunks, key)


async def measure_size(name: str, size_bytes: int, rounds: int) -> None:
    body, dns = body_of(size_bytes), WarmCache()
    chunks = chunks_of(body)
    relaxed = sign(HEADER, chunks, RSA) + HEADER
    ed25519 = sign(HEADER, chunks, ED25519) + HEADER
    simple = signed_simply(body)
    sealed = relaxed
    for _hop in range(2):
        sealed = seal(sealed, chunks, await validate(sealed, chunks, dns)) + sealed
    await measure(f"{name}, verify rsa relaxed/relaxed", lambda: verify(relaxed, chunks, dns), rounds)
    await measure(f"{name}, verify rsa simple/simple", lambda: verify(simple, chunks, dns), rounds)
    await measure(f"{name}, verify ed25519 relaxed/relaxed", lambda: verify(ed25519, chunks, dns), rounds)
    await measure(f"{name}, validate ARC of two sets", lambda: validate(sealed, chunks, dns), rounds)
    await measure(f"{name}, DKIM and ARC in one pass", lambda: both(sealed, chunks, dns), rounds)
    await measure(f"{name}, sign rsa", lambda: signing(HEADER, chunks, RSA), rounds)
    await measure(f"{name}, sign ed25519", lambda: signing(HEADER, chunks, ED25519), rounds)


def indented(size_bytes: int) -> bytes:
    """HTML as generators write it, a quarter of it white space."""
    chance = random.Random(3676)
    cell = b'<td class="x">a word longer text a word</td>\r\n'
    lines = [b" " * chance.randrange(24) + cell for _line in range(size_bytes // (len(cell) + 11))]
    return b"".join(lines)


async def main() -> None:
    await measure_size("10 kB", 10_000, 100)
    await measure_size("1 MB", 1_000_000, 4)
    chunks = chunks_of(indented(1_000_000))
    signed = sign(HEADER, chunks, RSA) + HEADER
    dns = WarmCache()
    await measure("1 MB of indented HTML, verify rsa relaxed", lambda: verify(signed, chunks, dns), 4)


if __name__ == "__main__":
    profile = cProfile.Profile() if "--profile" in sys.argv else None
    if profile:
        profile.enable()
    asyncio.run(main())
    if profile:
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(40)
