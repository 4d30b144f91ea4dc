"""Signature fields that we write: DKIM-Signature and those of ARC, folded as RFC 5322 §2.1.1 wants it."""

from __future__ import annotations

import base64
from collections.abc import Sequence

MAX_LINE_CHARS = 78
_FOLD = "\r\n "


def folded_field(name: str, specs: Sequence[str]) -> str:
    """A field of tag-specs without its last CRLF, its lines within MAX_LINE_CHARS wherever specs may be cut.

    Only h= (at a colon) is cut; base64 goes in by `folded_base64`.
    """
    lines = [f"{name}:"]
    for number, spec in enumerate(specs, 1):
        text = spec if number == len(specs) else f"{spec};"
        for place, piece in enumerate(_pieces(text)):
            gap = "" if place else " "
            if len(lines[-1]) + len(gap) + len(piece) <= MAX_LINE_CHARS:
                lines[-1] += gap + piece
            else:
                lines.append(f" {piece}")
    return "\r\n".join(lines)


def field_by_tags(name: str, specs: Sequence[str]) -> str:
    """A field of tag-specs without its last CRLF, folded between them alone.

    In relaxed form there is then one space behind every semicolon and none elsewhere.
    """
    lines = [f"{name}:"]
    for number, spec in enumerate(specs, 1):
        text = spec if number == len(specs) else f"{spec};"
        if len(lines[-1]) + 1 + len(text) <= MAX_LINE_CHARS or lines[-1] == f"{name}:":
            lines[-1] += f" {text}"
        else:
            lines.append(f" {text}")
    return "\r\n".join(lines)


def folded_base64(octets: bytes, room: int) -> str:
    """Base64 cut into lines, of which the first has `room` characters."""
    text = base64.b64encode(octets).decode("ascii")
    first, rest = text[:room], text[room:]
    step = MAX_LINE_CHARS - 1
    return _FOLD.join([first, *(rest[start : start + step] for start in range(0, len(rest), step))])


def _pieces(text: str) -> list[str]:
    if not text.startswith("h="):
        return [text]
    *names, last = text.split(":")
    return [*(f"{name}:" for name in names), last]
