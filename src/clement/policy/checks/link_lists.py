"""What DNS lists say of the hosts that a stranger's message names: in its links, and for answers to it.

A name is judged as a client is: what lists say of one name adds up, and the worst name of a message counts.
So a message that names ten listed hosts is not ten times as bad, and one list alone can be made not to be
enough.  Nothing is refused for a list that gives no answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from clement.message.addresses import parse_address_list
from clement.message.headers import values_of
from clement.message.hosts import address_of, is_address, read_target, registrable_domain
from clement.message.reading import Origin
from clement.message.text import decoded
from clement.policy.directory import Directory
from clement.policy.dns_list import (
    DnsLists,
    LinkSubject,
    ListAnswer,
    Subjects,
    name_to_ask,
    reversed_address,
    weigh,
)
from clement.policy.facts import ContentFacts
from clement.policy.link_signs import LinkReader
from clement.policy.list_verdict import ListVerdict
from clement.policy.pipeline import Answer, Findings
from clement.policy.reason import Reason

NAME = "link-lists"

MAX_NAMES: Final = 20
"""Names that lists are asked about for one message, the most suspicious first."""

MAX_LINKS: Final = 500

# Where a reader is led by a click, before what is only loaded.
_ORIGINS: Final = {Origin.FORM: 0, Origin.ANCHOR: 0, Origin.TEXT: 1, Origin.STYLE: 2, Origin.IMAGE: 2}


def check_with(lists: DnsLists) -> Callable[[ContentFacts], Answer]:
    """After the content: a finding for each listing, and one for what they are worth together."""
    verdict = ListVerdict(NAME, Reason.LINK_LISTED, lists)

    def judge(answers: tuple[ListAnswer, ...]) -> Findings | Awaitable[Findings]:
        return _judge(verdict, lists.threshold, answers)

    def check(content: ContentFacts) -> Answer:
        if not lists.reads_content or not content.transaction.session.of_a_stranger():
            return None
        authors = _authors(content)
        links = _links(content)[: MAX_NAMES - len(authors)]
        if not authors and not links:
            return None
        return verdict.heard(Subjects(links=links, authors=authors), judge)

    return check


def _authors(content: ContentFacts) -> tuple[LinkSubject, ...]:
    """The domains of the authors and of those whom answers shall go to."""
    domains = list(content.message.author_domains[:3])
    for value in values_of(content.header_block, b"reply-to")[:1]:
        domains += [mailbox.mailbox.domain for mailbox in parse_address_list(decoded(value)).mailboxes[:3]]
    directory = content.transaction.session.directory
    found = [_subject(directory, name_to_ask(domain)) for domain in dict.fromkeys(domains)]
    return tuple(subject for subject in found if subject is not None)


def _links(content: ContentFacts) -> tuple[LinkSubject, ...]:
    """The hosts that links lead to, the most suspicious first; one for each registrable domain and host."""
    if content.study is None:
        return ()
    directory = content.transaction.session.directory
    reader = LinkReader(directory, ())
    worth: dict[str, tuple[float, int]] = {}
    for link in content.study.reading.links[:MAX_LINKS]:
        target = read_target(link.target)
        if target.host:
            weight = sum(sign.weight for sign in reader.signs_of(link, target))
            here = (-weight, _ORIGINS[link.origin])
            worth[target.host] = min(worth.get(target.host, here), here)
    found: dict[str, LinkSubject] = {}
    for host in sorted(worth, key=worth.__getitem__):
        subject = _subject(directory, host)
        if subject is not None:
            found.setdefault(subject.registrable, subject)
    return tuple(found.values())


def _subject(directory: Directory, host: str) -> LinkSubject | None:
    """What is asked for about a host; nothing about our own, local addresses, and what is no name."""
    if is_address(host):
        address = address_of(host)
        is_here = address.is_loopback or address.is_link_local or address.is_unspecified
        return None if is_here else LinkSubject(host, host, reversed_address(address))
    name = name_to_ask(host)
    organization = registrable_domain(name) if name else ""
    if not name or directory.domain(name) is not None or directory.domain(organization) is not None:
        return None
    return LinkSubject(name, organization)


def _judge(
    verdict: ListVerdict, threshold: float, answers: tuple[ListAnswer, ...]
) -> Findings | Awaitable[Findings]:
    """Evidence, of which the worst name's has weight, and what that is worth."""
    by_name: dict[str, list[ListAnswer]] = {}
    for answer in answers:
        by_name.setdefault(registrable_domain(answer.subject), []).append(answer)
    weighed = {name: weigh(said, threshold) for name, said in by_name.items()}
    worst = max(weighed, key=lambda name: weighed[name].total)
    evidence = tuple(
        verdict.evidence(answer, counts=name == worst) for name, said in by_name.items() for answer in said
    )
    return verdict.reached(evidence, weighed[worst])
