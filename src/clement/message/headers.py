"""The header of a message as octets: where it ends, which fields it has, what is wrong with its lines.

Meaning of fields is not here (`grammar`, `addresses`). RFC 5322 §2.2 and §3.6.8, read as leniently as the
readers of mail do, with every leniency noted as a Defect:

    field       =  field-name ":" unstructured CRLF      field-name = 1*(%d33-57 / %d59-126)
    obs-optional = field-name *WSP ":" unstructured CRLF
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, islice

import msgspec

from clement.message.defects import Defect

MAX_HEADER_BYTES = 256 * 1024
MAX_FIELDS = 2000
MAX_FIELD_BYTES = 64 * 1024
MAX_LINE_BYTES = 998

# Possessive throughout: each octet is looked at once, whatever the input (hostile lines without a colon).
FIELD = re.compile(rb"^([!-9;-~]++)([ \t]*+):([^\n]*+(?:\n[ \t][^\n]*+)*)", re.MULTILINE)
_HEADER_END = re.compile(rb"\n\r?\n")
_BLANK_CONTINUATION = re.compile(rb"\n[ \t]++\r?(?:\n|\Z)")
_CR_LF = b"\r\n"


class HeaderField(msgspec.Struct, frozen=True, gc=False):
    """One field. `start` and `end` are its octets in the block, its line end left out.

    value: what follows the colon, folds included.
    """

    name: bytes
    value: bytes
    start: int
    end: int

    @property
    def unfolded(self) -> bytes:
        """The value on one line, without white space around it (RFC 5322 §2.2.3)."""
        return unfold(self.value)


def unfold(value: bytes) -> bytes:
    """A field's value on one line, without white space around it (RFC 5322 §2.2.3)."""
    return value.translate(None, _CR_LF).strip(b" \t")


def fields(block: bytes) -> Iterator[HeaderField]:
    """The fields of a header block in order, at most MAX_FIELDS; lines that are no field are passed over."""
    for number, match in enumerate(FIELD.finditer(block, 0, MAX_HEADER_BYTES)):
        if number == MAX_FIELDS:
            return
        value = match[3]
        end = match.end() - value.endswith(b"\r")
        yield HeaderField(match[1], value.removesuffix(b"\r"), match.start(), end)


def values_of(block: bytes, name: bytes) -> list[bytes]:
    """The unfolded values of all fields of this name (in lower case), in their order."""
    if name not in block[:MAX_HEADER_BYTES].lower():
        return []
    found = islice(FIELD.finditer(block, 0, MAX_HEADER_BYTES), MAX_FIELDS)
    return [unfold(match[3]) for match in found if match[1].lower() == name]


def split_content(content: bytes) -> tuple[bytes, int]:
    """The header block (with its last line end) and the offset at which the body begins.

    A message without a blank line is all header; one that begins with a blank line is all body.
    """
    for blank_line in (b"\r\n", b"\n"):
        if content.startswith(blank_line):
            return b"", len(blank_line)
    end = find_header_end(content)
    if end < 0:
        return content, len(content)
    return content[:end], content.index(b"\n", end) + 1


def find_header_end(octets: bytes) -> int:
    """Where the blank line after the header begins; -1 when there is none."""
    strict = octets.find(b"\r\n\r\n")
    # A bare LF may end the header earlier; it can only if one stands there at all.
    lenient = _HEADER_END.search(octets, 0, strict + 4 if strict >= 0 else len(octets))
    return -1 if lenient is None else lenient.start() + 1


def line_defects(block: bytes, found: list[tuple[bytes, bytes, bytes]]) -> set[Defect]:
    """What is wrong with the lines of a block in which FIELD found these (name, gap, value)."""
    defects: set[Defect] = set()
    if not block.isascii():
        defects.add(Defect.EIGHT_BIT)
    if b"\0" in block:
        defects.add(Defect.NUL)
    if block != block.replace(b"\r", b"").replace(b"\n", _CR_LF):
        defects.add(Defect.STRAY_CR_OR_LF)
    if has_long_line(block):
        defects.add(Defect.LINE_TOO_LONG)
    if _BLANK_CONTINUATION.search(block):
        defects.add(Defect.BLANK_CONTINUATION)
    # Colons and line feeds are what fields consist of besides; octets left over belong to none.
    covered = sum(map(len, chain.from_iterable(found))) + 2 * len(found)
    if covered != len(block) + (block[-1:] not in b"\n"):
        defects.add(Defect.NOT_A_FIELD)
    return defects


def has_long_line(block: bytes) -> bool:
    """Whether some line exceeds MAX_LINE_BYTES, told by leaps of that length."""
    line_bytes = MAX_LINE_BYTES + len(_CR_LF)
    start = 0
    while len(block) - start >= line_bytes:
        start = block.rfind(b"\n", start, start + line_bytes) + 1
        if not start:
            return True
    return False
