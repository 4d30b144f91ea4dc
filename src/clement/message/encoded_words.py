"""Encoded words of header fields (RFC 2047), read as mail readers do, in linear time.

    encoded-word = "=?" charset "?" encoding "?" encoded-text "?="      encoding = "B" / "Q"

An encoded word that cannot be decoded stays as it stands. A charset is looked up only when its name is on
the list: Python's codecs include ones that are no character sets (zip, punycode, unicode-escape), and UTF-7,
which can hide any character.
"""

from __future__ import annotations

import binascii
import codecs
import re
from functools import lru_cache

# The classes exclude what ends them, so no octet is looked at twice, however many "=?" there are.
_WORD = re.compile(r"=\?([!-<>@-~]{1,40}+)\?([BbQq])\?([!->@-~ ]{0,4000}+)\?=")
_BETWEEN = re.compile(r"[ \t\r\n]*+\Z")
_CHARSET = re.compile(
    r"(?:utf-?8|us-ascii|ascii|iso[-_]8859[-_]\d{1,2}|latin-?[1-9]|(?:windows|cp)-?(?:125\d|874|932|936|949|950)"
    r"|koi8-[rut]|gb(?:2312|k|18030)|big5(?:-?hkscs)?|euc-?(?:jp|kr)|shift[-_]?jis|iso-2022-(?:jp(?:-[1-3])?|kr)"
    r"|ks_c_5601-1987|tis-620|mac(?:roman|intosh)|utf-16(?:le|be)?)",
    re.IGNORECASE,
)
_ALIASES = {"ks_c_5601-1987": "cp949", "macintosh": "mac-roman", "macroman": "mac-roman"}
_WINDOWS = re.compile(r"(?:windows|cp)-?(?=\d)")


def decode_words(text: str) -> str:
    """`text` with its encoded words decoded; white space between two of them is dropped (RFC 2047 §6.2)."""
    if "=?" not in text:
        return text
    parts: list[str] = []
    run = _Run()
    position = 0
    for match in _WORD.finditer(text):
        between = text[position : match.start()]
        octets = _octets(match[2], match[3])
        charset = known_charset(match[1])
        if octets is None or charset is None:
            parts += (run.end(), between, match[0])
        else:
            if not (run.open and _BETWEEN.match(between)):
                parts += (run.end(), between)
            elif run.charset != charset:
                parts.append(run.end())
            run.add(charset, octets)
        position = match.end()
    parts += (run.end(), text[position:])
    return "".join(parts)


class _Run:
    """Adjacent words of one charset: their octets are decoded together, since senders split characters."""

    __slots__ = ("_octets", "charset", "open")

    def __init__(self) -> None:
        self._octets: list[bytes] = []
        self.charset = ""
        self.open = False

    def add(self, charset: str, octets: bytes) -> None:
        self.charset = charset
        self.open = True
        self._octets.append(octets)

    def end(self) -> str:
        octets, self._octets = b"".join(self._octets), []
        self.open = False
        return octets.decode(self.charset, "replace") if octets else ""


@lru_cache(maxsize=256)
def known_charset(name: str) -> str | None:
    """What Python calls the character set `name`; None when it is not on the list, or unknown to Python."""
    name = name.partition("*")[0].lower()  # RFC 2231 §5: a language may follow
    if not _CHARSET.fullmatch(name):
        return None
    try:
        return codecs.lookup(_ALIASES.get(name) or _WINDOWS.sub("cp", name)).name
    except LookupError:  # the pattern knows families, and not all have every number: iso-8859-12
        return None


def _octets(encoding: str, encoded: str) -> bytes | None:
    octets = encoded.encode("ascii")
    if encoding in "Qq":
        return binascii.a2b_qp(octets, header=True)
    try:
        return binascii.a2b_base64(octets + b"=" * (-len(octets) % 4)) or None
    except binascii.Error:
        return None
