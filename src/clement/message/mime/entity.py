"""The header of one entity: what it says of the body, in all readings, and where the body begins.

Only Content-* fields are looked at. RFC 2045 §3, RFC 5322 §2.2. What parsers disagree about (a line that is
no field, a carriage return alone, NUL) gives further readings instead of a choice.
"""

from __future__ import annotations

import re

import msgspec

from clement.message.headers import FIELD, unfold
from clement.message.mime.content_type import (
    ContentType,
    Disposition,
    Mechanisms,
    content_type,
    disposition,
    mechanisms,
)
from clement.message.mime.defects import MimeDefect
from clement.message.mime.limits import WalkLimits
from clement.message.text import decoded, visible

MAX_CONTENT_ID_CHARS = 250
MAX_TYPES = 4
MAX_MECHANISMS = 4

# The line behind this line feed neither begins a field nor continues one; a line of white space only may be
# the blank one to some readers.
_NO_FIELD = re.compile(rb"\n(?:(?![!-9;-~]+[ \t]*:|[ \t])(?=[^\r\n])|[ \t]+\r?(?=\n))")
_FIRST_IS_NO_FIELD = re.compile(rb"(?![!-9;-~]+[ \t]*:)")
_MAILBOX_SEPARATOR = re.compile(rb">?From [^\n]*\n")
_NONE = ContentType("", (), "", (), ())
_NO_DISPOSITION = Disposition("", (), ())


class EntityHeader(msgspec.Struct, frozen=True, gc=False):
    """types: distinct readings of Content-Type, best first, at least one. encodings: likewise.

    header, body_start: where most readers end the header. other_body_start: where some do, or -1.
    over_budget: the limit that the header exceeds, "" if none.
    """

    types: tuple[ContentType, ...]
    encodings: tuple[str, ...]
    disposition: str
    names: tuple[str, ...]
    content_id: str
    header: tuple[int, int]
    body_start: int
    other_body_start: int
    defects: set[MimeDefect]
    over_budget: str = ""


def find_blank_line(octets: bytes, start: int, end: int) -> int:
    """Where the line end before the blank line stands; `end` when there is no blank line."""
    strict = octets.find(b"\n\r\n", start, end)
    lenient = octets.find(b"\n\n", start, strict if strict >= 0 else end)
    found = lenient if lenient >= 0 else strict
    return end if found < 0 else found


def read_entity(octets: bytes, start: int, end: int, limits: WalkLimits) -> EntityHeader:
    """Read the header of the entity in [start, end)."""
    defects: set[MimeDefect] = set()
    if octets.startswith((b"\r\n", b"\n"), start, end):
        return _without_header(start, octets.index(b"\n", start) + 1, defects)
    blank = find_blank_line(octets, start, end)
    header_end = min(blank + 1, end)
    body_start = end if blank == end else octets.index(b"\n", blank + 1, end) + 1
    if blank == end:
        defects.add(MimeDefect.NO_BLANK_LINE)
    over_budget = ""
    if header_end - start > limits.header_bytes:
        over_budget = "header"
    block = octets[start : min(header_end, start + limits.header_bytes)]
    other_body_start = -1
    if _FIRST_IS_NO_FIELD.match(block):
        separator = _MAILBOX_SEPARATOR.match(block)
        if separator is None:
            # Nobody would show this text as a header; whoever passes over it may find fields behind it.
            defects |= {MimeDefect.NOT_A_FIELD, MimeDefect.NO_BLANK_LINE}
            if b"content-" not in block.lower():
                return _without_header(start, start, defects)
            other_body_start = start
    if other_body_start < 0 and (match := _NO_FIELD.search(block)) is not None:
        defects.add(MimeDefect.NOT_A_FIELD)
        line_start = start + match.start() + 1
        blank_like = octets[line_start : line_start + 1] in b" \t"
        other_body_start = octets.index(b"\n", line_start) + 1 if blank_like else line_start
    found = _fields(block, defects)
    if len(found) > limits.content_fields:
        over_budget = "header"
        del found[limits.content_fields :]
    return _understood(found, (start, header_end), body_start, other_body_start, defects, over_budget)


