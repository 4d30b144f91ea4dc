"""The SHA-256 hashes of a body that the signatures of a message want, in one pass.  RFC 6376 §3.7.

Every form of the body is made once; signatures that agree in it and in l= share one hash.
"""

from __future__ import annotations

import hashlib

import msgspec

from clement.message.authentication.canonical import CanonicalBody, Canonicalisation

PIECE_BYTES = 64 * 1024
"""So much is rewritten at once: it stays in the caches of the processor, and lists of pieces stay small."""


class BodyHash(msgspec.Struct, frozen=True, gc=False):
    """The hash of a body. hashed_bytes of total_bytes (both of the canonical form) went into it."""

    digest: bytes
    hashed_bytes: int
    total_bytes: int


class _Hashing:
    """A hash that stops at a length, and counts."""

    __slots__ = ("_hash", "_limit", "_total_bytes")

    def __init__(self, limit: int | None) -> None:
        self._hash = hashlib.sha256()
        self._limit = limit
        self._total_bytes = 0

    def update(self, octets: bytes, /) -> None:
        if self._limit is None:
            self._hash.update(octets)
        elif (room := self._limit - self._total_bytes) > 0:
            self._hash.update(octets[:room])
        self._total_bytes += len(octets)

    def result(self) -> BodyHash:
        total_bytes = self._total_bytes
        hashed_bytes = total_bytes if self._limit is None else min(total_bytes, self._limit)
        return BodyHash(self._hash.digest(), hashed_bytes, total_bytes)


class BodyHashes:
    """Hashes that are `want`ed before the first chunk, `feed`, and had from `result` after the last."""

    def __init__(self) -> None:
        self._hashings: dict[tuple[Canonicalisation, int | None], _Hashing] = {}
        self._bodies: list[CanonicalBody] | None = None
        self._finished = False

    @property
    def wanted(self) -> bool:
        """Whether anybody wants a hash; chunks need not be fed otherwise."""
        return bool(self._hashings)

    def want(self, canonicalisation: Canonicalisation, limit: int | None = None) -> None:
        """Ask for a hash. limit: how many octets of the canonical body go into it (l=)."""
        if self._bodies is not None:
            raise RuntimeError("the body is already being hashed")
        self._hashings.setdefault((canonicalisation, limit), _Hashing(limit))

    def feed(self, chunk: bytes) -> None:
        """The next octets of the body, cut anywhere."""
        for start in range(0, len(chunk), PIECE_BYTES):
            piece = chunk[start : start + PIECE_BYTES]
            for body in self._begun():
                body.feed(piece)

    def result(self, canonicalisation: Canonicalisation, limit: int | None = None) -> BodyHash:
        """The hash that was wanted, of the body as fed; nothing may be fed after this."""
        if not self._finished:
            self._finished = True
            for body in self._begun():
                body.finish()
        return self._hashings[canonicalisation, limit].result()

    def _begun(self) -> list[CanonicalBody]:
        if self._bodies is None:
            self._bodies = []
            for canonicalisation in Canonicalisation:
                sinks = tuple(
                    hashing for (form, _), hashing in self._hashings.items() if form is canonicalisation
                )
                if sinks:
                    self._bodies.append(CanonicalBody(canonicalisation, sinks))
        return self._bodies
