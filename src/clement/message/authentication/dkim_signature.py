"""What a DKIM-Signature field says, checked before anything is asked or computed.  RFC 6376 §3.5, §6.1.1.

ARC-Message-Signature has the same tags (RFC 8617 §4.1.2), ARC-Seal some of them (§4.1.3).

    sig-a-tag-alg   =  "rsa-sha256" / "ed25519-sha256"
    sig-c-tag-alg   =  ("simple" / "relaxed") ["/" ("simple" / "relaxed")]
    sig-h-tag       =  hdr-name *( [FWS] ":" [FWS] hdr-name )
    domain-name     =  sub-domain 1*("." sub-domain)
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping

import msgspec

from clement.message.authentication.canonical import Canonicalisation
from clement.message.authentication.tag_list import TagListError, parse_tag_list, without_white_space
from clement.message.text import visible
from clement.smtp.address import AddressError, parse_domain

RSA_SHA256 = "rsa-sha256"
ED25519_SHA256 = "ed25519-sha256"
MAX_NAME_CHARS = 253
MAX_SHOWN_CHARS = 60
MAX_SIGNED_FIELDS = 1000

# Underscores are not of the grammar; selectors are seen with them, and the DNS minds not.
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
_SELECTOR = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_FIELD_NAME = re.compile(r"[!-9<-~]+")
_DIGITS = re.compile(r"[0-9]+")
_QUOTED = re.compile(r"=([0-9A-F]{2})")
_MAX_TIME_DIGITS = 12
_MAX_LENGTH_DIGITS = 76


class SignatureError(ValueError):
    """A signature that cannot be verified; the words say why, and go on after "the signature of …"."""


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """The tags of a signature.

    domain, selector, identity_domain: in ASCII and lower case. signed_fields: names in h=, in lower case.
    length: l=, octets of the canonical body. signed_at_s, expires_at_s: Unix time.
    """

    algorithm: str
    signature: bytes
    domain: str
    selector: str
    body_hash: bytes = b""
    header_form: Canonicalisation = Canonicalisation.SIMPLE
    body_form: Canonicalisation = Canonicalisation.SIMPLE
    signed_fields: tuple[bytes, ...] = ()
    identity: str = ""
    identity_domain: str = ""
    length: int | None = None
    signed_at_s: int | None = None
    expires_at_s: int | None = None

    @property
    def key_name(self) -> str:
        """Where the key record stands in the DNS.  RFC 6376 §3.6.2.1."""
        return f"{self.selector}._domainkey.{self.domain}"


def tags_of(field_value: bytes) -> dict[str, str]:
    """The tags of a signature field. Raises SignatureError."""
    try:
        return parse_tag_list(field_value)
    except TagListError as error:
        raise SignatureError(str(error)) from None


def parse_signature(tags: Mapping[str, str]) -> Signature:
    """The signature in the tags of a DKIM-Signature. Raises SignatureError."""
    if needed(tags, "v") != "1":
        raise SignatureError(f"has the unknown version v={shown(tags['v'])}")
    if "dns/txt" not in without_white_space(tags.get("q", "dns/txt")).split(":"):
        raise SignatureError(f"has its key where nobody can ask (q={shown(tags['q'])})")
    found = parse_message_signature(tags)
    if b"from" not in found.signed_fields:
        raise SignatureError("does not sign the From field (h=)")
    return with_identity(found, tags)


def parse_message_signature(tags: Mapping[str, str]) -> Signature:
    """What DKIM-Signature and ARC-Message-Signature have in common. Raises SignatureError."""
    header_form, body_form = _forms(tags.get("c", "simple/simple"))
    seal = parse_seal(tags)
    signed_at_s, expires_at_s = seal.signed_at_s, _number(tags, "x", _MAX_TIME_DIGITS)
    if signed_at_s is not None and expires_at_s is not None and expires_at_s <= signed_at_s:
        raise SignatureError("expires before it was made (x= is not after t=)")
    body_hash = _base64(tags, "bh")
    if len(body_hash) != 32:
        raise SignatureError("has a bh= that is no SHA-256 hash")
    return msgspec.structs.replace(
        seal,
        body_hash=body_hash,
        header_form=header_form,
        body_form=body_form,
        signed_fields=_signed_fields(tags),
        length=_number(tags, "l", _MAX_LENGTH_DIGITS),
        expires_at_s=expires_at_s,
    )


def parse_seal(tags: Mapping[str, str]) -> Signature:
    """The tags that every signature has: a=, b=, d=, s=, t=. Raises SignatureError."""
    algorithm = needed(tags, "a")
    if algorithm == "rsa-sha1":
        raise SignatureError("uses rsa-sha1, which nobody may trust any more (RFC 8301)")
    if algorithm not in {RSA_SHA256, ED25519_SHA256}:
        raise SignatureError(f"uses the unknown algorithm a={shown(algorithm)}")
    selector = _name(needed(tags, "s"), _SELECTOR)
    if not selector:
        raise SignatureError(f"names no selector (s={shown(tags['s'])})")
    domain = _name(needed(tags, "d"), _DOMAIN)
    if not domain:
        raise SignatureError(f"names no domain (d={shown(tags['d'])})")
    return Signature(
        algorithm=algorithm,
        signature=_base64(tags, "b"),
        domain=domain,
        selector=selector,
        identity=f"@{domain}",
        identity_domain=domain,
        signed_at_s=_number(tags, "t", _MAX_TIME_DIGITS),
    )


def needed(tags: Mapping[str, str], name: str) -> str:
    """The value of a tag that must be there. Raises SignatureError."""
    value = tags.get(name)
    if not value:
        raise SignatureError(f"has an empty {name}=" if name in tags else f"lacks the tag {name}=")
    return value


def shown(value: str) -> str:
    """A foreign value as a reason may quote it."""
    return visible(value, MAX_SHOWN_CHARS)


def with_identity(signature: Signature, tags: Mapping[str, str]) -> Signature:
    """`signature` with the agent or user of i=, who must be within d=. Raises SignatureError.  §6.1.1."""
    if "i" not in tags:
        return signature
    text = without_white_space(tags["i"])
    local_part, at, domain_text = text.rpartition("@")
    domain = _name(domain_text, _DOMAIN)
    if not at or not domain:
        raise SignatureError(f"is for no identity (i={shown(text)})")
    if domain != signature.domain and not domain.endswith(f".{signature.domain}"):
        raise SignatureError(f"is for an identity outside d= (i={shown(text)})")
    local_part = _QUOTED.sub(lambda match: chr(int(match[1], 16)), local_part)
    identity = visible(f"{local_part}@{domain}", MAX_NAME_CHARS)
    return msgspec.structs.replace(signature, identity=identity, identity_domain=domain)


def _name(text: str, pattern: re.Pattern[str]) -> str:
    """A domain or selector in lower-case ASCII (RFC 8616 §5), "" when it is none."""
    if not text.isascii():
        try:
            text = parse_domain(text)
        except AddressError:
            return ""
    return text.lower() if len(text) <= MAX_NAME_CHARS and pattern.fullmatch(text) else ""


def _forms(text: str) -> tuple[Canonicalisation, Canonicalisation]:
    header, slash, body = text.partition("/")
    try:
        return Canonicalisation(header), Canonicalisation(body if slash else "simple")
    except ValueError:
        raise SignatureError(f"uses the unknown canonicalisation c={shown(text)}") from None


def _signed_fields(tags: Mapping[str, str]) -> tuple[bytes, ...]:
    """The names in h=. Empty ones, which the grammar has not, sign nothing and are let pass."""
    if "h" not in tags:
        raise SignatureError("lacks the tag h=")
    names = without_white_space(tags["h"]).lower().split(":")
    if len(names) > MAX_SIGNED_FIELDS:
        raise SignatureError(f"signs more than {MAX_SIGNED_FIELDS} fields (h=)")
    for name in names:
        if name and _FIELD_NAME.fullmatch(name) is None:
            raise SignatureError(f"signs what is no header field (h={shown(name)})")
    return tuple(name.encode("ascii") for name in names if name)


def _base64(tags: Mapping[str, str], name: str) -> bytes:
    text = without_white_space(needed(tags, name))
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError):
        raise SignatureError(f"has a {name}= that is no base64") from None


def _number(tags: Mapping[str, str], name: str, max_digits: int) -> int | None:
    text = tags.get(name)
    if text is None:
        return None
    if len(text) > max_digits or _DIGITS.fullmatch(text) is None:
        raise SignatureError(f"has a {name}= that is no number")
    return int(text)
