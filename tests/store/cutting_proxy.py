"""A proxy before a database's socket that can cut the line at a COMMIT: before it, or before its answer."""

import socket
import threading
from enum import Enum
from pathlib import Path


class Cut(Enum):
    NOT = "not"
    BEFORE_COMMIT = "before COMMIT"
    BEFORE_ANSWER = "before the answer to COMMIT"


class CuttingProxy:
    """Listens at `path` and hands everything to `target`; `cut` says what happens at the next COMMIT."""

    def __init__(self, path: Path, target: Path) -> None:
        self.cut = Cut.NOT
        self.cuts = 0
        self._target = target
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _address = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(self._target))
            threading.Thread(target=self._to_server, args=(client, server), daemon=True).start()
            threading.Thread(target=self._to_client, args=(server, client), daemon=True).start()

    def _to_server(self, client: socket.socket, server: socket.socket) -> None:
        while some := _received(client):
            if b"COMMIT" in some and self.cut is not Cut.NOT:
                self.cuts += 1
                if self.cut is Cut.BEFORE_ANSWER:
                    # The client's side goes first, so that no answer can reach it.
                    self.cut = Cut.NOT
                    client.shutdown(socket.SHUT_RDWR)
                    server.sendall(some)
                    server.settimeout(5)
                    _received(server)
                self.cut = Cut.NOT
                break
            server.sendall(some)
        _hang_up(client, server)

    def _to_client(self, server: socket.socket, client: socket.socket) -> None:
        while some := _received(server):
            try:
                client.sendall(some)
            except OSError:
                return
        _hang_up(client, server)


def _received(line: socket.socket) -> bytes:
    try:
        return line.recv(65536)
    except OSError:
        return b""


def _hang_up(*lines: socket.socket) -> None:
    for line in lines:
        try:
            line.shutdown(socket.SHUT_RDWR)
        except OSError:
            continue
