"""TLS from the first byte: a connection counts from its beginning, not from its handshake on."""

import socket
from contextlib import ExitStack

from tests.fixtures.programs import wait_until
from tests.server.house import Builder, still_serves

SILENT = "127.0.0.66"
# So long that a busy machine is done with the first part before, so short that we can wait for it.
TLS_TIMEOUT_S = 8


def is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False


def closed(connections: list[socket.socket]) -> int:
    return [is_closed(connection) for connection in connections].count(True)


def test_case_129_silent_clients_of_a_tls_port_are_counted(build: Builder) -> None:
    house = build(tables={"limits": {"sessions_per_client": 20, "tls_timeout_s": TLS_TIMEOUT_S}})
    with ExitStack() as stack:
        silent = []
        for _ in range(25):
            connection = stack.enter_context(
                socket.create_connection(house.address("submissions"), 30, (SILENT, 0))
            )
            connection.setblocking(False)
            silent.append(connection)
        wait_until(lambda: closed(silent) >= 5, "those beyond the bound are turned away")
        with house.talk("submissions", source="127.0.0.77"):
            pass
        assert closed(silent) == 5
        wait_until(lambda: closed(silent) == 25, "their handshakes have failed")
        with ExitStack() as talks:
            for _ in range(20):
                talks.enter_context(house.talk("submissions", source=SILENT))
    still_serves(house)
