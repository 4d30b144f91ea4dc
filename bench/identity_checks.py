"""What the identity of one message costs: SPF, DKIM, ARC, DMARC, the client's name, and what is written.

    python bench/identity_checks.py [--profile]

CPU time of a signed 10 kB message whose every question to the DNS is answered from memory, as by a warm
cache; then of its parts, each with what it rests on. The least of many short batches is what the work costs;
the rest is what others took.
"""

from __future__ import annotations

import asyncio
import base64
import cProfile
import pstats
import sys
import time
from collections.abc import Callable, Coroutine
from ipaddress import ip_address

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from clement.message.authentication.body_hashes import BodyHashes
from clement.message.authentication.dkim_signing import DkimSigner
from clement.message.authentication.signing_key import SigningIdentity, SigningKey
from clement.message.dns import DnsAnswer
from clement.message.grammar import examine
from clement.policy.checks import arc, dkim, dmarc, hello, reverse_name, spf
from clement.policy.directory import Directory
from clement.policy.facts import ContentFacts, SessionFacts, TransactionFacts
from clement.policy.identity import (
    ContentIdentity,
    Envelope,
    EnvelopeIdentity,
    Identification,
    IdentityRules,
)
from clement.policy.pipeline import Check, gather
from clement.server.authentication import Authentication, body_feed
from clement.server.authentication_trace import trace_of
from clement.smtp import ContentDefects, Service, parse_mailbox
from clement.spool.content import Content
from clement.spool.workers import Workers

CLIENT = ip_address("198.18.0.10")
HEADER = (
    b"Received: from a.example by b.example with ESMTPS id 1; Wed, 25 Nov 2026 10:00:00 +0000\r\n"
    b"From: Ed <ed@news.author.example>\r\nTo: Anna <anna@local.example>\r\nSubject: hello there\r\n"
    b"Message-ID: <1@author.example>\r\nDate: Wed, 25 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nList-Unsubscribe: <mailto:off@author.example>\r\n"
)
BODY = (b"x" * 70 + b"\r\n") * 135
CHECKS = (
    Check(reverse_name.NAME, reverse_name.check),
    Check(hello.NAME, hello.check_resolves),
    Check(spf.NAME, spf.check_hello),
    Check(spf.NAME, spf.check),
    Check(dkim.NAME, dkim.check),
    Check(arc.NAME, arc.check),
    Check(dmarc.NAME, dmarc.check),
)


class Memory:
    """A resolver whose cache has everything."""

    def __init__(self, answers: dict[tuple[str, str], DnsAnswer]) -> None:
        self._answers = answers

    async def _known(self, kind: str, name: str) -> DnsAnswer:
        return self._answers.get((kind, name), NOTHING)

    async def a(self, name: str) -> DnsAnswer:
        return await self._known("A", name)

    async def aaaa(self, name: str) -> DnsAnswer:
        return await self._known("AAAA", name)

    async def mx(self, domain: str) -> DnsAnswer:
        return await self._known("MX", domain)

    async def txt(self, name: str) -> DnsAnswer:
        return await self._known("TXT", name)

    async def ptr(self, address: str) -> DnsAnswer:
        return await self._known("PTR", address)


NOTHING = DnsAnswer(exists=False)


def world() -> tuple[Memory, bytes]:
    """The DNS, and a message signed by its author's organization."""
    key = generate_private_key(65537, 2048)
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    hashes = BodyHashes()
    signer = DkimSigner(HEADER, hashes=hashes)
    hashes.feed(BODY)
    field = signer.sign(SigningIdentity("author.example", "s1", SigningKey(key)), now_s=time.time())
    answers = {
        ("PTR", str(CLIENT)): ("mail.author.example",),
        ("A", "mail.author.example"): (str(CLIENT),),
        ("TXT", "bounce.author.example"): ("v=spf1 include:_spf.author.example mx -all",),
        ("TXT", "_spf.author.example"): ("v=spf1 ip4:203.0.113.0/24 ip4:198.18.0.0/24 ~all",),
        ("TXT", "_dmarc.author.example"): ("v=DMARC1; p=reject; rua=mailto:dmarc@author.example",),
        ("TXT", "s1._domainkey.author.example"): (f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}",),
    }
    memory = Memory({question: DnsAnswer(records) for question, records in answers.items()})
    return memory, field + HEADER + b"\r\n" + BODY


class Bench:
    """One message, judged again and again."""

    def __init__(self) -> None:
        memory, octets = world()
        self.content = Content.in_memory(octets)
        self.workers = Workers()
        rules = IdentityRules(hostname="mx.bench.test")
        self.identification = Identification(memory, rules, time.monotonic)
        self.authentication = Authentication(self.identification, self.workers)
        self.message = examine(self.content.header_block)
        self.reverse_path = parse_mailbox(b"b-1@bounce.author.example")
        self.session = SessionFacts(CLIENT, str(CLIENT), Service.SMTP, Directory(), time.time())

    def identities(self) -> tuple[EnvelopeIdentity, ContentIdentity]:
        envelope = self.identification.of_envelope(
            Envelope(CLIENT, "mail.author.example", self.reverse_path, self.session.now_s)
        )
        feed = body_feed(self.content, self.workers)
        return envelope, self.identification.of_content(
            envelope, self.message, self.content.header_block, feed, "0123-1"
        )

    async def everything(self) -> None:
        envelope, content = self.identities()
        envelope.start()
        transaction = TransactionFacts(self.session, self.reverse_path, 0, envelope)
        facts = ContentFacts(
            transaction, self.content.size_bytes, ContentDefects.NONE, self.message, None, content
        )
        found = gather(CHECKS, facts, 10.0)
        if not isinstance(found, list):
            raise TypeError("a warm cache makes nobody wait")
        if found[-1].finding.result != "pass":
            raise RuntimeError(f"not what is to be measured: {found[-1].finding}")
        await trace_of(self.authentication, content, self.content, b"", time.time, seals=False)
        await content.end()
        envelope.give_up()

    async def envelope_alone(self) -> None:
        self.identities()[0].start()

    async def signatures_alone(self) -> None:
        await self.identities()[1].dkim

    async def nothing(self) -> None:
        self.identities()


async def cost_us(
    work: Callable[[], Coroutine[None, None, None]], batches: int = 60, times: int = 50
) -> float:
    spent = []
    for _batch in range(batches):
        started_s = time.process_time()
        for _time in range(times):
            await work()
        spent.append((time.process_time() - started_s) / times * 1e6)
    return min(spent)


async def main() -> None:
    bench = Bench()
    for name, work in (
        ("everything", bench.everything),
        ("client's name and SPF", bench.envelope_alone),
        ("DKIM", bench.signatures_alone),
        ("nothing asked for", bench.nothing),
    ):
        print(f"{name}: {await cost_us(work):.1f} us CPU")
    if "--profile" in sys.argv:
        profile = cProfile.Profile()
        profile.enable()
        await cost_us(bench.everything)
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)


if __name__ == "__main__":
    asyncio.run(main())
