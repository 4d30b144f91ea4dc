"""Senders whose retries come from many addresses, late or never: greylisting would only delay or lose them.

The facts (which names and networks these are) were gathered by the users of Postgrey and stand in its
`postgrey_whitelist_clients` with the reports behind them (https://postgrey.schweikert.ch/, as of 2024-02-04);
the selection and this table are ours. Left out are single servers reported between 2004 and 2010: few
still stand where they stood.

A name counts only when it is proven, by the client's address (RFC 8601 §2.7.3, iprev) or by SPF: everybody
can say that he is google.com.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from clement.policy.network import Address

NAMES: Final = frozenset(
    {
        # Mail for everybody, sent from large pools.
        "126.com", "aliyun.com", "chello.at", "free.fr", "gmail.com", "google.com", "infomaniak.ch",
        "mail.alibaba.com", "mail.ru", "me.com", "orange.fr", "outlook.com", "protection.outlook.de",
        "protonmail.ch", "rambler.ru", "smailru.net", "upcmail.net", "yahoo.com",
        # Mail for companies: filters, relays and hosters that pass on what their customers send.
        "barracuda.com", "bigfish.com", "cloudflare.net", "dhosting.com", "frontbridge.com",
        "mail-out.ovh.net", "mailspamprotection.com", "messagelabs.com", "microsoft.com", "mimecast.com",
        "postini.com", "reflexion.net", "rrze.uni-erlangen.de",
        # Newsletters, receipts and codes in the name of others.
        "amazonses.com", "mailgun.com", "mailgun.net", "mailgun.us", "mtasv.net", "smtp2go.com",
        "sparkpostmail.com", "systemalerts.mailchimp.com",
        # Mail in their own name: sign-up codes and notices, often not sent again, or late.
        "amazon.com", "battle.net", "ebay.com", "gem.godaddy.com", "github.com", "github.net", "ibm.com",
        "mail-mail.facebook.com", "outappmail.facebook.com", "outmail.facebook.com", "rekki.com",
        "twitter.com",
        # Fallback servers of providers that come back late.
        "mout-xforward.gmx.net", "mout-xforward.kundenserver.de", "mout-xforward.perfora.net",
        "mout-xforward.web.de",
    }
)  # fmt: skip
"""Domains; a name counts when it is one of them or below one of them."""

NETWORKS: Final[tuple[IPv4Network | IPv6Network, ...]] = tuple(
    ip_network(text)
    for text in (
        # Exchange Online's German pool.
        "51.4.72.0/24", "51.4.80.0/27", "51.5.72.0/24", "51.5.80.0/27",
        "2a01:4180:4050:400::/64", "2a01:4180:4050:800::/64",
        "2a01:4180:4051:400::/64", "2a01:4180:4051:800::/64",
        # Mailchimp.
        "148.105.0.0/16", "198.2.128.0/18", "205.201.128.0/20",
    )
)  # fmt: skip

_HEADS: Final[dict[int, tuple[tuple[int, frozenset[int]], ...]]] = {
    version: tuple(
        (
            bits - length,
            frozenset(
                int(network.network_address) >> (bits - length)
                for network in NETWORKS
                if (network.version, network.prefixlen) == (version, length)
            ),
        )
        for length in sorted({network.prefixlen for network in NETWORKS if network.version == version})
    )
    for version, bits in ((4, 32), (6, 128))
}
"""By IP version: how far an address is shifted, and the heads of the networks of that length."""


def pool_of(client: Address, names: Iterable[str]) -> str:
    """The pool that a client belongs to, "" when it belongs to none.

    names: what is proven of it, in lower case: the host name of its address, the domain that SPF passed.
    """
    for name in names:
        found = _above(name)
        if found:
            return found
    number = int(client)
    for shift, heads in _HEADS[client.version]:
        if number >> shift in heads:
            return str(ip_network((client, client.max_prefixlen - shift), strict=False))
    return ""


def _above(name: str) -> str:
    while name:
        if name in NAMES:
            return name
        name = name.partition(".")[2]
    return ""
