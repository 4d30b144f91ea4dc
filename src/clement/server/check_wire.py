"""What a receiver and a checker say to each other over a Unix socket: one question, one answer, the end.

The question is a head and, behind it, either the octets themselves or a descriptor of a file that holds them
(SCM_RIGHTS, unix(7)). The answer is a length and that many octets: a first one that says what it is, then
MessagePack. Both sides are ours; what is hostile is the content, which is not interpreted here.
"""

from __future__ import annotations

import array
import os
import socket
import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import Final

import msgspec

from clement.message.grammar import MessageFacts
from clement.policy.study import ContentStudy
from clement.spool.content import HEADER_LIMIT_BYTES

MOST_BYTES: Final = 64 * 1024 * 1024
"""What a checker reads of one content; what is larger is said to be over budget."""

WITHIN_BYTES: Final = 64 * 1024
"""Up to this size octets go with the question, in one write that no socket buffer cuts short."""

_KEY_BYTES: Final = 64
_HEAD: Final = struct.Struct(f"!BB?xQ{_KEY_BYTES}s")
_LENGTH: Final = struct.Struct("!I")
_DESCRIPTOR: Final = struct.Struct("i")
_PIECE_BYTES: Final = 64 * 1024
MOST_ANSWER_BYTES: Final = 4 * 1024 * 1024

STUDY: Final = msgspec.msgpack.Decoder(ContentStudy)
FACTS: Final = msgspec.msgpack.Decoder(MessageFacts)


class Kind(IntEnum):
    """What is asked."""

    HEADER = 1
    """The facts in a header block."""
    CONTENT = 2
    """The study of a whole content."""


class Outcome(IntEnum):
    """What an answer is."""

    FOUND = 1
    HEAVY = 2
    """It takes longer than this checker may spend on one; another has the time."""


class Question(msgspec.Struct, frozen=True):
    """What a checker is to do. size_bytes: of the content, of which `octets` are at most MOST_BYTES."""

    kind: Kind
    key: bytes
    size_bytes: int
    octets: bytes


def head(kind: Kind, key: bytes, size_bytes: int, *, by_descriptor: bool) -> bytes:
    """The beginning of a question. Raises ValueError for a key of more than 64 octets."""
    if len(key) > _KEY_BYTES:
        raise ValueError("the key is too long")
    return _HEAD.pack(kind, len(key), by_descriptor, size_bytes, key)


def rights(descriptor: int) -> Sequence[tuple[int, int, array.array[int]]]:
    """Ancillary data that hands a descriptor over."""
    return ((socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", (descriptor,))),)


def receive(connection: socket.socket) -> Question:
    """Read a question. Blocks. Raises OSError, EOFError, ValueError when it is none."""
    octets, descriptor = _head_and_descriptor(connection)
    try:
        kind, key_bytes, by_descriptor, size_bytes, key = _HEAD.unpack(octets)
        limit_bytes = HEADER_LIMIT_BYTES if kind == Kind.HEADER else MOST_BYTES
        if size_bytes > limit_bytes and not by_descriptor:
            raise ValueError("no question is that long")
        if by_descriptor:
            content = _read_file(descriptor, min(size_bytes, limit_bytes))
        else:
            content = receive_octets(connection, size_bytes)
    finally:
        if descriptor >= 0:
            os.close(descriptor)
    return Question(Kind(kind), key[:key_bytes], size_bytes, content)


def _head_and_descriptor(connection: socket.socket) -> tuple[bytes, int]:
    octets, ancillary, _flags, _address = connection.recvmsg(_HEAD.size, socket.CMSG_SPACE(_DESCRIPTOR.size))
    descriptor = -1
    for level, kind, value in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS and len(value) >= _DESCRIPTOR.size:
            (descriptor,) = _DESCRIPTOR.unpack_from(value)
    if len(octets) < _HEAD.size:
        if descriptor >= 0:
            os.close(descriptor)
        raise EOFError
    return octets, descriptor


def _read_file(descriptor: int, size_bytes: int) -> bytes:
    """A copy: what is read twice out of a mapping might have changed in between."""
    octets = os.pread(descriptor, size_bytes, 0)
    while len(octets) < size_bytes:
        piece = os.pread(descriptor, size_bytes - len(octets), len(octets))
        if not piece:
            raise EOFError
        octets += piece
    return octets


def receive_octets(connection: socket.socket, length: int) -> bytes:
    """Exactly so many octets. Blocks. Raises OSError, EOFError."""
    octets = bytearray()
    while len(octets) < length:
        piece = connection.recv(min(length - len(octets), _PIECE_BYTES))
        if not piece:
            raise EOFError
        octets += piece
    return bytes(octets)


def answer(outcome: Outcome, found: bytes = b"") -> bytes:
    """An answer as it goes over the wire."""
    return _LENGTH.pack(len(found) + 1) + bytes((outcome,)) + found


class Answer:
    """An answer as it arrives, in pieces."""

    __slots__ = ("_octets",)

    def __init__(self) -> None:
        self._octets = b""

    def take(self, piece: bytes) -> tuple[Outcome, bytes] | None:
        """Take a piece; the answer once it is complete. Raises ValueError when it is none."""
        self._octets = self._octets + piece if self._octets else piece
        if len(self._octets) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._octets)
        if not 0 < length <= MOST_ANSWER_BYTES:
            raise ValueError("no answer is that long")
        if len(self._octets) < _LENGTH.size + length:
            return None
        at = _LENGTH.size
        return Outcome(self._octets[at]), self._octets[at + 1 : at + length]
