"""TLS from the first byte: a connection counts from its beginning, not from its handshake on."""

import socket
import time
from contextlib import ExitStack

from tests.server.house import Builder, still_serves

SILENT = "127.0.0.66"


def is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False


def test_case_129_silent_clients_of_a_tls_port_are_counted(build: Builder) -> None:
    house = build(tables={"limits": {"sessions_per_client": 20, "tls_timeout_s": 3}})
    with ExitStack() as stack:
        silent = []
        for _ in range(25):
            connection = stack.enter_context(
                socket.create_connection(house.address("submissions"), 5, (SILENT, 0))
            )
            connection.settimeout(0.01)
            silent.append(connection)
            time.sleep(0.02)
        time.sleep(0.5)
        assert [is_closed(connection) for connection in silent].count(True) == 5
        with house.talk("submissions", source="127.0.0.77"):
            pass
        time.sleep(4)  # their handshakes have failed by now
        with ExitStack() as talks:
            for _ in range(20):
                talks.enter_context(house.talk("submissions", source=SILENT))
    still_serves(house)
