"""The study of one content: all that checks ask about what is in it, found out once. Pure, bounded, total."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from clement.learn.features import extract
from clement.message.mime.read import read
from clement.message.mime.walk import walk
from clement.policy.study import ContentStudy

BODY_HASH_BYTES: Final = 16


def study(octets: bytes, key: bytes) -> ContentStudy:
    """What stands in these octets.

    key: of the site's features. Any octets give a study; every field of it is bounded.
    """
    structure = walk(octets)
    reading = read(octets, structure)
    return ContentStudy(
        reading=reading,
        defects=structure.defects,
        over_budget=structure.over_budget,
        part_count=len(structure.parts),
        features=extract(octets, structure, reading, (), key),
        body_hash=body_hash(octets),
    )


def body_hash(octets: bytes) -> bytes:
    """Of the body, whatever its line ends are (RFC 5322 §2.1: behind the first empty line).

    The copy in a mailbox ends its lines in LF, what came over the wire in CRLF; both have one hash.
    """
    text = octets.replace(b"\r\n", b"\n")
    end = 0 if text.startswith(b"\n") else text.find(b"\n\n")
    body = b"" if end < 0 else memoryview(text)[end + (2 if end else 1) :]
    return blake2b(body, digest_size=BODY_HASH_BYTES).digest()
