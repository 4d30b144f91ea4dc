"""The PROXY protocol, versions 1 and 2: a load balancer says who the client really is, and whom it called.

Pure: bytes in, addresses out. Only configured peers are believed; whether the
peer is one, `listener` decides before it asks here. Source: the PROXY protocol
specification, HAProxy Technologies, 2020/03/05, §2.1 and §2.2.
"""

from __future__ import annotations

import socket
import struct
from typing import Final

import msgspec

from clement.policy.network import Address, client_address

SIGNATURE_V2: Final = b"\r\n\r\n\x00\r\nQUIT\n"
LONGEST_V1: Final = 107
LONGEST_V2: Final = 16 + 2048
_FAMILIES_V2: Final = {0x1: (socket.AF_INET, 4), 0x2: (socket.AF_INET6, 16)}
_FAMILIES_V1: Final = {b"TCP4": socket.AF_INET, b"TCP6": socket.AF_INET6}


class ProxyHeaderError(ValueError):
    """These bytes are no PROXY header; the connection cannot be trusted."""


class Announced(msgspec.Struct, frozen=True):
    """What a header said. `address` is "" when the balancer speaks for itself (LOCAL, UNKNOWN).

    destination: the address that the client called, with the same exception.
    """

    address: str
    port: int
    destination: str
    header_length: int

    def called(self) -> Address:
        """The destination. Raises ValueError where there is none."""
        return client_address(self.destination)


def parse(received: bytes) -> Announced | None:
    """The client announced at the start of `received`, or None while the header is incomplete.

    Raises ProxyHeaderError.
    """
    if received.startswith(SIGNATURE_V2[: len(received)]):
        return _parse_v2(received)
    if received.startswith(b"PROXY "[: len(received)]):
        return _parse_v1(received)
    raise ProxyHeaderError("no PROXY header")


def _parse_v1(received: bytes) -> Announced | None:
    end = received.find(b"\r\n", 0, LONGEST_V1)
    if end < 0:
        if len(received) >= LONGEST_V1:
            raise ProxyHeaderError("PROXY line too long")
        return None
    words = received[:end].split(b" ")
    if len(words) >= 2 and words[1] == b"UNKNOWN":
        return Announced("", 0, "", end + 2)
    if len(words) != 6 or words[1] not in _FAMILIES_V1:
        raise ProxyHeaderError("malformed PROXY line")
    family = _FAMILIES_V1[words[1]]
    address, destination = _text_address(family, words[2]), _text_address(family, words[3])
    return Announced(address, _port(words[4]), destination, end + 2)


def _text_address(family: socket.AddressFamily, text: bytes) -> str:
    try:
        return socket.inet_ntop(family, socket.inet_pton(family, text.decode("ascii")))
    except (OSError, ValueError) as fault:
        raise ProxyHeaderError("malformed address") from fault


def _port(text: bytes) -> int:
    if not text.isdigit() or len(text) > 5 or int(text) > 65535:
        raise ProxyHeaderError("malformed port")
    return int(text)


def _parse_v2(received: bytes) -> Announced | None:
    if len(received) < 16:
        return None
    version_command, family_protocol, length = struct.unpack_from("!BBH", received, 12)
    end = 16 + length
    if end > LONGEST_V2:
        raise ProxyHeaderError("PROXY header too long")
    if version_command not in (0x20, 0x21):
        raise ProxyHeaderError("unknown PROXY version or command")
    if len(received) < end:
        return None
    if version_command == 0x20 or family_protocol >> 4 not in _FAMILIES_V2:
        return Announced("", 0, "", end)
    family, size = _FAMILIES_V2[family_protocol >> 4]
    if length < 2 * size + 4:
        raise ProxyHeaderError("PROXY addresses cut short")
    address = socket.inet_ntop(family, received[16 : 16 + size])
    destination = socket.inet_ntop(family, received[16 + size : 16 + 2 * size])
    (port,) = struct.unpack_from("!H", received, 16 + 2 * size)
    return Announced(address, port, destination, end)
