"""Where the links of a message lead, and whether they say so: evidence only.

Newsletters lead links through servers of their own, so none of this refuses a message by itself.
"""

from __future__ import annotations

from typing import Final

from clement.message.hosts import read_target, registrable_domain
from clement.policy.facts import ContentFacts
from clement.policy.finding import Finding, Result
from clement.policy.link_signs import LinkReader, Sign

NAME = "links"

MAX_LINKS: Final = 200
MAX_WEIGHT: Final = 5.0
MAX_DETAIL_CHARS: Final = 400


def check(content: ContentFacts) -> Finding | None:
    """Report the links that deceive: one finding, each kind of sign once, with its gravest example."""
    study = content.study
    if study is None or not study.reading.links:
        return None
    authors = {registrable_domain(domain) for domain in content.message.author_domains}
    reader = LinkReader(content.transaction.session.directory, authors)
    gravest: dict[str, Sign] = {}
    counts: dict[str, int] = {}
    for link in study.reading.links[:MAX_LINKS]:
        for sign in reader.signs_of(link, read_target(link.target)):
            known = gravest.get(sign.kind)
            counts[sign.kind] = counts.get(sign.kind, 0) + 1
            if known is None or sign.weight > known.weight:
                gravest[sign.kind] = sign
    if not gravest:
        return None
    signs = sorted(gravest.values(), key=lambda sign: -sign.weight)
    weight = min(MAX_WEIGHT, sum(sign.weight for sign in signs))
    return Finding(NAME, Result.SOFTFAIL, None, _in_words(signs, counts), round(weight, 2))


def _in_words(signs: list[Sign], counts: dict[str, int]) -> str:
    words = "; ".join(f"{sign.kind}{_times(counts[sign.kind])}: {sign.detail}" for sign in signs)
    return words if len(words) <= MAX_DETAIL_CHARS else words[: MAX_DETAIL_CHARS - 1] + "…"


def _times(count: int) -> str:
    return f" ({count} links)" if count > 1 else ""
