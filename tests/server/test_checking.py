"""A checker takes what can be a header, and nothing longer."""

import asyncio
import os
import signal
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from clement.message.grammar import MessageFacts
from clement.message.headers import MAX_HEADER_BYTES
from clement.server.checking import CheckerFailure, HeaderReader, serve_checks


class Block:
    """Content of which only the header is asked for."""

    def __init__(self, header_block: bytes) -> None:
        self.header_block = header_block


@pytest.fixture
def checker(short_folder: Path) -> Iterator[Path]:
    path = short_folder / "checkers.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        process_id = os.fork()
        if process_id == 0:
            try:
                serve_checks(listening)
            finally:
                os._exit(1)
        yield path
        os.kill(process_id, signal.SIGKILL)
        os.waitpid(process_id, 0)


async def examined(path: Path, block: bytes) -> MessageFacts:
    reading = HeaderReader(path, inline_bytes=0)(Block(block))  # type: ignore[arg-type]
    assert not isinstance(reading, MessageFacts)
    return await reading


def test_the_longest_header_is_read(checker: Path) -> None:
    block = b"From: a@b.example\r\nX-Long: " + b"x" * MAX_HEADER_BYTES
    assert isinstance(asyncio.run(examined(checker, block[: MAX_HEADER_BYTES + 1])), MessageFacts)


def test_what_is_longer_ends_the_connection_and_not_the_checker(checker: Path) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(checker))
        client.sendall(struct.pack("!I", 0xFFFFFFFF))
        client.settimeout(5)
        assert client.recv(1) == b""
    with pytest.raises(CheckerFailure):
        asyncio.run(examined(checker, b"x" * (MAX_HEADER_BYTES + 2)))
    assert isinstance(asyncio.run(examined(checker, b"From: a@b.example\r\n")), MessageFacts)
