"""What can be said of a body without parts: is it what its transfer encoding claims, and what hides in it."""

from __future__ import annotations

import re

from clement.message.mime.defects import MimeDefect

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BASE64_CHARACTER = re.compile(rb"[A-Za-z0-9+/]")
_SPACE = b" \t\r\n"
_CHUNK_BYTES = 1024 * 1024
_HEAD_BYTES = 300
# "=" that neither encodes an octet nor ends a line
_BAD_QUOTED = re.compile(rb"=(?![0-9A-Fa-f]{2}|[ \t]*\r?\n|[ \t\r]*\Z)")
_BASE64_LINES = re.compile(rb"(?:[A-Za-z0-9+/]{40,76}\r?\n){2}|[A-Za-z0-9+/\r\n]{20,}={0,2}\s*\Z")
_BASE64_BLOCK = re.compile(rb"(?:(?<=\n)|^)(?:[A-Za-z0-9+/]{60,76}\r?\n){2}")

# What a part would begin with, its first field or the line before it
_PART = re.compile(
    rb"(?:^|\n)(?=(?:--[^\n]{1,80}\n)?(?:content-type|content-transfer-encoding|content-disposition)[ \t]*:)",
    re.IGNORECASE,
)


def part_outside(octets: bytes, start: int, end: int) -> int:
    """Where the header of a part begins in a preamble or epilogue; -1 where none does."""
    region = octets[start:end]
    match = _PART.search(region)
    if match is None:
        return -1
    where = match.end()
    if region.startswith(b"--", where):
        where = region.index(b"\n", where) + 1
    return start + where


def base64_defects(octets: bytes, start: int, end: int) -> set[MimeDefect]:
    """What is wrong with the base64 in octets[start:end], in one pass over it."""
    defects: set[MimeDefect] = set()
    count = padding_count = 0
    padding = -1
    for position in range(start, end, _CHUNK_BYTES):
        chunk = octets[position : min(end, position + _CHUNK_BYTES)]
        others = chunk.translate(None, _BASE64)
        count += len(chunk) - len(others)
        rest = others.translate(None, _SPACE)
        if rest:
            padding_count += rest.count(b"=")
            padding = padding if padding >= 0 else octets.find(b"=", position, end)
            if rest.strip(b"="):
                defects.add(MimeDefect.BASE64_ILLEGAL)
    if padding >= 0 and _BASE64_CHARACTER.search(octets, padding, end):
        defects.add(MimeDefect.BASE64_AFTER_PADDING)
    elif count % 4 and (count % 4 == 1 or (count + padding_count) % 4):
        defects.add(MimeDefect.BASE64_TRUNCATED)
    return defects


def quoted_printable_is_bad(body: bytes) -> bool:
    """Whether some "=" stands where none may (RFC 2045 §6.7)."""
    return _BAD_QUOTED.search(body) is not None


def looks_like_base64(head: bytes) -> bool:
    """Whether a body begins as base64 does."""
    return _BASE64_LINES.match(head.lstrip(_SPACE)) is not None


def looks_like_text(head: bytes) -> bool:
    """Whether a body that should be base64 is none: words with spaces between them."""
    words = head.split()
    return len(words) > 3 and sum(map(len, words)) < 30 * len(words)


def base64_block(octets: bytes, start: int, end: int) -> int:
    """Where a block of base64 begins; -1 where there is none."""
    match = _BASE64_BLOCK.search(octets, start, end)
    return match.start() if match else -1


def head(octets: bytes, start: int, end: int) -> bytes:
    """The first octets of a body, enough to tell what it is."""
    return octets[start : min(end, start + _HEAD_BYTES)]
