"""The organizational domain: the one that a name and all its relatives belong to.  RFC 7489 §3.2.

A public suffix and one label more, by the list of publicsuffix.org as the `publicsuffixlist` package carries
it.  The private section of the list counts as well: `alice.github.io` and `bob.github.io` are strangers, and
no setting of the first may speak for the second.  A name that is a public suffix itself is its own
organizational domain, since it has no other.
"""

from __future__ import annotations

from functools import cache, lru_cache

from publicsuffixlist import PublicSuffixList


@cache
def public_suffixes() -> PublicSuffixList:
    """The list, read once; call it before forking, so that all processes share it."""
    return PublicSuffixList()


@lru_cache(maxsize=20_000)
def organizational_domain(domain: str) -> str:
    """Of a domain in normal form (lower case, A-labels, no dot at the end)."""
    return public_suffixes().privatesuffix(domain) or domain
