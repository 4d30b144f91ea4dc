"""The page that stands on the web port: clients that say nothing hold up nobody, and not for long."""

from __future__ import annotations

import socket
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread

import pytest

from clement.web.placeholder import CLIENTS, serve
from tests.fixtures.programs import wait_until

PATIENCE_S = 20.0


@pytest.fixture
def port(tmp_path: Path, request: pytest.FixtureRequest) -> int:
    """Of a page whose requests may take a second and a half, or as long as a test says."""
    listening = socket.create_server(("127.0.0.1", 0))
    timeout_s = getattr(request, "param", 1.5)
    Thread(target=serve, args=(listening, "mx.clement.example", tmp_path, timeout_s), daemon=True).start()
    return int(listening.getsockname()[1])


def page(port: int, path: str = "/") -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.read()


def silent(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)


def is_served(port: int) -> bool:
    """Whether a client gets the page; it may be turned away while those who went have hardly gone."""
    try:
        return page(port)[0] == 200
    except ConnectionError:
        return False


@pytest.mark.parametrize("port", [60.0], indirect=True)
def test_it_names_the_server_and_knows_nothing_else(port: int) -> None:
    status, text = page(port)
    assert (status, b"mx.clement.example" in text) == (200, True)
    assert page(port, "/metrics")[0] == 200
    assert page(port, "/else")[0] == 404


@pytest.mark.parametrize("port", [60.0], indirect=True)
def test_a_silent_client_holds_up_nobody(port: int) -> None:
    with silent(port) as client:
        client.sendall(b"GET / HT")
        assert page(port)[0] == 200
        client.setblocking(False)
        with pytest.raises(BlockingIOError):
            client.recv(1000)


def test_a_silent_client_is_hung_up_on(port: int) -> None:
    with silent(port) as client:
        client.sendall(b"GET / HT")
        assert client.recv(1000) == b""


def test_more_clients_than_places_are_turned_away_and_served_later(port: int) -> None:
    clients = [silent(port) for _ in range(CLIENTS + 1)]
    ended = [client.recv(1000) for client in clients]
    assert ended == [b""] * (CLIENTS + 1)
    wait_until(lambda: is_served(port), "served again")
    for client in clients:
        client.close()
