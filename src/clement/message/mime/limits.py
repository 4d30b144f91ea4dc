"""How much of a message is read. What exceeds a limit is named in `Walk.over_budget`."""

from __future__ import annotations

import msgspec


class WalkLimits(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Bounds of a walk.

    depth: entities around one another. parts: of all readings together. header_bytes, content_fields: of one
    entity. boundary_bytes: of one boundary (RFC 2046 §5.1.1 allows 70). delimiter_lines: lines that begin
    with "--". decoded_bytes: of what must be decoded to be walked, all together. work: octets looked at, as a
    multiple of the octets of the message.
    """

    depth: int = 50
    parts: int = 1000
    header_bytes: int = 256 * 1024
    content_fields: int = 100
    boundary_bytes: int = 998
    delimiter_lines: int = 200_000
    decoded_bytes: int = 64 * 1024 * 1024
    work: int = 12


class ReadLimits(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Bounds of a reading: texts and links together, and each of them.

    html_bytes: of the source of one page; more than twice what the largest mail service shows of one (Gmail:
    102 kB), since what nobody sees says little and costs as much. guesses: parts whose charset is guessed.
    """

    texts: int = 64
    text_bytes: int = 64 * 1024
    total_bytes: int = 256 * 1024
    html_bytes: int = 256 * 1024
    total_html_bytes: int = 512 * 1024
    links: int = 500
    link_chars: int = 2048
    link_text_chars: int = 250
    guesses: int = 2
