"""What is suspicious about one link by itself: no network, no history, nothing of the rest of the message."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from ipaddress import ip_network
from typing import Final, NamedTuple

from clement.message.confusables import mixes_scripts, passes_for_latin
from clement.message.hosts import (
    NUMBER,
    Target,
    address_of,
    is_address,
    named_host,
    registrable_domain,
)
from clement.message.reading import Link, Origin
from clement.message.text import visible
from clement.policy.directory import Directory
from clement.policy.likeness import looks_like

MAX_SHOWN_CHARS: Final = 64

# RFC 1918, RFC 6598, RFC 1122 §3.2.1.3, RFC 3927; RFC 4291 §2.5.3, RFC 4193, RFC 4291 §2.5.6
_LOCAL: Final = tuple(
    ip_network(text)
    for text in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("::1/128", "fc00::/7", "fe80::/10"),
    )
)
_SCRIPTED: Final = frozenset(("javascript", "vbscript", "data"))
# Services that newsletters and mail filters lead all links through: their names stand in no link's text.
REDIRECTORS: Final = frozenset(
    (
        "list-manage.com", "mailchi.mp", "mailchimp.com", "sendgrid.net", "mandrillapp.com",
        "hubspotlinks.com", "outlook.com", "office.com", "urldefense.com", "proofpoint.com", "mimecast.com",
        "barracudanetworks.com", "trendmicro.com", "google.com", "lnkd.in", "linkedin.com", "t.co", "bit.ly",
        "createsend.com", "cmail19.com", "cmail20.com", "exacttarget.com", "salesforce.com", "rs6.net",
        "constantcontact.com", "mailjet.com", "mjt.lu", "sendinblue.com", "brevo.com", "sparkpostmail.com",
        "awstrack.me", "mlsend.com", "klaviyomail.com", "amazonses.com", "mailgun.org", "getresponse.com",
    )
)  # fmt: skip


class Sign(NamedTuple):
    """kind: in words, the same for all signs of one kind. weight: log-odds. detail: bounded, visible."""

    kind: str
    weight: float
    detail: str


class LinkReader:
    """Looks at the links of one message.

    authors: the organizational domains of its authors, which lead links through their own servers.
    """

    __slots__ = ("_authors", "_directory", "_hosts")

    def __init__(self, directory: Directory, authors: Collection[str]) -> None:
        self._directory = directory
        self._authors = authors
        self._hosts: dict[str, tuple[str, tuple[Sign, ...]]] = {}

    def signs_of(self, link: Link, target: Target) -> Sequence[Sign]:
        """What is suspicious about a link, given where it leads."""
        host = target.host
        if not host:
            return _without_host(link, target)
        known = self._hosts.get(host)
        if known is None:
            known = self._hosts[host] = self._of_host(host)
        organization, signs = known
        if target.port or target.userinfo or target.oddities:
            signs = (*signs, *_disguises(target))
        if link.origin is Origin.ANCHOR and link.text:
            named = named_host(link.text)
            if named and named != host:
                return (*signs, *_other_host(named, host, organization, self._authors))
        return signs

    def organization_of(self, host: str) -> str:
        """Whose a host is."""
        return self._hosts[host][0] if host in self._hosts else registrable_domain(host)

    def _of_host(self, host: str) -> tuple[str, tuple[Sign, ...]]:
        if is_address(host) or self._directory.domain(host) is not None:
            return host, _of_host(host)
        organization = registrable_domain(host)
        return organization, _of_host(host) + self._likenesses(host, organization)

    def _likenesses(self, host: str, organization: str) -> tuple[Sign, ...]:
        alike = self._directory.alike
        like = alike.find(organization)
        if like is not None:
            said = f"{_shown(host)} {like.how} {like.domain}"
            return (Sign("leads to a name like one of ours", like.weight, said),)
        ours = alike.bears(host, organization)
        if ours:
            return (Sign("bears a name of ours", 2.0, f"{_shown(host)} is not of {ours}"),)
        if any(looks_like(organization, author) for author in self._authors):
            return (Sign("leads to a name like the author's", 2.0, _shown(host)),)
        return ()


def _without_host(link: Link, target: Target) -> tuple[Sign, ...]:
    if target.scheme in _SCRIPTED and link.origin in (Origin.ANCHOR, Origin.FORM):
        return (Sign("runs a script or holds its page itself", 2.0, f"{target.scheme}:"),)
    if target.oddities and target.userinfo:
        return (Sign("leads nowhere by a trick", 1.0, _shown(link.target)),)
    return ()


@lru_cache(maxsize=8192)
def _of_host(host: str) -> tuple[Sign, ...]:
    if is_address(host):
        address = address_of(host)
        is_local = any(address in network for network in _LOCAL)
        return (Sign("leads to an address without a name", 0.3 if is_local else 1.5, _shown(host)),)
    if mixes_scripts(host):
        return (Sign("its name mixes scripts", 2.0, _shown(host)),)
    if passes_for_latin(host):
        return (Sign("its name passes for another", 1.5, _shown(host)),)
    return ()


def _disguises(target: Target) -> list[Sign]:
    signs = []
    if target.userinfo:
        before = target.userinfo.partition(":")[0]
        weight = 2.5 if "." in before else 1.0
        signs.append(Sign("another name stands before its host", weight, _shown(f"{before}@{target.host}")))
    if NUMBER in target.oddities:
        signs.append(Sign("writes an address in a disguise", 2.0, _shown(target.host)))
    elif target.oddities:
        detail = f"{', '.join(target.oddities)} before {target.host}"
        signs.append(Sign("is written as no program writes it", 1.0, _shown(detail)))
    if target.port:
        signs.append(Sign("leads to an unusual port", 0.5, _shown(f"{target.host}:{target.port}")))
    return signs


def _other_host(named: str, host: str, organization: str, authors: Collection[str]) -> tuple[Sign, ...]:
    claimed = registrable_domain(named)
    if claimed == organization:
        return ()
    detail = f"{_shown(named)} leads to {_shown(host)}"
    if looks_like(claimed, organization):
        return (Sign("its text looks like its target, and is another", 3.0, detail),)
    is_usual = organization in REDIRECTORS or organization in authors
    return (Sign("its text names another host", 0.2 if is_usual else 1.5, detail),)


def _shown(text: str) -> str:
    return visible(text, MAX_SHOWN_CHARS)
