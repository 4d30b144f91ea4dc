"""A clamd that does what a test tells it to: it takes a stream, then speaks, drips, stalls or hangs up."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path

Act = Callable[["_Handler"], None]


class FakeClamd:
    """Listens on a unix socket. `act` runs for each connection; `seen` are the contents it was given."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.act: Act = clean
        self.seen: list[bytes] = []
        self._server = _Server(str(path), _Handler)
        self._server.fake = self
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 200
    fake: FakeClamd


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        try:
            self.server.fake.act(self)
        except (OSError, EOFError):
            return

    def take(self) -> bytes:
        """Read one INSTREAM to its end."""
        command = self._read(10)
        assert command == b"zINSTREAM\0", command
        content = b""
        while (length := struct.unpack("!I", self._read(4))[0]) > 0:
            content += self._read(length)
        self.server.fake.seen.append(content)
        return content

    def say(self, octets: bytes) -> None:
        self.request.sendall(octets)

    def _read(self, count: int) -> bytes:
        octets = self.request.recv(count, socket.MSG_WAITALL)
        if len(octets) != count:
            raise EOFError
        return bytes(octets)


def clean(handler: _Handler) -> None:
    handler.take()
    handler.say(b"stream: OK\0")


def replying(*pieces: bytes, pause_s: float = 0.0) -> Act:
    """Take the stream, then say these pieces with pauses between them."""

    def act(handler: _Handler) -> None:
        handler.take()
        for piece in pieces:
            handler.say(piece)
            time.sleep(pause_s)

    return act


def hanging_up(handler: _Handler) -> None:
    """Reset the connection in the middle of the stream."""
    handler.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def stalling(handler: _Handler) -> None:
    """Take everything and never answer."""
    handler.take()
    handler.request.recv(1)
