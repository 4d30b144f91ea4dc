"""iprev: whether a client's address has a name that has this address.  RFC 8601 §3, §2.7.3."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

import msgspec

from clement.message.authentication.result import Result
from clement.message.dns import Dns, DnsTemporaryFailure
from clement.message.text import visible

MAX_NAMES = 10
"""Names of one address that are looked at (RFC 7208 §4.6.4 sets the same limit for `ptr`)."""


class ReverseNameOutcome(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What came of it.

    result: pass; fail, when none of its names has the address; permerror, when it has no name; temperror.
    name: the verified name, or the first that was not; "" when there is none. Bounded and visible.
    """

    result: Result
    name: str = ""
    reason: str = ""


async def verify_reverse_name(dns: Dns, address: IPv4Address | IPv6Address) -> ReverseNameOutcome:
    """Ask for the names of an address, and for the addresses of those. Never raises for the DNS."""
    try:
        names = (await dns.ptr(str(address))).records[:MAX_NAMES]
    except DnsTemporaryFailure as failure:
        return ReverseNameOutcome(result=Result.TEMPERROR, reason=visible(str(failure), 200))
    if not names:
        return ReverseNameOutcome(result=Result.PERMERROR, reason=f"{address} has no name in the DNS")
    unknown = ""
    for name in names:
        try:
            if await has_address(dns, name, address):
                return ReverseNameOutcome(result=Result.PASS, name=visible(name, 255))
        except DnsTemporaryFailure as failure:
            unknown = visible(str(failure), 200)
    shown = visible(names[0], 255)
    if unknown:
        return ReverseNameOutcome(result=Result.TEMPERROR, name=shown, reason=unknown)
    reason = f"{address} calls itself {shown}, which does not have this address"
    return ReverseNameOutcome(result=Result.FAIL, name=shown, reason=reason)


async def has_address(dns: Dns, name: str, address: IPv4Address | IPv6Address) -> bool:
    """Whether a host name has this address. Raises DnsTemporaryFailure."""
    asked = dns.a if isinstance(address, IPv4Address) else dns.aaaa
    return any(_parsed(record) == address for record in (await asked(name)).records)


# The same few addresses answer for most clients.
@lru_cache(maxsize=4096)
def _parsed(record: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(record)
    except ValueError:
        return None
