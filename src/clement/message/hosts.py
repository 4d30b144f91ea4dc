r"""To which host a link leads, as browsers read it, and which host a link's text names.

The URL standard (url.spec.whatwg.org) has it that `http:\\a.example`, `ht<TAB>tp:/a.example`,
`HTTP://x@a.example` and `//%61.example` all lead to a.example, and `http://0x7f.1/` to 127.0.0.1; whoever
reads URLs otherwise looks at another host than the one that is opened.  Bounded, linear in the length of the
text, never raises.
IDNA is that of browsers (UTS #46, nontransitional), by the normal form NFKC of the standard library.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final
from urllib.parse import unquote_to_bytes

import msgspec

from clement.message.authentication.organizational_domain import organizational_domain, public_suffixes

MAX_TARGET_CHARS: Final = 2048
MAX_TEXT_CHARS: Final = 300
MAX_HOST_OCTETS: Final = 253
MAX_LABEL_CHARS: Final = 63

_DEFAULT_PORTS: Final = {"http": 80, "https": 443, "ftp": 21, "ws": 80, "wss": 443, "file": 0, "": 0}
_C0_AND_SPACE: Final = "".join(map(chr, range(0x21)))
_REMOVED: Final = str.maketrans("", "", "\t\n\r")
# UTS #46 §4: mapped to nothing. Joiners stay in the standard, but no name with them resolves.
_IGNORED: Final = dict.fromkeys(
    (0xAD, 0x34F, 0x180B, 0x180C, 0x180D, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, *range(0xFE00, 0xFE10))
)
_DOTS: Final = str.maketrans("\u3002\uff0e\uff61", "...")

# What nearly every link looks like; must agree with the full reading (a test holds them together).
_PLAIN: Final = re.compile(r"(https?)://([a-z0-9][a-z0-9.-]{0,230}\.[a-z]{2,20})(?=[/?#]|\Z)")
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_END_OF_AUTHORITY: Final = re.compile(r"[/\\?#]")
_FORBIDDEN: Final = re.compile(r"[\x00-\x20#/:<>?@\[\\\]^|%\x7f-\U0010ffff]")
_DECIMAL: Final = re.compile(r"(?:0|[1-9][0-9]{0,2})(?:\.(?:0|[1-9][0-9]{0,2})){3}")
_LAST_IS_NUMBER: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.?", re.DOTALL)

_URL_IN_TEXT: Final = re.compile(r"(?:https?:[/\\]{1,3}|www\.)\S+", re.IGNORECASE)
_NAME_AS_TEXT: Final = re.compile(r"[^\s/\\@:?#<>\"'()]+\.[^\s/\\@:?#<>\"'().\d]{2,24}(?=[/:?#]\S*\Z|\Z)")
_AFTER_A_URL: Final = ".,;:!?)>]}\"'…»”’"
# Names that are files as often as hosts.
_FILE_SUFFIXES: Final = frozenset(
    (
        "ai", "app", "bat", "bz", "cab", "cc", "cfd", "cpp", "cs", "doc", "gz", "java", "js", "md", "mov",
        "pl", "pm", "ps", "py", "rip", "rs", "sh", "so", "st", "tf", "top", "ts", "zip",
    )
)  # fmt: skip
# RFC 2606 §2, RFC 6762: no public suffixes, yet meant as names.
_RESERVED: Final = frozenset(("example", "test", "invalid", "localhost", "local"))


class Target(msgspec.Struct, frozen=True, gc=False):
    """Where a link leads.

    scheme: in lower case, "" when the link has none.
    host: in normal form: lower-case A-labels without a dot at the end, dotted IPv4, IPv6 in brackets; "" when
    the link leads to no host that a browser would open.
    port: where it is another than that of the scheme, else 0.
    userinfo: what stood before an @, still encoded.  oddities: how it was disguised.
    """

    scheme: str = ""
    host: str = ""
    port: int = 0
    userinfo: str = ""
    oddities: tuple[str, ...] = ()


BACKSLASHES: Final = "backslashes"
SLASHES: Final = "slashes"
WHITE_SPACE: Final = "white-space"
PERCENT: Final = "percent"
NUMBER: Final = "number"
UNREADABLE: Final = "unreadable"


def read_target(target: str) -> Target:
    """Read the target of a link; of one that is too long, its beginning."""
    plain = _PLAIN.match(target)
    if plain is not None and "xn--" not in plain[2] and ".." not in plain[2]:
        return Target(plain[1], plain[2])
    return _read_whole(target)


def _read_whole(target: str) -> Target:
    text = target[:MAX_TARGET_CHARS].strip(_C0_AND_SPACE)
    clean = text.translate(_REMOVED)
    oddities = [WHITE_SPACE] if clean != text else []
    match = _SCHEME.match(clean)
    scheme = match[1].lower() if match is not None else ""
    rest = clean[match.end() :] if match is not None else clean
    if scheme not in _DEFAULT_PORTS:
        return Target(scheme, oddities=tuple(oddities))
    authority, oddity = _authority(scheme, rest)
    if not authority:
        return Target(scheme, oddities=tuple(oddities))
    if oddity:
        oddities.append(oddity)
    return _with_host(scheme, authority, oddities)


def _authority(scheme: str, rest: str) -> tuple[str, str]:
    """What stands between the slashes and the path, and what is odd about the slashes."""
    begun = rest.lstrip("/\\")
    slashes = rest[: len(rest) - len(begun)]
    if not scheme and len(slashes) < 2:
        # A relative link; readers of mail make a link of a bare www.
        if slashes or begun[:4].lower() != "www.":
            return "", ""
        slashes = "//"
    end = _END_OF_AUTHORITY.search(begun)
    authority = begun if end is None else begun[: end.start()]
    if "\\" in slashes or (end is not None and end[0] == "\\"):
        return authority, BACKSLASHES
    return authority, "" if slashes == "//" or scheme == "file" else SLASHES


def _with_host(scheme: str, authority: str, oddities: list[str]) -> Target:
    userinfo, _at, place = authority.rpartition("@")
    if place.startswith("["):
        written, bracket, rest = place.partition("]")
        written += bracket
    else:
        written, colon, rest = place.partition(":")
        rest = colon + rest
    host, odd = read_host(written)
    port = _port(scheme, rest)
    if not host or port is None:
        return Target(scheme, userinfo=userinfo, oddities=(*oddities, UNREADABLE))
    return Target(scheme, host, port, userinfo, (*oddities, *odd))


def _port(scheme: str, rest: str) -> int | None:
    """0 for that of the scheme; None when this is no port, and browsers open nothing."""
    digits = rest[1:]
    if not digits:
        return 0 if rest in ("", ":") else None
    if not rest.startswith(":") or not digits.isascii() or not digits.isdecimal() or len(digits) > 100:
        return None
    port = int(digits)
    if port > 0xFFFF:
        return None
    return 0 if port == _DEFAULT_PORTS[scheme] else port


@lru_cache(maxsize=4096)
def read_host(written: str) -> tuple[str, tuple[str, ...]]:
    """A host as it stands in a URL, in normal form, and how it was disguised; "" when it is none."""
    if len(written) > 3 * MAX_HOST_OCTETS:
        return "", ()
    if written.startswith("["):
        return _ipv6(written), ()
    text = written
    odd: tuple[str, ...] = ()
    if "%" in text:
        text, odd = unquote_to_bytes(text).decode("utf-8", "replace"), (PERCENT,)
    name = _to_ascii(text).removesuffix(".")
    if not all(name.split(".")) or len(name) > MAX_HOST_OCTETS or _FORBIDDEN.search(name) is not None:
        return "", odd
    if _LAST_IS_NUMBER.fullmatch(name) is None:
        return name, odd
    if _DECIMAL.fullmatch(name) is None:
        odd = (*odd, NUMBER)
    return _ipv4(name), odd


def _ipv6(written: str) -> str:
    try:
        return f"[{IPv6Address(written.removeprefix('[').removesuffix(']'))}]" if written[-1] == "]" else ""
    except ValueError:
        return ""


def _ipv4(name: str) -> str:
    """One to four numbers, the last of which fills what is left: decimal, octal (0…) or hexadecimal (0x…)."""
    parts = name.split(".")
    numbers = [_number(part) for part in parts]
    if len(parts) > 4 or any(number < 0 for number in numbers):
        return ""
    *first, last = numbers
    if any(number > 255 for number in first) or last >= 256 ** (4 - len(first)):
        return ""
    value = last + sum(number << 8 * (3 - index) for index, number in enumerate(first))
    return str(IPv4Address(value))


def _number(part: str) -> int:
    base = 10
    if part.startswith("0x"):
        part, base = part[2:] or "0", 16
    elif len(part) > 1 and part.startswith("0"):
        base = 8
    if not part or len(part) > 64 or not part.isalnum():
        return -1
    try:
        return int(part, base)
    except ValueError:
        return -1


def _to_ascii(text: str) -> str:
    """UTS #46 §4 ToASCII, without rules that only a registry needs; "" when no name comes of it."""
    if text.isascii():
        name = text.lower()
        return name if "xn--" not in name or all(map(_is_sound, name.split("."))) else ""
    mapped = unicodedata.normalize("NFKC", text.translate(_IGNORED).translate(_DOTS)).lower()
    labels = unicodedata.normalize("NFC", mapped).split(".")
    found = [label if label.isascii() else _a_label(label) for label in labels]
    name = ".".join(found)
    return name if all(found[:-1]) and all(map(_is_sound, found)) else ""


