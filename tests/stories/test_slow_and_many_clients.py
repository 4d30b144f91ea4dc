"""Clients that dawdle, that never read, that are many: each has its bound, and the others do not feel it."""

import socket
import time

import pytest

from tests.fixtures.programs import wait_until
from tests.server.house import BALANCER, Builder, House, still_serves
from tests.server.talk import Gone, Talk, message

# Of the server, in which a client of ours that is held up must still say its next words.
PATIENCE_S = 4
# Of the tests: the server's would be minutes if it did not do as it is told.
AT_MOST_S = 60.0


@pytest.fixture
def hasty(build: Builder) -> House:
    """A house with little patience."""
    return build(
        tables={
            "limits": {
                "greeting_timeout_s": PATIENCE_S,
                "command_timeout_s": PATIENCE_S,
                "data_init_timeout_s": PATIENCE_S,
                "data_block_timeout_s": PATIENCE_S,
                "write_timeout_s": PATIENCE_S,
                "tls_timeout_s": PATIENCE_S,
                "sessions_per_client": 5,
                "sessions": 12,
            }
        }
    )


def test_each_kind_of_waiting_has_an_end(hasty: House) -> None:
    silent = hasty.talk(source="127.0.50.1")
    greeted = hasty.client(source="127.0.50.2")
    no_content = hasty.client(source="127.0.50.3")
    no_content.envelope("anna@local.example")
    no_content.ask("DATA")
    half = hasty.client(source="127.0.50.4")
    half.envelope("anna@local.example")
    half.ask("DATA")
    half.send(message("half"))
    half_line = hasty.client(source="127.0.50.5")
    half_line.send(b"NOO")
    stalled_handshake = hasty.client(source="127.0.50.6")
    assert stalled_handshake.ask("STARTTLS").code == 220
    silent.expect("220")
    for client in (silent, greeted, no_content, half, half_line):
        assert [answer.codes for answer in client.rest()] == ["421 4.4.2"]
    with pytest.raises((Gone, ConnectionError)):
        stalled_handshake.answer()
    assert hasty.stored() == []
    wait_until(lambda: hasty.unfinished() == [], "nothing is left of the half message")
    still_serves(hasty)


def test_octet_by_octet_is_slow_but_no_crime_until_time_is_up(hasty: House) -> None:
    with hasty.client(source="127.0.51.1") as client:
        for octet in b"NOOP":
            client.send(bytes([octet]))
            time.sleep(0.1)
        client.send(b"\r\n")
        client.expect("250")


def test_a_command_may_not_take_for_ever(hasty: House) -> None:
    with hasty.client(source="127.0.51.2") as client, pytest.raises((AssertionError, OSError)):
        _drip(client, until_s=time.monotonic() + AT_MOST_S)


def _drip(client: Talk, until_s: float) -> None:
    while time.monotonic() < until_s:
        client.send(b"N")
        client.silent(0.3)


def test_a_client_that_never_reads(hasty: House) -> None:
    with socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        raw.bind(("127.0.52.1", 0))
        raw.connect(hasty.address())
        raw.settimeout(0.5)
        began_s, sent = time.monotonic(), 0
        gone = False
        while time.monotonic() - began_s < AT_MOST_S and not gone:
            try:
                sent += raw.send(b"EHLO me\r\n" * 500)
            except TimeoutError:
                continue
            except OSError:
                gone = True
        assert gone, f"still there after {sent} octets"
    still_serves(hasty)


def test_limits_for_one_client_and_for_all(build: Builder) -> None:
    house = build(tables={"limits": {"sessions_per_client": 5, "sessions": 12}})
    mine = [house.client(source="127.0.53.1") for _ in range(5)]
    with house.talk(source="127.0.53.1") as client:
        assert [answer.codes for answer in client.rest()] == ["421 4.7.0"]
    others = [house.client(source=f"127.0.53.{number}") for number in range(2, 9)]
    with house.talk(source="127.0.53.100") as client:
        assert [answer.codes for answer in client.rest()] == ["421 4.3.2"]
    mine[0].socket.close()
    wait_until(lambda: _is_greeted(house, "127.0.53.100"), "the place of one who left is given to another")
    for client in (*mine, *others):
        client.socket.close()
    row = house.wait_for_row(
        "SELECT outcome, reason FROM clement_session WHERE client_address = '127.0.53.1' AND reason <> ''"
    )
    assert row[1] == "too-many-sessions"


def _is_greeted(house: House, source: str) -> bool:
    with house.talk(source=source) as client:
        return client.answer().code == 220


def test_connections_a_minute(build: Builder) -> None:
    house = build(tables={"limits": {"connections_per_minute": 5, "messages_per_minute": 3}})
    for _ in range(5):
        house.client(source="127.0.54.1").socket.close()
    with house.talk(source="127.0.54.1") as client:
        assert [answer.codes for answer in client.rest()] == ["421 4.7.0"]
    with house.client(source="127.0.54.2") as client:
        for _ in range(3):
            assert client.say("MAIL FROM:<a@sender.example>", "RSET")[0].codes == "250 2.1.0"
        assert client.ask("MAIL FROM:<a@sender.example>").codes == "421 4.7.0"
        assert client.rest() == []


@pytest.mark.parametrize("kind", ["submissions", "behind-tls"])
def test_handshakes_that_never_begin(hasty: House, kind: str) -> None:
    header = b"PROXY TCP4 198.18.0.9 192.0.2.200 40000 465\r\n" if kind == "behind-tls" else b""
    source = BALANCER if header else "127.0.55.1"
    waiting = [
        socket.create_connection(hasty.address(kind), AT_MOST_S, source_address=(source, 0))
        for _ in range(20)
    ]
    for each in waiting:
        each.sendall(header)
    still_serves(hasty)
    for each in waiting:
        with each:
            assert hung_up(each)


def hung_up(connection: socket.socket) -> bool:
    try:
        return connection.recv(100) == b""
    except ConnectionError:
        return True
