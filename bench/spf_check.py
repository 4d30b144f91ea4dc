"""What SPF costs a message when the answers of the DNS are already known: CPU time of `check_host`.

    python bench/spf_check.py [--profile]

The DNS is a dictionary, as the cache of a resolver is; records have been seen before unless it says so.
"""

from __future__ import annotations

import cProfile
import pstats
import sys
import time
from collections.abc import Mapping
from ipaddress import ip_address

from clement.message.authentication import spf_record
from clement.message.authentication.spf import check_host
from clement.message.dns import DnsAnswer

NETWORKS = " ".join(f"ip4:198.51.{number}.0/24" for number in range(20))
RECORDS: Mapping[str, tuple[str, ...]] = {
    "TXT typical.test": ("v=spf1 ip4:198.51.100.7 include:_spf.provider.test -all",),
    "TXT _spf.provider.test": (f"v=spf1 {NETWORKS} ip6:2001:db8::/32 ip4:192.0.2.0/24 ~all",),
    "TXT hosts.test": ("v=spf1 a mx a:out.hosts.test -all",),
    "A hosts.test": ("198.51.100.1",),
    "MX hosts.test": ("10 mx1.hosts.test", "20 mx2.hosts.test"),
    "A mx1.hosts.test": ("198.51.100.2",),
    "A mx2.hosts.test": ("198.51.100.3",),
    "A out.hosts.test": ("198.51.100.4", "192.0.2.1"),
    "TXT deep.test": ("v=spf1 redirect=_spf.deep.test",),
    "TXT _spf.deep.test": (
        "v=spf1 include:_a.deep.test include:_b.deep.test include:_spf.provider.test ~all",
    ),
    "TXT _a.deep.test": (f"v=spf1 {NETWORKS} ?all",),
    "TXT _b.deep.test": (f"v=spf1 {NETWORKS} ~all",),
    "TXT macros.test": ("v=spf1 exists:%{ir}.%{v}.%{l1r-}.spf.%{d2} -all exp=why.macros.test",),
    "A 1.2.0.192.in-addr.user.spf.macros.test": ("127.0.0.2",),
    "TXT refusing.test": ("v=spf1 ip4:198.51.100.0/24 -all",),
}
CASES = {
    "typical (ip4, include, -all): pass": "typical.test",
    "short (ip4, -all): fail": "refusing.test",
    "hosts (a, mx, a): pass": "hosts.test",
    "deep (redirect, 3 includes): pass": "deep.test",
    "macros (exists): pass": "macros.test",
    "no record": "nothing.test",
}


class KnownDns:
    """Implements Dns, without ever waiting."""

    async def a(self, name: str) -> DnsAnswer:
        return DnsAnswer(RECORDS.get(f"A {name}", ()))

    async def aaaa(self, name: str) -> DnsAnswer:
        return DnsAnswer(RECORDS.get(f"AAAA {name}", ()))

    async def mx(self, domain: str) -> DnsAnswer:
        return DnsAnswer(RECORDS.get(f"MX {domain}", ()))

    async def txt(self, name: str) -> DnsAnswer:
        return DnsAnswer(RECORDS.get(f"TXT {name}", ()))

    async def ptr(self, address: str) -> DnsAnswer:
        return DnsAnswer()


def check(domain: str) -> str:
    """One check; its coroutine never has to wait."""
    waiting = check_host(
        KnownDns(),
        address=ip_address("192.0.2.1"),
        domain=domain,
        identity=f"user@{domain}",
        hello="mail.sender.test",
        receiver="mx.bench.test",
        now_s=1.7e9,
    )
    try:
        waiting.send(None)
    except StopIteration as done:
        return str(done.value.result)
    raise AssertionError("the DNS of this bench has every answer at once")


def measure(name: str, domain: str, *, known: bool = True, batches: int = 200, checks: int = 200) -> None:
    """The least of many short batches is what the work costs; the rest is what others took."""
    spent_us, result = [], ""
    for _batch in range(batches):
        started_s = time.process_time()
        for _check in range(checks):
            if not known:
                spf_record._parse_kept.cache_clear()  # noqa: SLF001 - what a record costs at first sight
            result = check(domain)
        spent_us.append((time.process_time() - started_s) / checks * 1e6)
    spent_us.sort()
    print(f"{name}: {spent_us[0]:.1f} us CPU at best, {spent_us[batches // 2]:.1f} in the middle ({result})")


def main() -> None:
    profile = cProfile.Profile() if "--profile" in sys.argv else None
    if profile:
        profile.enable()
    for name, domain in CASES.items():
        measure(name, domain)
    measure("typical, records never seen", "typical.test", known=False, batches=50)
    if profile:
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()
