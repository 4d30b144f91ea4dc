"""The PROXY protocol: believed from the configured balancer, from nobody else, also before implicit TLS."""

import socket
import struct

import pytest

from tests.server.furnish import LOGIN, PASSWORD
from tests.server.house import BALANCER, Server
from tests.server.talk import Gone, Talk, message

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def version_2(address: str, *, command: int = 1, extra: bytes = b"") -> bytes:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    ours = "2001:db8::1" if ":" in address else "192.0.2.200"
    ends = (
        socket.inet_pton(family, address)
        + socket.inet_pton(family, ours)
        + struct.pack("!HH", 40000, 25)
        + extra
    )
    return SIGNATURE + struct.pack("!BBH", 0x20 | command, 0x21 if ":" in address else 0x11, len(ends)) + ends


def seen_as(server: Server, client: Talk, subject: str) -> bytes:
    client.open()
    client.envelope("anna@local.example")
    assert client.content(message(subject)).code == 250
    server.copies += 1
    return server.read_back(subject)


def connect(server: Server, header: bytes, *, kind: str = "behind", source: str = BALANCER) -> Talk:
    return Talk(server.house.address(kind), source=source, before=header, tls=kind == "behind-tls")


@pytest.mark.parametrize(
    ("address", "header"),
    [
        ("198.18.0.1", b"PROXY TCP4 198.18.0.1 192.0.2.200 40000 25\r\n"),
        ("IPv6:2001:db8:9::1", b"PROXY TCP6 2001:db8:9::1 2001:db8::1 40000 25\r\n"),
        ("198.18.0.2", version_2("198.18.0.2")),
        ("IPv6:2001:db8:9::2", version_2("2001:db8:9::2", extra=b"\x04\0\x02ab")),
        ("127.0.0.2", version_2("198.18.0.2", command=0)),
        ("127.0.0.2", b"PROXY UNKNOWN\r\n"),
    ],
)
def test_the_balancer_is_believed(server: Server, address: str, header: bytes) -> None:
    subject = f"balanced-{len(header)}-{address}"
    with connect(server, header) as client:
        assert f"[{address}]".encode() in seen_as(server, client, subject)


def test_a_header_in_pieces(server: Server) -> None:
    header = version_2("198.18.0.3")
    with Talk(server.house.address("behind"), source=BALANCER) as client:
        for octet in header:
            client.send(bytes([octet]))
        assert b"[198.18.0.3]" in seen_as(server, client, "in-pieces")


def test_implicit_tls_behind_the_header(server: Server) -> None:
    with connect(server, version_2("198.18.0.4"), kind="behind-tls") as client:
        client.open()
        assert client.log_in(LOGIN, PASSWORD).code == 235
        client.envelope("bruno@local.example", sender=LOGIN)
        assert client.content(message("tls-behind", author=LOGIN)).code == 250
        server.copies += 1
    assert b"[198.18.0.4]" in server.read_back("tls-behind")


@pytest.mark.parametrize(
    "header",
    [
        b"EHLO balancer\r\n",
        b"PROXY TCP4 999.0.0.1 1.1.1.1 1 2\r\n",
        b"PROXY TCP4 1.2.3.4\r\n",
        b"PROXY " + b"x" * 200,
        SIGNATURE + b"\x31\x11\0\x0c" + bytes(12),
        SIGNATURE + b"\x21\x11\xff\xff",
        SIGNATURE + b"\x21\x11\0\x04" + bytes(4),
    ],
)
def test_a_balancer_that_says_nonsense_is_hung_up_on(server: Server, header: bytes) -> None:
    with connect(server, header) as client, pytest.raises((Gone, ConnectionError)):
        client.answer()


def test_others_may_come_in_person_but_announce_nobody(server: Server) -> None:
    with server.talk("behind") as client:
        assert b"[127.0.0.1]" in seen_as(server, client, "in-person")
    with connect(server, b"PROXY TCP4 198.18.0.1 192.0.2.200 40000 25\r\n", source="127.0.0.9") as client:
        client.expect("220", "550 5.7.0")
        assert client.rest() == []
