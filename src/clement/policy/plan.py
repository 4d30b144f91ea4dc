"""Which checks run at which stage: the whole order of judgement as one table."""

from __future__ import annotations

from typing import Final

from clement.policy.checks import (
    arc,
    attachments,
    author_name,
    client_network,
    dkim,
    dmarc,
    dns_lists,
    grammar,
    hello,
    learned,
    link_lists,
    links,
    loop,
    reading,
    recipient,
    reputation,
    reverse_name,
    rules,
    sender_domain,
    sender_ownership,
    size,
    spf,
    virus,
)
from clement.policy.dns_list import DnsLists
from clement.policy.pipeline import Check, Plan
from clement.policy.ports import Judge, Resolver

OF_WHAT_WAS_READ: Final = frozenset((links.NAME, link_lists.NAME, attachments.NAME, reading.NAME))
"""Checks of what stands in the content, which is nobody's business where a group does not want it read."""


_EARLY_IDENTITIES: Final = (
    Check(spf.NAME, spf.check_early, bounds_itself=True),
    Check(reverse_name.NAME, reverse_name.check_early, bounds_itself=True),
)

_IDENTITIES: Final = (
    Check(reverse_name.NAME, reverse_name.check, bounds_itself=True),
    Check(hello.NAME, hello.check_resolves, bounds_itself=True),
    Check(spf.NAME, spf.check_hello, bounds_itself=True),
    Check(spf.NAME, spf.check, bounds_itself=True),
    Check(dkim.NAME, dkim.check, bounds_itself=True),
    Check(arc.NAME, arc.check, bounds_itself=True),
    Check(dmarc.NAME, dmarc.check, bounds_itself=True),
    Check(reputation.NAME, reputation.check_domains, bounds_itself=True),
)


def standard_plan(
    resolver: Resolver,
    budget_s: float = 10.0,
    *,
    lists: DnsLists | None = None,
    postmaster: str = "",
    judge: Judge | None = None,
    identities: bool = True,
    scanner: bool = True,
) -> Plan:
    """The checks of a receiver. budget_s: time that the checks of one stage may take together.

    lists: of the DNS; without any, nothing is asked of them. postmaster: to whom banned clients may write.
    judge: the learned model, where there is one. identities, scanner: whether a message may have the one and
    be shown to the other at all; whether this one does, its facts say.
    """
    return Plan(
        connect=(
            Check(client_network.NAME, client_network.check_with(postmaster)),
            Check(reputation.NAME, reputation.check_client),
        ),
        hello=(
            Check(hello.NAME, hello.check),
            Check(reputation.NAME, reputation.check_hello),
            *((Check(dns_lists.NAME, dns_lists.begin_with(lists)),) if lists else ()),
        ),
        mail=(
            Check(sender_ownership.NAME, sender_ownership.check),
            *((Check(dns_lists.NAME, dns_lists.begin_sender_with(lists)),) if lists else ()),
            Check(sender_domain.NAME, sender_domain.check_with(resolver)),
        ),
        rcpt=(
            Check(recipient.NAME, recipient.check),
            Check(size.NAME, size.check_declared),
            *((Check(dns_lists.NAME, dns_lists.check_with(lists), bounds_itself=True),) if lists else ()),
            *(_EARLY_IDENTITIES if identities else ()),
        ),
        content=(
            Check(grammar.NAME, grammar.check_lines),
            Check(grammar.NAME, grammar.check_header),
            Check(sender_ownership.NAME, sender_ownership.check_author),
            Check(loop.NAME, loop.check_hops),
            *(_IDENTITIES if identities else ()),
            *((Check(virus.NAME, virus.check, bounds_itself=True),) if scanner else ()),
            Check(links.NAME, links.check),
            *((Check(link_lists.NAME, link_lists.check_with(lists), bounds_itself=True),) if lists else ()),
            Check(attachments.NAME, attachments.check),
            Check(reading.NAME, reading.check),
        ),
        recipient_content=(
            Check(size.NAME, size.check_counted),
            Check(loop.NAME, loop.check_delivered),
            *((Check(learned.NAME, learned.check_with(judge)),) if judge else ()),
            Check(author_name.NAME, author_name.check),
            Check(rules.NAME, rules.check_with()),
            Check(attachments.NAME, attachments.check_names),
        ),
        budget_s=budget_s,
    )
