"""The study of one content: all that checks ask about what is in it, found out once. Pure, bounded, total."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from clement.learn.features import extract
from clement.message.attachments.examine import attachments_of
from clement.message.mime.decode import decoded
from clement.message.mime.part import Part, Walk
from clement.message.mime.read import read
from clement.message.mime.walk import walk
from clement.policy.study import ContentStudy

_SHOWN: Final = frozenset(("text/plain", "text/html"))
_NEVER_GUESSED: Final = frozenset(("iso-8859-1", "windows-1252"))
_LIKE_ASCII: Final = frozenset(("", "us-ascii", "utf-8"))


def study(octets: bytes, key: bytes) -> ContentStudy:
    """What stands in these octets.

    key: of the site's features. Any octets give a study; every field of it is bounded.
    """
    return _study(octets, walk(octets), key)


def study_if_harmless(octets: bytes, key: bytes) -> ContentStudy | None:
    """The same for short texts, where it takes a few milliseconds at most; None for what has to be unpacked.

    That is whatever is attached, and texts whose character set can only be guessed.
    """
    structure = walk(octets)
    if structure.over_budget or not all(_is_harmless(octets, part) for part in structure.parts):
        return None
    return _study(octets, structure, key)


def _is_harmless(octets: bytes, part: Part) -> bool:
    if part.type.startswith("multipart/"):
        return not part.within
    if part.type not in _SHOWN or part.names or part.disposition == "attachment":
        return False
    if part.charset in _NEVER_GUESSED:
        return True
    if part.charset not in _LIKE_ASCII:
        return False
    body = decoded(octets, part, len(octets))
    return body.isascii() or _is_utf_8(body)


def _is_utf_8(octets: bytes) -> bool:
    try:
        octets.decode()
    except UnicodeDecodeError:
        return False
    return True


def _study(octets: bytes, structure: Walk, key: bytes) -> ContentStudy:
    reading = read(octets, structure)
    attachments = attachments_of(octets, structure)
    return ContentStudy(
        reading=reading,
        attachments=attachments,
        defects=structure.defects,
        over_budget=structure.over_budget,
        part_count=len(structure.parts),
        features=extract(octets, structure, reading, attachments, key),
        body_hash=body_hash(octets),
    )


def body_hash(octets: bytes) -> bytes:
    """SHA-256 of the body, which begins behind the first empty line (RFC 5322 §2.1), its lines ended by CRLF.

    The copy in a mailbox ends its lines in LF, what came over the wire in CRLF; both have one hash. What came
    over the wire has the one that `delivery.held_mail` knows messages again by.
    """
    if octets.count(b"\n") != octets.count(b"\r\n"):
        octets = octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    if octets.startswith(b"\r\n"):
        start = 2
    else:
        end = octets.find(b"\r\n\r\n")
        start = len(octets) if end < 0 else end + 4
    with memoryview(octets) as view:
        return sha256(view[start:]).digest()
