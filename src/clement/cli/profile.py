"""The two configurations that `clement init` writes: for a mail host, and for trying things at home."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from clement.config.describe import toml_string
from clement.config.sample import write_sample

SYSTEM_SCANNER = "unix:/run/clamav/clamd.ctl"


class Profile(msgspec.Struct, frozen=True):
    """What a new configuration says beyond the defaults.

    listeners: kind and address of each. tables: settings by table, as TOML values.
    """

    hostname: str
    listeners: Sequence[tuple[str, str]]
    tables: Mapping[str, Mapping[str, str]]


def host_profile(hostname: str) -> Profile:
    """A mail host: the well-known ports on every address, IPv4 and IPv6."""
    ports = (("mx", 25), ("submission", 587), ("submissions", 465))
    listeners = [(kind, f"{host}:{port}") for kind, port in ports for host in ("0.0.0.0", "[::]")]  # noqa: S104
    return Profile(hostname=hostname, listeners=listeners, tables={})


def local_profile(hostname: str) -> Profile:
    """This machine only, ports that need no rights, whichever clamd there is: the system's or our own."""
    listeners = [
        ("mx", "127.0.0.1:2525"),
        ("submission", "127.0.0.1:2587"),
        ("submissions", "127.0.0.1:2465"),
    ]
    scanners = ", ".join(toml_string(address) for address in (SYSTEM_SCANNER, "unix:run/clamd.sock"))
    tables = {
        "site": {"postmaster": toml_string("postmaster@local.example")},
        "processes": {"receivers": "1"},
        "scanner": {"addresses": f"[{scanners}]"},
        "web": {"address": toml_string("127.0.0.1:8025"), "url": toml_string("http://127.0.0.1:8025")},
    }
    return Profile(hostname=hostname, listeners=listeners, tables=tables)


def write_configuration(profile: Profile, state: Path, folder: Path) -> str:
    """The text of a clement.toml in `folder` whose state is in `state`."""
    tables: dict[str, dict[str, str]] = {name: dict(table) for name, table in profile.tables.items()}

    def place(table: str, key: str, name: str, *, is_default: bool = True) -> None:
        if state != folder or not is_default:
            path = name if state == folder else str(state / name)
            tables.setdefault(table, {})[key] = toml_string(path)

    tables.setdefault("site", {})["hostname"] = toml_string(profile.hostname)
    place("tls", "certificate", "tls/certificate.pem", is_default=False)
    place("tls", "key", "tls/key.pem", is_default=False)
    place("processes", "run_folder", "run")
    place("database", "path", "clement.sqlite3")
    place("store", "mail_root", "mail")
    place("spool", "folder", "spool")
    place("journal", "folder", "journal")
    place("held", "folder", "held")
    listeners = [
        {"kind": toml_string(kind), "address": toml_string(address)} for kind, address in profile.listeners
    ]
    return write_sample(tables, listeners)
