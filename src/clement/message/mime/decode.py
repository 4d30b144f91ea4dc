"""The octets of a body without its transfer encoding, as leniently as readers of mail do it; bounded.

RFC 2045 §6.7 (quoted-printable), §6.8 (base64); uuencode as POSIX has it; yEnc 1.3.
"""

from __future__ import annotations

import binascii
import re

from clement.message.mime.part import Part

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
NOT_BASE64 = bytes(sorted(set(range(256)) - set(_BASE64)))
_CHUNK_BYTES = 256 * 1024
_PADDING = re.compile(rb"=[=\s]*")
_UU_BEGIN = re.compile(rb"begin(?:-base64)? [^\n]*\n")
_YENC_SHIFT = bytes((octet - 42) % 256 for octet in range(256))


def decoded(octets: bytes, part: Part, limit_bytes: int) -> bytes:
    """At most `limit_bytes` of the decoded body of `part`, which was found in `octets`."""
    source = part.within or octets
    start, end = part.body
    return decode(part.encoding, source, start, end, limit_bytes)


def encoded_body(octets: bytes, part: Part) -> bytes:
    """The body as it stands."""
    return (part.within or octets)[part.body[0] : part.body[1]]


def header_block(octets: bytes, part: Part) -> bytes:
    """The header as it stands."""
    return (part.within or octets)[part.header[0] : part.header[1]]


def decode(encoding: str, octets: bytes, start: int, end: int, limit_bytes: int) -> bytes:
    """At most `limit_bytes` of octets[start:end] without `encoding`; as they are where it is none."""
    match encoding:
        case "base64":
            return _base64(octets, start, end, limit_bytes)
        case "quoted-printable":
            # Three octets encode one, and a soft line break none.
            body = octets[start : min(end, start + 4 * limit_bytes + 1024)]
            return binascii.a2b_qp(body)[:limit_bytes]
        case "x-uuencode":
            return _uudecoded(octets[start:end], limit_bytes)
        case "x-yenc":
            return _ydecoded(octets[start:end], limit_bytes)
        case _:
            return octets[start : min(end, start + limit_bytes)]


def _base64(octets: bytes, start: int, end: int, limit_bytes: int) -> bytes:
    """Illegal characters are passed over; what follows padding is decoded as another piece."""
    size = end - start
    if size * 3 // 4 <= limit_bytes or size <= _CHUNK_BYTES:
        return _pieces(octets[start:end])[:limit_bytes]
    done: list[bytes] = []
    left = limit_bytes
    rest = b""
    for position in range(start, end, _CHUNK_BYTES):
        chunk = rest + octets[position : min(end, position + _CHUNK_BYTES)]
        padding = chunk.rfind(b"=") + 1
        tail = chunk[padding:].translate(None, NOT_BASE64)
        whole = len(tail) - len(tail) % 4  # groups of four go on in the next chunk
        piece = (_pieces(chunk[:padding]) + _piece(tail[:whole]))[:left]
        rest = tail[whole:]
        done.append(piece)
        left -= len(piece)
        if not left:
            return b"".join(done)
    done.append(_pieces(rest)[:left])
    return b"".join(done)


def _pieces(encoded: bytes) -> bytes:
    """Base64 with padding anywhere; a piece that ends too early gives what it has."""
    first = encoded.find(b"=")
    if first < 0 or not encoded[first:].strip(b"=\r\n\t "):
        return _piece(encoded if first < 0 else encoded[:first])
    return b"".join(map(_piece, _PADDING.split(encoded)))


def _piece(encoded: bytes) -> bytes:
    try:
        return binascii.a2b_base64(encoded + b"==")
    except binascii.Error:  # one character too many, which is no octet
        pure = encoded.translate(None, NOT_BASE64)
        return binascii.a2b_base64(pure[: len(pure) - len(pure) % 4] + b"==")


def _uudecoded(body: bytes, limit_bytes: int) -> bytes:
    begin = _UU_BEGIN.search(body)
    position = begin.end() if begin else 0
    if begin and begin[0].startswith(b"begin-base64"):
        stop = body.find(b"\n====", position)
        return _base64(body, position, len(body) if stop < 0 else stop, limit_bytes)
    done = bytearray()
    for line in body[position:].splitlines():
        if line in {b"end", b"end "} or len(done) >= limit_bytes:
            break
        if not line or line[0] == 32 or line[0] == 96:
            continue
        try:
            done += binascii.a2b_uu(line)
        except binascii.Error:
            done += _uu_line(line)
    return bytes(done[:limit_bytes])


def _uu_line(line: bytes) -> bytes:
    """A line whose length and content disagree: as much of it as can be read."""
    count = (line[0] - 32) & 63
    wanted = (count + 2) // 3 * 4
    text = bytes(octet if 32 <= octet <= 96 else 32 for octet in line[1 : 1 + wanted]).ljust(wanted)
    try:
        return binascii.a2b_uu(bytes((32 + count,)) + text)
    except binascii.Error:
        return b""


def _ydecoded(body: bytes, limit_bytes: int) -> bytes:
    """Lines of yEnc: each octet is shifted by 42; "=" escapes by 64 more. Keyword lines are left out."""
    lines = [line for line in body[: 2 * limit_bytes + 4096].split(b"\n") if not line.startswith(b"=y")]
    first, *escaped = b"".join(line.rstrip(b"\r") for line in lines).split(b"=")
    done = [first.translate(_YENC_SHIFT)]
    for piece in escaped:
        if piece:
            done += (bytes(((piece[0] - 64 - 42) % 256,)), piece[1:].translate(_YENC_SHIFT))
    return b"".join(done)[:limit_bytes]
