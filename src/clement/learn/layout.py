"""The file of a model.

    offset 0      magic, length of the head, head (MessagePack); filled up to HEAD_BYTES
    HEAD_BYTES    2^bits weights, float32, little-endian
    then          2^bits curvatures, float32 (only the trainer asks for them)
    then          the trainer's memory (MessagePack): the histogram of the calibration, who taught how much

A file is written beside its place, synced and renamed, and never changed afterwards: whoever has mapped it
keeps what it has until it opens the new one.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Sequence
from pathlib import Path

import msgspec

MAGIC = b"ClemLrn\x01"
FORMAT = 2
HEAD_BYTES = 4096
WEIGHT_BYTES = 4
MARKS_BYTES = 2048
_LENGTH = struct.Struct("<I")


class ModelError(Exception):
    """The file is no model, or not one of this format."""


class Head(msgspec.Struct, frozen=True):
    """What is said of a model.

    wanted, unwanted: messages learned, by all who teach. acts: of teaching so far, which only grows: the
    version of the model. slope: from scores to log-odds. marks: a bit for each scope that has taught
    anything, several to a bit.
    """

    format: int
    bits: int
    key: bytes
    wanted: float
    unwanted: float
    acts: int
    slope: float
    marks: bytes

    def has_taught(self, scope: int) -> bool:
        """Whether this scope may have weights of its own; if not, those in its places are of others."""
        return bool(self.marks[scope % MARKS_BYTES] & _bit(scope))

    @property
    def size(self) -> int:
        """Weights."""
        return 1 << self.bits

    @property
    def curvature_offset(self) -> int:
        """Where the curvatures begin, in octets."""
        return HEAD_BYTES + WEIGHT_BYTES * self.size

    @property
    def memory_offset(self) -> int:
        """Where the trainer's memory begins, in octets."""
        return HEAD_BYTES + 2 * WEIGHT_BYTES * self.size


def mark(marks: bytearray, scope: int) -> None:
    """Note that a scope has taught something."""
    marks[scope % MARKS_BYTES] |= _bit(scope)


def _bit(scope: int) -> int:
    return 1 << (scope // MARKS_BYTES % 8)


def key_id(key: bytes) -> str:
    """A name for a key that does not tell it."""
    return hashlib.blake2b(key, digest_size=8, person=b"clement key").hexdigest()


def packed(head: Head) -> bytes:
    """The first HEAD_BYTES of a file."""
    octets = msgspec.msgpack.encode(head)
    return (MAGIC + _LENGTH.pack(len(octets)) + octets).ljust(HEAD_BYTES, b"\0")


def unpacked(octets: bytes, file_bytes: int) -> Head:
    """The head in the first octets of a file. Raises ModelError."""
    if not octets.startswith(MAGIC) or len(octets) < HEAD_BYTES:
        raise ModelError("not a model of this format")
    (length,) = _LENGTH.unpack_from(octets, len(MAGIC))
    start = len(MAGIC) + _LENGTH.size
    try:
        head = msgspec.msgpack.decode(octets[start : start + length], type=Head)
    except msgspec.DecodeError as error:
        raise ModelError(f"its head cannot be read: {error}") from None
    if head.format != FORMAT or not 8 <= head.bits <= 28 or len(head.marks) != MARKS_BYTES:
        raise ModelError(f"format {head.format} with 2^{head.bits} weights is not known here")
    if file_bytes < head.memory_offset:
        raise ModelError(f"cut off after {file_bytes} octets")
    return head


def write_durably(path: Path, chunks: Sequence[bytes | memoryview]) -> None:
    """Put a file in place of another: whole, synced, or not at all (house.md §6)."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            for chunk in chunks:
                view = memoryview(chunk).cast("B")
                while view:
                    view = view[file.write(view) :]
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
