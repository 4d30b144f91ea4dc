"""Line endings on the way out: LF in a Maildir.

Everything here works on whole buffers at the speed of C; no line is ever looked at by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def with_lf(octets: bytes) -> bytes:
    """Each CRLF as LF, as Maildir readers expect; other CR and LF stay what they are."""
    return octets.replace(b"\r\n", b"\n")


def chunks_with_lf(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same for content that comes in pieces; a CRLF may lie across their border."""
    held_back = b""
    for chunk in chunks:
        joined = held_back + chunk if held_back else chunk
        held_back = b"\r" if joined.endswith(b"\r") else b""
        yield with_lf(joined[:-1] if held_back else joined)
    if held_back:
        yield held_back
