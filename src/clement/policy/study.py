"""What has been read in a content, once for all recipients: a checker makes it, content checks ask it."""

from __future__ import annotations

import msgspec

from clement.message.attachment import Attachment
from clement.message.reading import Reading


class Features(msgspec.Struct, frozen=True):
    """What the learning filter goes by.

    hashes: keyed 32-bit hashes, little-endian, packed; each feature once. names: of the first of them,
    UTF-8, NUL between two; features behind those have no name that a person could read.
    """

    hashes: bytes = b""
    names: bytes = b""


class Unstudied(msgspec.Struct, frozen=True):
    """A content that cannot be read. why: for the log and the reply."""

    why: str


class ContentStudy(msgspec.Struct, frozen=True):
    """One content as a checker has read it; bounded in every field.

    defects: of the MIME structure. over_budget: the limit that kept it from being read to the end, "" if
    none. body_hash: of the body, to know the same message again.
    """

    reading: Reading = Reading()
    attachments: tuple[Attachment, ...] = ()
    defects: tuple[str, ...] = ()
    over_budget: str = ""
    part_count: int = 1
    features: Features = Features()
    body_hash: bytes = b""