def _without_header(start: int, body_start: int, defects: set[MimeDefect]) -> EntityHeader:
    return EntityHeader((_NONE,), ("7bit",), "", (), "", (start, start), body_start, -1, defects)


def _fields(block: bytes, defects: set[MimeDefect]) -> list[tuple[bytes, bytes]]:
    """Name in lower case and value of each Content-* field, those that only some readers see at the end."""
    found = _content_fields(block)
    if not block.isascii():
        defects.add(MimeDefect.HEADER_EIGHT_BIT)
    if b"\0" in block:
        defects.add(MimeDefect.HEADER_NUL)
        found += _content_fields(block.replace(b"\0", b""))
    if block.count(b"\r") != block.count(b"\r\n"):
        if not (block.endswith(b"\r") and block.count(b"\r") == block.count(b"\r\n") + 1):
            defects.add(MimeDefect.HEADER_BARE_CR)
        found += _content_fields(block.replace(b"\r\n", b"\n").replace(b"\r", b"\n"))
    return found


def _content_fields(block: bytes) -> list[tuple[bytes, bytes]]:
    found: list[tuple[bytes, bytes]] = []
    lowered = b"\n" + block.lower()
    position = lowered.find(b"\ncontent-")
    while position >= 0:
        match = FIELD.match(block, position)
        if match is not None:
            found.append((match[1].lower(), match[3]))
        position = lowered.find(b"\ncontent-", position + 1)
    return found


def _understood(
    found: list[tuple[bytes, bytes]],
    header: tuple[int, int],
    body_start: int,
    other_body_start: int,
    defects: set[MimeDefect],
    over_budget: str,
) -> EntityHeader:
    types: dict[ContentType, None] = {}
    dispositions: dict[Disposition, None] = {}
    mechanism_fields: dict[Mechanisms, None] = {}
    content_id = ""
    for name, value in found:
        match name:
            case b"content-type":
                types[content_type(value)] = None
            case b"content-disposition":
                dispositions[disposition(value)] = None
            case b"content-transfer-encoding":
                mechanism_fields[mechanisms(value)] = None
            case b"content-id" if not content_id:
                raw = decoded(unfold(value[: 4 * MAX_CONTENT_ID_CHARS])).strip("<> ")
                content_id = visible(raw, MAX_CONTENT_ID_CHARS)
            case _:
                pass
    if len(types) > 1:
        defects.add(MimeDefect.SEVERAL_TYPES)
    if len(dispositions) > 1:
        defects.add(MimeDefect.SEVERAL_DISPOSITIONS)
    names: dict[str, None] = {}
    readings: list[Disposition | ContentType] = [*dispositions, *types]
    for reading in readings:
        names.update(dict.fromkeys(reading.names))
        defects.update(reading.defects)
    if len(names) > 1:
        defects.add(MimeDefect.NAMES_DIFFER)
    return EntityHeader(
        types=tuple(types)[:MAX_TYPES] or (_NONE,),
        encodings=_encodings(mechanism_fields, defects),
        disposition=next(iter(dispositions), _NO_DISPOSITION).kind,
        names=tuple(names)[:MAX_NAMES],
        content_id=content_id,
        header=header,
        body_start=body_start,
        other_body_start=other_body_start,
        defects=defects,
        over_budget=over_budget,
    )


def _encodings(fields: dict[Mechanisms, None], defects: set[MimeDefect]) -> tuple[str, ...]:
    if not fields:
        return ("7bit",)
    if len(fields) > 1:
        defects.add(MimeDefect.SEVERAL_ENCODINGS)
    found: dict[str, None] = {}
    for each in fields:
        if not each.names:
            defects.add(MimeDefect.ENCODING_UNKNOWN)
            found.setdefault("7bit")
        elif not each.exact:
            defects.add(MimeDefect.ENCODING_SYNTAX)
        found.update(dict.fromkeys(each.names))
    if len([name for name in found if name not in {"7bit", "8bit", "binary"}]) > 1:
        defects.add(MimeDefect.SEVERAL_ENCODINGS)
    return tuple(found)[:MAX_MECHANISMS]


MAX_NAMES = 8
