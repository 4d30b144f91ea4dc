"""Names that administrators type, brought into the one form that is stored and compared.

Domains become lower-case A-labels (RFC 5890 §2.3.2.1), addresses `local-part@domain`
with a lower-case local part in NFC (RFC 6532 §3.1), as sessions look it up. Every
function raises ValueError with a reason that a person understands.
"""

from __future__ import annotations

import re
import unicodedata
from ipaddress import IPv6Network, ip_network
from urllib.parse import quote

from clement.policy.network import Network
from clement.smtp.address import AddressError, fold_local_part, parse_domain

# RFC 5321 §4.1.2: Dot-string = Atom *("." Atom), with atext of RFC 5322 §3.2.3 in lower case
ASCII_ATOM = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+")
GROUP_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
MAILDIR_STEP = re.compile(r"[A-Za-z0-9_%+=@~-][A-Za-z0-9._%+=@~-]{0,254}")

LOCAL_PART_OCTETS = 64
DOMAIN_OCTETS = 253  # RFC 1035 §2.3.4 allows 255 on the wire, with the length octets of first label and root


def domain_name(text: str) -> str:
    """The A-label form of a domain name typed in any case and script, without a final dot.

    The same mapping as the SMTP session's, so that what is hosted is also found.
    """
    wanted = text.strip().removesuffix(".")
    try:
        name = parse_domain(wanted)
    except AddressError as fault:
        raise ValueError(f"{text!r} is no domain name ({fault})") from fault
    if name.startswith("[") or name.rpartition(".")[2].isdigit():
        raise ValueError(f"{text!r} is an IP address, not a domain name")
    if len(name) > DOMAIN_OCTETS:
        raise ValueError(f"a domain name has at most {DOMAIN_OCTETS} octets")
    return name


def split_address(text: str) -> tuple[str, str]:
    """The normalised local part and domain of an address."""
    local_part, mark, domain = text.strip().rpartition("@")
    if not mark or not local_part:
        raise ValueError(f"{text!r} is no address: local-part@domain is needed")
    return _local_part(local_part), domain_name(domain)


def mailbox_address(text: str) -> str:
    """The normalised address."""
    local_part, domain = split_address(text)
    return f"{local_part}@{domain}"


def _local_part(text: str) -> str:
    local_part = fold_local_part(text)
    if len(local_part.encode("utf-8", "replace")) > LOCAL_PART_OCTETS:
        raise ValueError(f"a local part has at most {LOCAL_PART_OCTETS} octets (RFC 5321 §4.5.3.1.1)")
    for atom in local_part.split("."):
        if not atom:
            raise ValueError(f"{text!r} has a dot too many")
        strange = next((char for char in atom if not _may_stand_in_atom(char)), None)
        if strange is not None:
            raise ValueError(
                f"{strange!r} cannot stand in a local part here (quoted local parts are not hosted)"
            )
    return local_part


def _may_stand_in_atom(char: str) -> bool:
    if char.isascii():
        return ASCII_ATOM.fullmatch(char) is not None
    return unicodedata.category(char)[0] not in "CZ"


def pattern(text: str) -> str:
    """A directive's pattern: an address, `@domain`, or "" for anyone."""
    text = text.strip()
    if not text:
        return ""
    if text.startswith("@"):
        return "@" + domain_name(text[1:])
    return mailbox_address(text)


def login_name(text: str) -> str:
    """A login: an address, or a bare name of letters, digits, dot, hyphen and underscore."""
    if "@" in text:
        return mailbox_address(text)
    return group_name(text)


def group_name(text: str) -> str:
    """A group's name, or a bare login."""
    name = text.strip().lower()
    if not GROUP_NAME.fullmatch(name):
        raise ValueError(f"{text!r}: a name has 1 to 64 letters, digits, dots, hyphens or underscores")
    return name


def default_maildir(address: str) -> str:
    """The folder of a new mailbox below the mail root: `domain/local-part`, percent-encoded.

    Whatever the local part holds, this stays one folder below the domain's.
    """
    local_part, _mark, domain = address.rpartition("@")
    # A local part has no empty atoms, so no step can be "." or ".."; "/" and all non-ASCII are encoded.
    return f"{quote(domain, safe='')}/{quote(local_part, safe='+=')}"


def maildir_path(text: str) -> str:
    """A folder chosen by hand: relative, without steps that could leave the mail root."""
    steps = text.split("/")
    if len(text) > 700 or not all(MAILDIR_STEP.fullmatch(step) for step in steps):
        raise ValueError(f"{text!r} is no relative folder of plain names below the mail root")
    return text


def network(text: str) -> Network:
    """A network; one of IPv4-mapped addresses becomes the IPv4 network it carries (RFC 4291 §2.5.5.2)."""
    typed = _network(text.strip())
    if isinstance(typed, IPv6Network) and typed.prefixlen >= 96:
        carried = typed.network_address.ipv4_mapped
        if carried is not None:
            return ip_network((int(carried), typed.prefixlen - 96))
    return typed


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError as fault:
        try:
            around = ip_network(text, strict=False)
        except ValueError:
            raise fault from None
        raise ValueError(f"{text}: name the network, {around}, or one address without a prefix") from None
