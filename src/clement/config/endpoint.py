"""Where something listens or can be reached: a TCP port, a Unix socket, or a socket that systemd opened."""

from __future__ import annotations

import os
import re
from ipaddress import ip_address
from pathlib import Path

import msgspec


class TcpEndpoint(msgspec.Struct, frozen=True):
    """A numeric address and a port; `port` 0 lets the system choose. `host` has no brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        """`127.0.0.1:25`, `[::1]:25`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class UnixEndpoint(msgspec.Struct, frozen=True):
    """A Unix stream socket."""

    path: Path

    def __str__(self) -> str:
        """`unix:/run/clement/lmtp`."""
        return f"unix:{self.path}"


class InheritedEndpoint(msgspec.Struct, frozen=True):
    """A listening socket that systemd passes under this name (FileDescriptorName=, sd_listen_fds(3))."""

    name: str

    def __str__(self) -> str:
        """`fd:mx`."""
        return f"fd:{self.name}"


Endpoint = TcpEndpoint | UnixEndpoint | InheritedEndpoint

LONGEST_UNIX_ADDRESS = 107
"""Octets: unix(7), `sun_path` without its NUL."""

EXPECTED = '"ADDRESS:PORT" (such as "127.0.0.1:25" or "[::1]:25"), "unix:PATH" or "fd:NAME"'

_TCP = re.compile(r"(?:\[(?P<bracketed>[^\]]*)\]|(?P<plain>[^:\[\]]*)):(?P<port>[0-9]{1,5})")


def parse_endpoint(text: str, folder: Path) -> Endpoint:
    """Read an endpoint; a relative socket path is taken from `folder`. Raises ValueError."""
    kind, mark, rest = text.partition(":")
    if kind == "unix" and mark and rest:
        return _unix(folder / rest)
    if kind == "fd" and mark and rest:
        return InheritedEndpoint(rest)
    found = _TCP.fullmatch(text)
    if found is None:
        raise ValueError(f"expected {EXPECTED}")
    return _tcp(found["bracketed"], found["plain"], int(found["port"]))


def _unix(path: Path) -> UnixEndpoint:
    if len(os.fsencode(path)) > LONGEST_UNIX_ADDRESS or "\0" in str(path):
        raise ValueError(f"expected the path of a socket, without NUL, at most {LONGEST_UNIX_ADDRESS} octets")
    return UnixEndpoint(path)


def _tcp(bracketed: str | None, plain: str | None, port: int) -> TcpEndpoint:
    if port > 65535:
        raise ValueError("expected a port from 0 to 65535")
    host = bracketed if bracketed is not None else plain or ""
    try:
        address = ip_address(host)
    except ValueError:
        raise ValueError("expected a numeric address before the port (0.0.0.0 or [::] for all)") from None
    if (address.version == 6) != (bracketed is not None):
        raise ValueError("expected brackets around an IPv6 address, and around nothing else")
    return TcpEndpoint(str(address), port)
