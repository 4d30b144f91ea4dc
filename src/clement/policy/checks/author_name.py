"""Whether a stranger appears under the name of somebody here.

Readers see the author's name, and often nothing of the address behind it.  So a stranger who bears the name
of a person of the recipient's domain, an address of ours for a name, or a domain like one of ours, is
evidence; what more it is, a group decides (`impersonation`).  People do write to their own work from private
addresses: that weighs little where the address is proven, and an accept directive of the recipient sets it
aside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from clement.message.addresses import HeaderMailbox, parse_address_list
from clement.message.authentication.organizational_domain import organizational_domain
from clement.message.confusables import folded, folded_word
from clement.message.headers import values_of
from clement.message.text import decoded, visible
from clement.policy.directory import Directory, Local, Relayed
from clement.policy.facts import ContentFacts, RecipientContentFacts
from clement.policy.finding import Finding, Observation, Result
from clement.policy.pipeline import Answer
from clement.policy.proven_domains import authenticated_domains, is_related
from clement.policy.reason import Reason

NAME = "author-name"

MAX_AUTHORS: Final = 3
MAX_WORDS: Final = 5
MAX_WEIGHT: Final = 5.0
MAX_SHOWN_CHARS: Final = 80
MAX_DETAIL_CHARS: Final = 400

_BETWEEN_WORDS: Final = re.compile(r"[\s,.;:_\-'\"()’]+")
_ADDRESS: Final = re.compile(r"[^\s<>@\"'(),;:]{1,64}@([^\s<>@\"'(),;:]{1,253})")
_VIA: Final = re.compile(r"\bvia\b", re.IGNORECASE)


class _Sign(NamedTuple):
    """counts: whether it is a reason, and not evidence alone."""

    weight: float
    detail: str
    counts: bool


def check(facts: RecipientContentFacts) -> Answer:
    """Report whom the author of a stranger's mail pretends to be, to this recipient."""
    content, route = facts.content, facts.recipient.route
    session = content.transaction.session
    authors = content.message.authors
    if not authors or not isinstance(route, Local | Relayed) or not session.of_a_stranger():
        return None
    signs: list[_Sign] = []
    for author in authors[:MAX_AUTHORS]:
        if session.directory.domain(author.mailbox.domain) is not None:
            signs += _of_ours(content, author)
        else:
            signs += _of_a_stranger(content, author, route.domain.name)
    if not signs:
        return None
    weight = min(MAX_WEIGHT, sum(sign.weight for sign in signs))
    detail = "; ".join(sign.detail for sign in signs)[:MAX_DETAIL_CHARS]
    evidence = Finding(NAME, Result.SOFTFAIL, None, detail, round(weight, 2))
    if not any(sign.counts for sign in signs):
        return evidence
    # Without weight, which the evidence has; for the client, and so without saying who is here.
    reason = Finding(NAME, Result.FAIL, Reason.AUTHOR_IMPERSONATES, route.domain.name)
    return Observation(evidence, 0), Observation(reason, 0)


def _is_proven(content: ContentFacts, domain: str) -> bool:
    """Whether SPF or DKIM ties the message to the organization of this domain."""
    identity = content.identity
    return identity is not None and any(is_related(domain, each) for each in authenticated_domains(identity))


def _of_ours(content: ContentFacts, author: HeaderMailbox) -> Iterator[_Sign]:
    """An author of ours in a stranger's mail, whose answers would go elsewhere."""
    domain = author.mailbox.domain
    if _is_proven(content, domain):
        return
    for value in values_of(content.header_block, b"reply-to")[:1]:
        for mailbox in parse_address_list(decoded(value)).mailboxes[:MAX_AUTHORS]:
            elsewhere = mailbox.mailbox.domain
            is_ours = content.transaction.session.directory.domain(elsewhere) is not None
            if not is_ours and not is_related(domain, elsewhere):
                said = f"{_shown(author.address)} wants answers at {_shown(mailbox.address)}"
                yield _Sign(1.5, said, counts=True)
                return


def _of_a_stranger(content: ContentFacts, author: HeaderMailbox, ours: str) -> Iterator[_Sign]:
    directory = content.transaction.session.directory
    domain = author.mailbox.domain
    is_proven = _is_proven(content, domain)
    if author.name:
        yield from _address_for_a_name(directory, author)
        person = namesake(directory, author.name, ours)
        if person:
            own_name = author.mailbox.local_part.lower() in local_parts(author.name)
            weight = (0.5 if own_name else 1.0) if is_proven else 2.0
            said = f'"{_shown(author.name)}" of {_shown(author.address)} is called like {person}'
            yield _Sign(weight, said, counts=weight >= 1.0)
    like = directory.alike.find(organizational_domain(domain))
    if like is not None:
        said = f"{_shown(domain)} {like.how} {like.domain}"
        yield _Sign(like.weight, said, counts=like.weight >= 2.0)


def _address_for_a_name(directory: Directory, author: HeaderMailbox) -> Iterator[_Sign]:
    """`"ceo@ours.example" <x@evil.example>`."""
    found = _ADDRESS.search(author.name) if "@" in author.name else None
    if found is None:
        return
    claimed = folded(found[1]).strip(".")
    said = f"{_shown(found[0])} is the name of {_shown(author.address)}"
    if directory.domain(claimed) is not None:
        yield _Sign(3.0, said, counts=True)
    elif (
        "." in claimed and not is_related(claimed, author.mailbox.domain) and _VIA.search(author.name) is None
    ):
        yield _Sign(1.0, said, counts=False)


def namesake(directory: Directory, name: str, domain: str) -> str:
    """The address at a domain whose owner is called so, by the usual spellings; "" when there is none."""
    for local_part in local_parts(name):
        address = f"{local_part}@{domain}"
        if directory.knows_address(address):
            return address
    return ""


def local_parts(name: str) -> list[str]:
    """The local parts that somebody of this name is usually given: anna.smith, smith.anna, asmith.

    A single word is too little: half the world has its first name for an address.
    """
    words = [
        word for word in map(folded_word, _BETWEEN_WORDS.split(name)) if word.isalpha() and word.isascii()
    ]
    if not 2 <= len(words) <= MAX_WORDS:
        return []
    found: list[str] = [mark.join(words) for mark in "._-"] if len(words) > 2 else []
    for first, last in ((words[0], words[-1]), (words[-1], words[0])):
        found += [f"{first}{mark}{last}" for mark in (".", "", "_", "-")]
        found += [f"{first[0]}{mark}{last}" for mark in (".", "")] if len(last) > 2 else []
    return found


def _shown(text: str) -> str:
    return visible(text, MAX_SHOWN_CHARS)
