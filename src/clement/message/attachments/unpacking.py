"""Decompressing a bounded beginning of a stream, in memory, at a counted cost."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from enum import StrEnum
from typing import Final, Protocol

from clement.message.attachments.budget import Budget, Unreadable

Octets = bytes | memoryview


class Method(StrEnum):
    """How a stream is compressed."""

    STORED = "stored"
    DEFLATE = "deflate"
    GZIP = "gzip"
    ZLIB = "zlib"
    BZIP2 = "bzip2"
    XZ = "xz"


class _Decompressor(Protocol):
    """What the three modules of the standard library have in common, once made alike."""

    def give(self, octets: Octets, limit_bytes: int) -> bytes: ...
    @property
    def ended(self) -> bool: ...
    @property
    def rest(self) -> bytes: ...


_MEMORY_BYTES: Final = 80 * 1024 * 1024
"""What a stream may ask of the decompressor: xz -9 asks for 65 MiB."""
_PIECE_BYTES: Final = 256 * 1024
_BLOCK_BYTES: Final = 1024 * 1024
_STREAMS: Final = 64
"""Streams one after another in one file (RFC 1952 §2.2)."""
_MARKS: Final = {Method.GZIP: b"\x1f\x8b", Method.BZIP2: b"BZh", Method.XZ: b"\xfd7zXZ"}

# What an octet costs beside one of deflate, and what it costs to begin at all, in octets of deflate.
_COST: Final = {Method.BZIP2: 6, Method.XZ: 3}
_START_BYTES: Final = {Method.BZIP2: 512 * 1024, Method.XZ: 64 * 1024}
_START_ELSE_BYTES: Final = 4096


class _Zlib:
    """zlib, gzip and bare deflate; the last argument of zlib says which."""

    def __init__(self, window_bits: int) -> None:
        self._inner = zlib.decompressobj(window_bits)
        self.rest = b""

    def give(self, octets: Octets, limit_bytes: int) -> bytes:
        out = self._inner.decompress(octets, limit_bytes)
        self.rest = self._inner.unconsumed_tail or self._inner.unused_data
        return out

    @property
    def ended(self) -> bool:
        return self._inner.eof


class _Keeping:
    """bz2 and lzma, which keep the input that they have not used yet themselves."""

    def __init__(self, inner: bz2.BZ2Decompressor | lzma.LZMADecompressor) -> None:
        self._inner = inner

    def give(self, octets: Octets, limit_bytes: int) -> bytes:
        return self._inner.decompress(octets, limit_bytes)

    @property
    def ended(self) -> bool:
        return self._inner.eof

    @property
    def rest(self) -> bytes:
        return self._inner.unused_data if self._inner.eof else b""


def _xz() -> _Keeping:
    return _Keeping(lzma.LZMADecompressor(lzma.FORMAT_XZ, _MEMORY_BYTES))


_MAKERS: Final[dict[Method, Callable[[], _Decompressor]]] = {
    Method.DEFLATE: lambda: _Zlib(-zlib.MAX_WBITS),
    Method.GZIP: lambda: _Zlib(zlib.MAX_WBITS | 16),
    Method.ZLIB: lambda: _Zlib(zlib.MAX_WBITS),
    Method.BZIP2: lambda: _Keeping(bz2.BZ2Decompressor()),
    Method.XZ: _xz,
}


def beginning(octets: Octets, method: Method, limit_bytes: int, budget: Budget) -> bytes:
    """At most `limit_bytes` of what one stream unpacks to.

    Raises Unreadable when it is damaged or the budget is spent.
    """
    limit_bytes = max(limit_bytes, 1)
    if method is Method.STORED:
        out = bytes(octets[:limit_bytes])
        budget.spend(len(out))
        return out
    budget.spend(_START_BYTES.get(method, _START_ELSE_BYTES))
    out = _given(_MAKERS[method](), octets[: 2 * limit_bytes + _BLOCK_BYTES], limit_bytes)
    budget.spend(len(out) * _COST.get(method, 1))
    return out


def whole(octets: Octets, method: Method, limit_bytes: int, budget: Budget) -> tuple[bytearray, str]:
    """At most `limit_bytes` of what a file of some streams unpacks to; and why not all, "" if it is all."""
    done = bytearray()
    try:
        complete = _collect(memoryview(octets), method, limit_bytes, budget, done)
    except Unreadable as why:
        return done, str(why)
    return done, "" if complete else f"unpacks to more than {limit_bytes >> 20} MiB"


def _collect(rest: memoryview, method: Method, limit_bytes: int, budget: Budget, done: bytearray) -> bool:
    """Fill `done`; whether the end was reached. Raises Unreadable."""
    packed = len(rest)
    for _stream in range(_STREAMS):
        made = _MAKERS[method]()
        budget.spend(_START_BYTES.get(method, _START_ELSE_BYTES))
        while not made.ended:
            if len(done) >= limit_bytes:
                return False
            chunk = rest[:_PIECE_BYTES]
            piece = _given(made, chunk, min(_PIECE_BYTES, limit_bytes - len(done)))
            rest = rest[len(chunk) - len(made.rest) :]
            if not piece and not chunk and not made.ended:
                raise Unreadable("cut off")
            done += piece
            budget.spend(len(piece) * _COST.get(method, 1))
            budget.check_ratio(packed - len(rest), len(done))
        if not bytes(rest[:5]).startswith(_MARKS[method]):
            break
    return True


def _given(made: _Decompressor, octets: Octets, limit_bytes: int) -> bytes:
    try:
        return made.give(octets, limit_bytes)
    except (zlib.error, OSError, EOFError, lzma.LZMAError, ValueError) as fault:
        raise Unreadable("damaged") from fault
