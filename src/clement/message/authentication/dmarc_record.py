"""A DMARC policy record: what the owner of a domain asks of those who receive mail in its name.

    dmarc-record = dmarc-version dmarc-sep *(dmarc-tag dmarc-sep)          RFC 7489 §6.4
    dmarc-version = "v" *WSP "=" *WSP %x44 %x4d %x41 %x52 %x43 %x31
    dmarc-sep = *WSP %x3b *WSP                                             a tag-list of RFC 6376 §3.2

The tags np=, psd= (RFC 9091 and the successor of RFC 7489) and t= (the successor, in place of pct=) are read
too; whether they count is for the evaluation to say.
"""

from __future__ import annotations

import re
from enum import IntEnum, StrEnum
from functools import lru_cache

import msgspec

MAX_RECORD_CHARS = 8192
MAX_TAGS = 64

_VERSION = re.compile(r"[ \t]*+[vV][ \t]*+=[ \t]*+DMARC1[ \t]*+(?:;|\Z)")
_TAG_NAME = re.compile(r"[a-z][a-z0-9_]*+")
_PERCENT = re.compile(r"[0-9]{1,3}")
# dmarc-uri = URI [ "!" 1*DIGIT [ "k" / "m" / "g" / "t" ] ]
_URI = re.compile(r"[a-z][a-z0-9+.\-]*+:[^\s,]++")


class Policy(IntEnum):
    """What is asked for, in rising order of severity."""

    NONE = 0
    QUARANTINE = 1
    REJECT = 2

    @property
    def word(self) -> str:
        """As it is written in records and fields."""
        return self.name.lower()

    @property
    def milder(self) -> Policy:
        """One step less: for mail that pct= or t= spares.  RFC 7489 §6.6.4."""
        return Policy(max(self - 1, 0))


class PublicSuffixDomain(StrEnum):
    """psd=: whether the record's domain is a public suffix; `u` leaves it to be found out."""

    YES = "y"
    NO = "n"
    UNKNOWN = "u"


class DmarcRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record that can be acted on.

    policy, subdomain_policy, nonexistent_policy: p=, sp=, np=; the last two None when absent.
    strict_dkim, strict_spf: adkim=s, aspf=s.  percent: pct=, 0 to 100.  testing: t=y.
    reports: rua= names at least one URI.
    """

    policy: Policy
    subdomain_policy: Policy | None = None
    nonexistent_policy: Policy | None = None
    strict_dkim: bool = False
    strict_spf: bool = False
    percent: int = 100
    testing: bool = False
    psd: PublicSuffixDomain = PublicSuffixDomain.UNKNOWN
    reports: bool = False


class RecordError(ValueError):
    """A record that claims to be DMARC and cannot be acted on; the text says why."""


_POLICIES = {policy.word: policy for policy in Policy}


def claims_to_be_dmarc(text: str) -> bool:
    """Whether a TXT record begins as a DMARC record does; all others are none.  RFC 7489 §6.6.3."""
    return _VERSION.match(text) is not None


# Few domains send most of the mail.
@lru_cache(maxsize=2048)
def parse_record(text: str) -> DmarcRecord:
    """Read a record that `claims_to_be_dmarc`.

    What is wrong in the rest of it is as if it were not there (RFC 7489 §6.3).  Raises RecordError when a tag
    stands twice (RFC 6376 §3.2), when it is longer than any honest one, or when p= or sp= says nothing and
    nobody asks for reports either (RFC 7489 §6.6.3, item 6).
    """
    tags = _tags(text)
    reports = any(_URI.fullmatch(uri.strip().lower()) for uri in tags.get("rua", "").split(","))
    policy = _policy(tags, "p")
    subdomain_policy = _policy(tags, "sp")
    if policy is None or ("sp" in tags and subdomain_policy is None):
        if not reports:
            raise RecordError("p= or sp= is missing or says nothing known")
        policy, subdomain_policy = Policy.NONE, None
    return DmarcRecord(
        policy=policy,
        subdomain_policy=subdomain_policy,
        nonexistent_policy=_policy(tags, "np"),
        strict_dkim=tags.get("adkim", "").lower() == "s",
        strict_spf=tags.get("aspf", "").lower() == "s",
        percent=_percent(tags.get("pct", "")),
        testing=tags.get("t", "").lower() == "y",
        psd=_psd(tags.get("psd", "")),
        reports=reports,
    )


def _tags(text: str) -> dict[str, str]:
    if len(text) > MAX_RECORD_CHARS:
        raise RecordError(f"longer than {MAX_RECORD_CHARS} characters")
    pieces = text.split(";")
    if len(pieces) > MAX_TAGS:
        raise RecordError(f"more than {MAX_TAGS} tags")
    tags: dict[str, str] = {}
    for piece in pieces:
        name, equals, value = piece.partition("=")
        name = name.strip().lower()
        if not equals or _TAG_NAME.fullmatch(name) is None:
            continue
        if name in tags:
            raise RecordError(f"the tag {name}= stands there twice")
        tags[name] = value.strip()
    return tags


def _policy(tags: dict[str, str], name: str) -> Policy | None:
    return _POLICIES.get(tags.get(name, "").lower())


def _percent(text: str) -> int:
    if _PERCENT.fullmatch(text) is None or int(text) > 100:
        return 100
    return int(text)


def _psd(text: str) -> PublicSuffixDomain:
    try:
        return PublicSuffixDomain(text.lower())
    except ValueError:
        return PublicSuffixDomain.UNKNOWN
