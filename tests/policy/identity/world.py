"""Messages, a DNS for them, and what is found out of both: for tests of identities and of their checks."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import cache
from ipaddress import ip_address
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from clement.message.authentication.body_hashes import BodyHashes
from clement.message.authentication.dkim_signing import DkimSigner
from clement.message.authentication.signing_key import SigningIdentity, SigningKey
from clement.message.dns import DnsAnswer, DnsTemporaryFailure
from clement.message.grammar import examine
from clement.policy.facts import ContentFacts, TransactionFacts
from clement.policy.finding import Finding
from clement.policy.identity import (
    ContentIdentity,
    Envelope,
    EnvelopeIdentity,
    Identification,
    IdentityRules,
)
from clement.policy.pipeline import Answer
from clement.server.authentication import feed_all
from clement.smtp import NULL_REVERSE_PATH, ContentDefects, parse_mailbox
from clement.spool.content import Content
from tests.policy.samples import session

CLIENT, STRANGER, NOW_S = "198.18.0.10", "198.18.0.66", 1_750_000_000.0
Records = Mapping[tuple[str, str], Sequence[str]]


class Zones:
    """A DNS by (type, name). `failing` names cannot be asked; what is not there does not exist."""

    def __init__(self, records: Records, failing: Sequence[str] = ()) -> None:
        self._records = records
        self._failing = failing
        self.asked: list[tuple[str, str]] = []

    async def a(self, name: str) -> DnsAnswer:
        return self._answer("A", name)

    async def aaaa(self, name: str) -> DnsAnswer:
        return self._answer("AAAA", name)

    async def mx(self, domain: str) -> DnsAnswer:
        return self._answer("MX", domain)

    async def txt(self, name: str) -> DnsAnswer:
        return self._answer("TXT", name)

    async def ptr(self, address: str) -> DnsAnswer:
        return self._answer("PTR", address)

    def _answer(self, kind: str, name: str) -> DnsAnswer:
        self.asked.append((kind, name))
        if name in self._failing:
            raise DnsTemporaryFailure(f"{kind} of {name}")
        records = self._records.get((kind, name))
        return DnsAnswer(exists=False) if records is None else DnsAnswer(tuple(records))


@cache
def key() -> SigningKey:
    return SigningKey(_private())


@cache
def _private() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def key_record() -> str:
    octets = _private().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return f"v=DKIM1; k=ed25519; p={base64.b64encode(octets).decode()}"


def signed(message: bytes, domain: str = "author.example") -> bytes:
    """With a signature of ours on top."""
    content = Content.in_memory(message)
    hashes = BodyHashes()
    signer = DkimSigner(content.header_block, hashes=hashes)
    feed_all(content, hashes)
    return signer.sign(SigningIdentity(domain, "s1", key()), now_s=NOW_S) + message


def author_zones(**more: Sequence[str]) -> dict[tuple[str, str], Sequence[str]]:
    """An author with everything in order. `more`: DMARC records in place of his (dmarc=[...])."""
    return {
        ("PTR", CLIENT): ["mail.author.example"],
        ("A", "mail.author.example"): [CLIENT],
        ("TXT", "author.example"): [f"v=spf1 ip4:{CLIENT} -all"],
        ("TXT", "_dmarc.author.example"): more.get("dmarc", ["v=DMARC1; p=reject"]),
        ("TXT", "s1._domainkey.author.example"): [key_record()],
    }


def mail(author: str = "From: Ed <ed@author.example>\r\n", body: str = "words\r\n") -> bytes:
    return f"{author}To: anna@local.example\r\nSubject: hello\r\n\r\n{body}".encode()


class Message:
    """One message on its way in, and what is found out of it."""

    def __init__(
        self,
        zones: Zones,
        octets: bytes,
        *,
        client: str = CLIENT,
        hello: str = "mail.author.example",
        reverse_path: str = "ed@author.example",
        rules: IdentityRules | None = None,
    ) -> None:
        self.content = Content.in_memory(octets)
        identification = Identification(zones, rules or IdentityRules(hostname="mx.local.example"), _still)
        path = parse_mailbox(reverse_path.encode()) if reverse_path else NULL_REVERSE_PATH
        self.envelope: EnvelopeIdentity = identification.of_envelope(
            Envelope(ip_address(client), hello, path, NOW_S)
        )
        message = examine(self.content.header_block)
        self.identity: ContentIdentity = identification.of_content(
            self.envelope,
            message,
            self.content.header_block,
            lambda hashes: feed_all(self.content, hashes),
            "1-1",
        )
        transaction = TransactionFacts(session(client, hello=hello), path, 0, self.envelope)
        self.facts = ContentFacts(transaction, len(octets), ContentDefects.NONE, message, None, self.identity)

    def finding(self, check: Callable[[ContentFacts], Answer]) -> Finding | None:
        async def main() -> Finding | None:
            answer = check(self.facts)
            return answer if answer is None or isinstance(answer, Finding) else await answer

        return run(main())


def _still() -> float:
    return 1000.0


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)
