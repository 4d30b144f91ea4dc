"""The PROXY header: any octets are a client, not yet enough, or an error; and never anything else."""

import socket
import struct
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.policy.network import client_address
from clement.server.proxy_protocol import LONGEST_V2, SIGNATURE_V2, Announced, ProxyHeaderError, parse

addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))
ports = st.integers(0, 65535)


def version_1(
    client: IPv4Address | IPv6Address, port: int, called: IPv4Address | IPv6Address | None = None
) -> bytes:
    called = called or client
    family = "TCP4" if client.version == 4 else "TCP6"
    return f"PROXY {family} {client} {called} {port} 25\r\n".encode()


def version_2(
    client: IPv4Address | IPv6Address,
    port: int,
    extra: bytes = b"",
    called: IPv4Address | IPv6Address | None = None,
) -> bytes:
    ends = client.packed + (called or client).packed + struct.pack("!HH", port, 25) + extra
    family = 0x11 if client.version == 4 else 0x21
    return SIGNATURE_V2 + struct.pack("!BBH", 0x21, family, len(ends)) + ends


@given(client=addresses, port=ports, following=st.binary(max_size=40), extra=st.binary(max_size=100))
def test_both_versions_announce_the_client_and_whom_it_called(
    client: IPv4Address | IPv6Address, port: int, following: bytes, extra: bytes
) -> None:
    called = client.__class__(int(client) ^ 1)
    for header in (version_1(client, port, called), version_2(client, port, extra, called)):
        announced = parse(header + following)
        assert announced is not None
        family = socket.AF_INET if client.version == 4 else socket.AF_INET6
        shown, ours = (socket.inet_ntop(family, each.packed) for each in (client, called))
        assert announced == Announced(shown, port, ours, len(header))
        assert announced.called() == client_address(ours)


@given(client=addresses, port=ports, cut=st.integers(0, 200))
def test_part_of_a_header_is_waited_for(client: IPv4Address | IPv6Address, port: int, cut: int) -> None:
    for header in (version_1(client, port), version_2(client, port)):
        assert parse(header[: min(cut, len(header) - 1)]) is None


@given(st.one_of(st.binary(max_size=300), st.binary(max_size=300).map(lambda octets: SIGNATURE_V2 + octets)))
def test_any_octets_are_a_header_a_beginning_or_an_error(octets: bytes) -> None:
    try:
        announced = parse(octets)
    except ProxyHeaderError:
        return
    assert announced is None or 0 < announced.header_length <= len(octets)


@pytest.mark.parametrize(
    "octets",
    [
        b"EHLO x\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 99999 25\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 -1 25\r\n",
        b"PROXY TCP4 ::1 ::1 1 25\r\n",
        b"PROXY TCP4 1.2.3.4 ours 1 25\r\n",
        b"PROXY UDP4 1.2.3.4 1.2.3.4 1 25\r\n",
        b"PROXY TCP4  1.2.3.4 1.2.3.4 1 25\r\n",
        b"PROXY " + b"x" * 107,
        SIGNATURE_V2 + b"\x22\x11\0\x00",
        SIGNATURE_V2 + b"\x21\x11\0\x0b" + bytes(11),
        SIGNATURE_V2 + struct.pack("!BBH", 0x21, 0x11, LONGEST_V2),
    ],
)
def test_what_is_no_header(octets: bytes) -> None:
    with pytest.raises(ProxyHeaderError):
        parse(octets)


def test_a_balancer_that_speaks_for_itself() -> None:
    assert parse(b"PROXY UNKNOWN whatever\r\n") == Announced("", 0, "", 24)
    assert parse(SIGNATURE_V2 + b"\x20\x00\0\x02ab") == Announced("", 0, "", 18)
    assert parse(SIGNATURE_V2 + b"\x21\x31\0\x02ab") == Announced("", 0, "", 18), (
        "a unix socket has no address"
    )
