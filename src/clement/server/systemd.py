"""The two small protocols systemd speaks with a service: notification and socket activation.

sd_notify(3): datagrams to $NOTIFY_SOCKET. sd_listen_fds(3): descriptors from 3 on,
counted by $LISTEN_FDS and named by $LISTEN_FDNAMES. Without systemd both do nothing.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Final

FIRST_DESCRIPTOR: Final = 3


def notify(message: str, environment: Mapping[str, str] = os.environ) -> None:
    """Tell systemd, e.g. `READY=1`, `RELOADING=1`, `STOPPING=1`, `STATUS=…`, `WATCHDOG=1`."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as datagrams:
        try:
            datagrams.sendto(message.encode("utf-8"), address)
        except OSError:
            # Nobody listens any more; a service goes on without its manager.
            return


def activated_sockets(
    environment: Mapping[str, str] = os.environ, process_id: int | None = None
) -> dict[str, list[int]]:
    """The descriptors passed to this process, by name (FileDescriptorName= of the socket unit).

    All sockets of one unit have its name: of two ListenStream= each is one.
    """
    wanted = os.getpid() if process_id is None else process_id
    if environment.get("LISTEN_PID") != str(wanted):
        return {}
    count = int(environment.get("LISTEN_FDS", "0"))
    names = environment.get("LISTEN_FDNAMES", "").split(":")
    named: dict[str, list[int]] = {}
    for number in range(count):
        name = names[number] if number < len(names) and names[number] else f"fd{number}"
        named.setdefault(name, []).append(FIRST_DESCRIPTOR + number)
    return named


def watchdog_interval_s(environment: Mapping[str, str] = os.environ) -> float:
    """How often systemd wants to hear from us, halved to be safe; 0 when it does not."""
    microseconds = environment.get("WATCHDOG_USEC", "")
    return int(microseconds) / 2_000_000 if microseconds.isdigit() else 0.0
