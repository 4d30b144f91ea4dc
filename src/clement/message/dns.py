"""The DNS as the evaluators of this package see it: questions and answers, no transport.

Whoever runs them passes in something that asks; its awaitables may be answered from a cache without waiting.
"""

from __future__ import annotations

from typing import Protocol

import msgspec


class DnsAnswer(msgspec.Struct, frozen=True):
    """An answer of the DNS. `records` is empty when the name exists without that type, or does not exist."""

    records: tuple[str, ...] = ()
    exists: bool = True


class DnsTemporaryFailure(Exception):
    """Time-out, SERVFAIL or no resolver: nothing is known (never a reason to refuse for good)."""


class Dns(Protocol):
    """Records of one type. Every method raises DnsTemporaryFailure when the answer cannot be had now.

    Names may end in a dot; one that is no name of the DNS does not exist. Host names in answers are in lower
    case, without the final dot.
    """

    async def a(self, name: str) -> DnsAnswer:
        """IPv4 addresses."""

    async def aaaa(self, name: str) -> DnsAnswer:
        """IPv6 addresses."""

    async def mx(self, domain: str) -> DnsAnswer:
        """MX records as `preference host`, sorted by preference; the null MX (RFC 7505) is `0 .`."""

    async def txt(self, name: str) -> DnsAnswer:
        """TXT records, each with its character-strings joined (RFC 7208 §3.3); octets above 127 as U+FFFD."""

    async def ptr(self, address: str) -> DnsAnswer:
        """Host names of an address, by its reverse name (RFC 1035 §3.5, RFC 3596 §2.5)."""
