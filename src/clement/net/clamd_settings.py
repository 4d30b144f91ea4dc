"""Where clamd listens and how much is asked of it at once: values, no behaviour beyond parsing an address."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

MIB = 1024 * 1024
SCANS_A_CORE = 2


class ClamdAddress(msgspec.Struct, frozen=True):
    """One clamd: the path of its Unix socket, or host and port when `path` is empty."""

    path: str = ""
    host: str = ""
    port: int = 0

    @classmethod
    def parse(cls, text: str) -> ClamdAddress:
        """Read `/path`, `unix:/path`, `host:port`, `tcp:host:port` or `tcp:[IPv6]:port`.

        Raises ValueError naming what is wrong.
        """
        path = text.removeprefix("unix:")
        if path.startswith("/"):
            return cls(path=path)
        host, colon, port = text.removeprefix("tcp:").rpartition(":")
        if not colon or not host or not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            raise ValueError(f"not a clamd address (unix:/path or tcp:host:port): {text!r}")
        return cls(host=host.removeprefix("[").removesuffix("]"), port=int(port))

    def __str__(self) -> str:
        return f"unix:{self.path}" if self.path else f"tcp:{self.host}:{self.port}"


def _default_scans_at_once() -> int:
    return SCANS_A_CORE * (os.cpu_count() or 1)


class ClamdSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a process uses its clamds.

    addresses: in order of preference among equally busy ones.
    hold_bytes: content up to this size is kept whole, sent in one piece when it is complete, and can
      therefore be asked of a second clamd; longer content is sent while it arrives.
    scans_at_once: scans that clamd works on for us; beyond about two a core it only gets slower.
    scans_waiting, wait_s: how many scans wait for one of those, and how long; the next is told at once.
    long_places: files that stand for the scans of long contents of all processes at once; (): no bound.
    uploads_at_once: long contents on their way. They cost clamd a connection and disk, no scanning thread.
    starving_s: an upload that got nothing for so long loses its place to one that waits for it.
    stall_s: how long connecting, or clamd's not reading, is borne.
    timeout_*: what a scan may last, growing with the size of the content up to the cap.
    shun_s: for so long a clamd that failed is asked after the others.
    """

    addresses: tuple[ClamdAddress, ...]
    hold_bytes: int = 256 * 1024
    scans_at_once: int = msgspec.field(default_factory=_default_scans_at_once)
    scans_waiting: int = 200
    wait_s: float = 20.0
    long_places: tuple[Path, ...] = ()
    uploads_at_once: int = 32
    starving_s: float = 10.0
    stall_s: float = 10.0
    timeout_base_s: float = 10.0
    timeout_per_mib_s: float = 2.0
    timeout_cap_s: float = 60.0
    shun_s: float = 15.0

    def timeout_s(self, size_bytes: int) -> float:
        """How long clamd may take over content of this size."""
        return min(self.timeout_cap_s, self.timeout_base_s + self.timeout_per_mib_s * size_bytes / MIB)
