"""Greylisting: who is asked to come back, and when that is over. Pure; the memory is somebody else's.

A *contact* is a source, a reverse-path and a recipient. The source is the client's network (IPv4 /24,
IPv6 /64), or the sender's domain where SPF passed, because large senders retry from anywhere. A contact that
is new waits; one that comes back in time is known for weeks, and its source with it, once it has come back
often enough. See docs/decisions/0011-greylisting-only-what-is-in-doubt.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Final

import msgspec

from clement.policy.finding import Finding, Result
from clement.policy.network import Address
from clement.smtp import Mailbox

NAME: Final = "greylisting"

DAY_S: Final = 24 * 3600
KEPT_S: Final = 35 * DAY_S
"""What is known is forgotten when it was not seen for this long: a monthly newsletter stays known."""

PROOFS_WANTED: Final = 5
"""Proofs after which a source is known to retry and is not asked again."""

PROOFS_APART_S: Final = 600
"""One message to many recipients, or one burst, is one proof."""

USUAL_RETRY_S: Final = 900
"""When most servers come back: Postfix after 5 to 17 minutes, Exim and Sendmail within 15 to 30."""

CORRESPONDENT_S: Final = 400 * DAY_S
"""Who was written to stays known for a year and a little."""

CLOCK_SLACK_S: Final = 120
"""A first contact that lies further ahead than this was noted by a clock that has been put back."""

_IN_DIGITS: Final = re.compile(r"(?<![a-z0-9])[a-z]*[0-9][a-z0-9]*")
# SRS0=HHH=TT=domain=local and SRS1=HHH=forwarder=(opaque): the hash and the day differ from day to day.
_SRS0: Final = re.compile(r"srs0[-+=][^=]{1,64}=[^=]{1,8}=([^=]{1,255})=(.+)")
_SRS1: Final = re.compile(r"srs1[-+=][^=]{1,64}=([^=]{1,255})=[-+=]?[^=]{1,64}=[^=]{1,8}=([^=]{1,255})=(.+)")
# BATV: prvs=KDDDSSSSSS=local, or the tag behind it.
_PRVS: Final = re.compile(r"(?:prvs|btv1)=+[0-9a-z]{1,32}=+(.+)")
_NAMING: Final = frozenset({"iprev", "reverse-name"})
_TAGS: Final = ("srs0", "srs1", "prvs", "btv1")


class Contact(msgspec.Struct, frozen=True):
    """Who writes to whom, as greylisting sees it. All in lower case."""

    source: str
    reverse_path: str
    recipient: str


class Turn(StrEnum):
    """What a contact's attempt is."""

    FIRST = "first"
    EARLY = "early"
    RETURNED = "returned"
    KNOWN = "known"


class Seen(msgspec.Struct, frozen=True):
    """What is remembered of a contact. returned: it came back in time before; at_s: its latest attempt."""

    first_s: float
    at_s: float
    returned: bool = False


def turn_of(seen: Seen | None, now_s: float, delay_s: int, window_s: int) -> Turn:
    """What the attempt of this moment is, by what is remembered of those before."""
    if seen is None or seen.first_s > now_s + CLOCK_SLACK_S:
        return Turn.FIRST
    if seen.returned:
        return Turn.KNOWN if now_s - seen.at_s <= KEPT_S else Turn.FIRST
    waited_s = now_s - seen.first_s
    if waited_s > window_s:
        return Turn.FIRST
    return Turn.EARLY if waited_s < delay_s else Turn.RETURNED


def source_of(client: Address, spf_domain: str) -> str:
    """The source of a contact: `@domain` where SPF passed, else the client's network."""
    if spf_domain:
        return f"@{spf_domain}"
    return network_of(client)


def network_of(client: Address) -> str:
    """The network whose hosts count as one: `192.0.2.0/24`, `2001:db8:1:2::/64`."""
    number = int(client)
    if isinstance(client, IPv4Address):
        return f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.0/24"
    return f"{IPv6Address(number >> 64 << 64)}/64"


def steady(reverse_path: Mailbox) -> str:
    """A reverse-path without what differs from message to message: VERP counters, SRS and BATV tags.

    >>> steady(Mailbox("bounces+4711-ab3f-anna=local.example", "em.shop.example"))
    'bounces+@em.shop.example'
    """
    local_part = reverse_path.local_part.lower()
    if local_part.isalpha():
        return f"{local_part}@{reverse_path.domain}"
    if local_part.startswith(_TAGS):
        for pattern in (_SRS0, _SRS1, _PRVS):
            found = pattern.fullmatch(local_part)
            if found is not None:
                local_part = "=".join(found.groups())
                break
    local_part, plus, _detail = local_part.partition("+")
    return f"{_IN_DIGITS.sub('#', local_part)}{plus}@{reverse_path.domain}"


def waiting(turn: Turn, contact: Contact, first_s: float, now_s: float, delay_s: int, usual_s: int) -> str:
    """The detail of a finding that asks to come back: for the postmaster when, for the recipient until when.

    usual_s: how long this source has needed before, 0 when that is not known.
    """
    ready_s = first_s + delay_s
    expected_s = max(first_s + max(usual_s or USUAL_RETRY_S, delay_s), now_s + 60)
    what = f"first contact from {contact.source}" if turn is Turn.FIRST else "too early"
    left_s = max(1, int(ready_s - now_s + 0.999))
    return (
        f"{what}; try again after {minute(ready_s)} (in {left_s} s); "
        f"will arrive by about {minute(expected_s)}"
    )


def minute(at_s: float) -> str:
    """`14:05 UTC`: the minute that has begun when this moment has come."""
    minutes = int(-(-at_s // 60))
    return f"{minutes // 60 % 24:02}:{minutes % 60:02} UTC"


def spf_domain(reverse_path: Mailbox, evidence: Sequence[Finding]) -> str:
    """The domain of the reverse-path when SPF has passed it (RFC 7208 §2.6.3), else "".

    What SPF says of the HELO name says so in its first word, and proves nothing of the reverse-path.
    """
    for finding in evidence:
        if finding.check == "spf" and finding.result is Result.PASS and not finding.detail.startswith("HELO"):
            return reverse_path.domain
    return ""


def host_names(evidence: Sequence[Finding]) -> list[str]:
    """The names that the client's address proves (iprev): the first word of what such a check has passed."""
    return [
        finding.detail.partition(" ")[0].rstrip(".").lower()
        for finding in evidence
        if finding.check in _NAMING and finding.result is Result.PASS
    ]
