"""A multipart cut into its parts, in every reading that its boundaries allow. RFC 2046 §5.1.1."""

from __future__ import annotations

import msgspec

from clement.message.mime.defects import MimeDefect
from clement.message.mime.delimiters import DashLines, Delimiter, before, delimiters

MAX_GUESSES = 3
_MAX_GUESS_LINES = 200
_MAX_BOUNDARY_BYTES = 998
_MAX_SIMILAR = 8
_SPACE = b" \t\r\n"

Range = tuple[int, int]


class Cut(msgspec.Struct, frozen=True, gc=False):
    """One way to cut. preamble, epilogue: what stands before the first and behind the last delimiter."""

    parts: tuple[Range, ...]
    preamble: Range
    epilogue: Range


def cuts(
    lines: DashLines, boundaries: tuple[bytes, ...], span: Range, limit: int, defects: set[MimeDefect]
) -> list[Cut]:
    """The readings of the multipart body at `span`, the most common one first; none when nothing cuts it.

    limit: parts that are wanted of each. A boundary that no line has counts for nothing, however often it is
    declared; where none is found, the lines in front of Content-* fields say what the boundary might be.
    """
    found: dict[tuple[int, ...], list[Delimiter]] = {}
    for boundary in boundaries:
        _add(found, lines, boundary, span, limit, defects)
    if boundaries and not found:
        defects.add(MimeDefect.BOUNDARY_NOT_FOUND)
    if len(found) > 1 and len(boundaries) > 1:
        defects.add(MimeDefect.BOUNDARIES_DIFFER)
    if not found:
        for guess in _guesses(lines, span):
            _add(found, lines, guess, span, limit, set())
    readings = list(found.values())
    return [_cut(lines.octets, each, span, defects if each is readings[0] else set()) for each in readings]


def _add(
    found: dict[tuple[int, ...], list[Delimiter]],
    lines: DashLines,
    boundary: bytes,
    span: Range,
    limit: int,
    defects: set[MimeDefect],
) -> None:
    """What `boundary` makes of the body: lines with nothing else on them, then those with more as well."""
    every = delimiters(lines, boundary, *span, limit)
    exact = [each for each in every if each.exact]
    if any(not each.closing for each in exact):
        found.setdefault(tuple(each.start for each in exact), exact)
    if len(exact) < len(every) and boundary and _undeclared(lines, every, span):
        # "It is sufficient that the boundary appear in its entirety following the CRLF."
        defects.add(MimeDefect.BOUNDARY_SIMILAR)
        found.setdefault(tuple(each.start for each in every), every)


def _undeclared(lines: DashLines, every: list[Delimiter], span: Range) -> bool:
    """Whether some of the longer lines are no boundary of a part inside: those often begin like the outer."""
    octets = lines.octets
    contents = dict.fromkeys(
        octets[each.start + 2 : each.after].strip(_SPACE).removesuffix(b"--")
        for each in every
        if not each.exact
    )
    if len(contents) > _MAX_SIMILAR:
        return True
    return not all(_declared(octets, content, span) for content in contents)


def _declared(octets: bytes, content: bytes, span: Range) -> bool:
    return any(octets.find(mark + content, *span) >= 0 for mark in (b'"', b"="))


def _guesses(lines: DashLines, span: Range) -> list[bytes]:
    """Boundaries by the looks of it: lines in front of a Content-* field."""
    octets = lines.octets
    guesses: dict[bytes, None] = {}
    for offset in lines.between(*span)[:_MAX_GUESS_LINES]:
        line_end = octets.find(b"\n", offset, min(span[1], offset + _MAX_BOUNDARY_BYTES + 4))
        if line_end >= 0 and octets[line_end + 1 : line_end + 9].lower() == b"content-":
            guesses[octets[offset + 2 : line_end].partition(b"\r")[0].rstrip(_SPACE)] = None
    return list(guesses)[:MAX_GUESSES]


def _cut(octets: bytes, found: list[Delimiter], span: Range, defects: set[MimeDefect]) -> Cut:
    start, end = span
    parts: list[Range] = []
    epilogue = (end, end)
    closed = False
    for position, each in enumerate(found):
        last = position + 1 == len(found)
        until = end if last else before(octets, each.after, found[position + 1].start)
        if each.closing:
            closed = True
            epilogue = (each.after, until)
            continue
        if closed:
            defects.add(MimeDefect.AFTER_END)
        parts.append((each.after, until))
    if not closed:
        defects.add(MimeDefect.NO_END)
    return Cut(tuple(parts), (start, found[0].start), epilogue)
