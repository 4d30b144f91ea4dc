"""[[dns_list]]: lists in the DNS that say something of clients and senders (RFC 5782)."""

from __future__ import annotations

import msgspec

from clement.config.values import Code, HostName, Seconds, Weight
from clement.policy.dns_list import Asked, CodeWeight, LinkName, ListKind


class DnsListSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One list in the DNS (RFC 5782). Give one [[dns_list]] for each; no other is asked."""

    zone: HostName
    """The zone that is asked, such as "dnsbl.example.org"."""
    kind: ListKind = ListKind.BLOCK
    """block: a listing speaks against the mail. allow: for it."""
    asks: tuple[Asked, ...] = (Asked.CLIENT,)
    """What the list is asked about. client: its address. hello: the name it gives itself.
    sender: the domain of the reverse-path. link: the hosts of links. author: the domains of authors and
    of Reply-To."""
    weight: Weight = 3.0
    """What a listing is worth, in log-odds, whatever its code; counted negative for an allow list."""
    codes: tuple[CodeWeight, ...] = ()
    """What each code is worth, in place of weight: "127.0.0.2=4", "127.0.0.4/30=3" (a range),
    "&0.0.0.8=2" (every code with that bit). The first that matches counts; no match is worth nothing."""
    reason_from_txt: bool = False
    """Tell the client the text that the list publishes beside the listing."""
    lookup_url: str = ""
    """Otherwise send it to this page, with {listed} for the address or name."""
    timeout_s: Seconds = 3
    """Wait for an answer of this list."""
    refusals: tuple[Code, ...] = ()
    """Codes by which this list says that we may not ask, besides 127.255.255.x and 127.0.0.1; some allow
    lists answer everybody who asks too much with such a code."""
    has_test_entries: bool = True
    """The list bears the test entries of RFC 5782 §5 and is used while it lists them; false only for a zone
    of your own without them."""
    link_name: LinkName = LinkName.REGISTRABLE
    """What is asked for about a link or an author. registrable: the domain that somebody registered.
    host: the whole name, for a list that knows them."""
    link_addresses: bool = False
    """Ask about links to bare addresses too, reversed; many lists refuse whoever does."""
    test_name: HostName = "test"
    """The entry by which a list of names is tried, where it is another than that of RFC 5782 §5."""
