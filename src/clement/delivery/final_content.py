"""Content as final delivery stores it: without the Return-Path fields that it came with.

RFC 5321 §4.4: the server that makes final delivery adds the only one, so a field that the client wrote would
be a second one that readers take bounces and trust from. Line endings are not touched here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from clement.message.headers import find_header_end
from clement.spool.content import HEADER_LIMIT_BYTES, Content

_PIECE_BYTES = 128 * 1024
_NAME = b"return-path"
# Folded lines belong to the field; a bare LF ends a line, as it will in the file.
_FIELD = re.compile(
    rb"^return-path[ \t]*+:[^\n]*+(?:\n[ \t][^\n]*+)*+(?:\n|\Z)", re.MULTILINE | re.IGNORECASE
)


def chunks_to_store(content: Content) -> Iterator[bytes]:
    """The octets to store. Blocks when they are on disk. Raises StorageFailure."""
    block = content.header_block
    if _NAME not in block.lower():
        return content.chunks()
    if len(block) == HEADER_LIMIT_BYTES:
        # Cut off: half a line must not be taken away from its other half.
        block = block[: block.rfind(b"\n") + 1]
    return _chunks_behind(without_return_path(block), content, len(block))


def without_return_path(block: bytes) -> bytes:
    """A header block without its Return-Path fields."""
    # Behind a blank line of bare LF readers of the file see a body.
    end = find_header_end(block)
    return _FIELD.sub(b"", block) if end < 0 else _FIELD.sub(b"", block[:end]) + block[end:]


def _chunks_behind(head: bytes, content: Content, start: int) -> Iterator[bytes]:
    yield head
    for offset in range(start, content.size_bytes, _PIECE_BYTES):
        yield content.read(offset, _PIECE_BYTES)