def _a_label(label: str) -> str:
    if len(label) > MAX_LABEL_CHARS:
        return ""
    try:
        return f"xn--{label.encode('punycode').decode('ascii')}"
    except UnicodeError:
        return ""


def _is_sound(label: str) -> bool:
    """Whether a label that claims to be an A-label is one."""
    return not label.startswith("xn--") or not u_label(label).isascii()


@lru_cache(maxsize=4096)
def u_label(label: str) -> str:
    """A label as people read it (RFC 5890 §2.3.2.1); as it stands where it is no A-label."""
    if not label.startswith("xn--") or len(label) > MAX_LABEL_CHARS or not label.isascii():
        return label
    try:
        text = label[4:].encode("ascii").decode("punycode")
    except (UnicodeError, ValueError, OverflowError):
        return label
    if not text.isprintable() or text != unicodedata.normalize("NFKC", text).lower():
        return label
    return text


def is_address(host: str) -> bool:
    """Whether a host in normal form is an IP address."""
    return host.startswith("[") or (host[-1:].isdecimal() and _DECIMAL.fullmatch(host) is not None)


def address_of(host: str) -> IPv4Address | IPv6Address:
    """The address that a host is; see `is_address`. Raises ValueError."""
    return ip_address(host.strip("[]"))


def registrable_domain(host: str) -> str:
    """Whose a host is: its organizational domain; an address by itself."""
    return host if is_address(host) else organizational_domain(host)


def named_host(text: str) -> str:
    """The host that a link's text names to its reader, in a URL or because the text is a name; or ""."""
    if "." not in text and (text.isascii() or "." not in text.translate(_DOTS)):
        return ""
    shown = text[:MAX_TEXT_CHARS].strip()
    url = _URL_IN_TEXT.search(shown)
    if url is not None:
        written = url[0].rstrip(_AFTER_A_URL)
        return read_target(written if written[:4].lower() != "www." else f"//{written}").host
    bare = shown.rstrip(_AFTER_A_URL)
    name = _NAME_AS_TEXT.match(bare)
    return _known_name(name[0]) if name is not None else ""


@lru_cache(maxsize=4096)
def _known_name(written: str) -> str:
    """The host, where its last label is one that names end in and files do not."""
    host = read_host(written)[0]
    last = host.rpartition(".")[2]
    if not host or is_address(host) or last in _FILE_SUFFIXES:
        return ""
    known = last in _RESERVED or public_suffixes().publicsuffix(host, accept_unknown=False) is not None
    return host if known else ""
