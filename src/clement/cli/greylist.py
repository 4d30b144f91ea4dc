"""`clement greylist`: who was asked to come back, who has, and who need not."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from clement.cli.options import ConfigOption, JsonOption, load_settings
from clement.cli.terminal import Column, local_time, print_facts, print_json, print_table, say
from clement.cli.verbs import Verbs

if TYPE_CHECKING:
    from pathlib import Path

    from clement.cli.greylist_rows import GreylistRow

app = Verbs()

Which = Annotated[
    str,
    typer.Argument(help="The id of an entry, as `list` shows it, or a source.", show_default=False),
]
Source = Annotated[
    str,
    typer.Argument(help="An address or network of a client, or @DOMAIN that SPF proves.", show_default=False),
]


@app.verb("list", "Show who waits, who is known, or to whom people have written.")
def list_entries(
    what: Annotated[
        Literal["contacts", "sources", "correspondents"],
        typer.Argument(
            help="contacts: who was asked to come back; sources: networks and domains that have come back; "
            "correspondents: whom people here have written to."
        ),
    ] = "contacts",
    match: Annotated[
        str, typer.Option(help="Only entries with this text in an address.", show_default=False)
    ] = "",
    limit: Annotated[int, typer.Option(help="At most so many, the latest first.", min=1, max=100_000)] = 100,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Show what greylisting remembers, the latest first.

    Examples:
    clement greylist list --match anna@example.org
    clement greylist list sources --limit 20
    """
    from heapq import nlargest

    from clement.cli.greylist_rows import remembered, rows_of

    with remembered(_folder(config)) as memory:
        found = rows_of(memory, what, time.time(), match)
        rows = nlargest(limit, found, key=lambda row: row.last_s)
    if json:
        print_json(rows)
        return
    print_table(rows, _COLUMNS[what], empty="Greylisting remembers nothing of the kind.")


@app.verb("show", "Show one entry.")
def show(which: Which, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show one entry.

    Examples:
    clement greylist show 3f9a0c11be42
    clement greylist show 192.0.2.0/24
    """
    from clement.cli.greylist_rows import one_of, remembered

    with remembered(_folder(config)) as memory:
        _table, _entry, row = one_of(memory, which, time.time())
    if json:
        print_json([row])
        return
    print_facts(
        [
            ("entry", row.id),
            ("state", row.state.value),
            ("source", row.source),
            ("from", row.reverse_path),
            ("to", row.recipient),
            ("first seen", local_time(row.first_s)),
            ("last seen", local_time(row.last_s)),
            ("may come back", local_time(row.ready_s) if row.ready_s else ""),
            ("count", str(row.count) if row.count else ""),
            ("usually needs", f"{row.usual_s} s" if row.usual_s else ""),
        ]
    )


@app.verb("forget", "Forget one entry.")
def forget(which: Which, config: ConfigOption = None) -> None:
    """Forget one entry: the contact or source is a stranger again.

    Example: clement greylist forget 3f9a0c11be42
    """
    from clement.cli.greylist_rows import one_of, remembered

    with remembered(_folder(config), writable=True) as memory:
        table, entry, row = one_of(memory, which, time.time())
        table.remove(entry.key)
    say(f"forgotten: {row.state.value} {row.id}")


@app.verb("allow", "Never ask a source to come back.")
def allow(source: Source, config: ConfigOption = None) -> None:
    """Never ask a source to come back, until `clement greylist forget`.

    A source is one network of IPv4 /24 or IPv6 /64, or a domain whose mail SPF proves. For larger
    networks, or one recipient, there is `clement directive add skip-greylisting`.

    Examples:
    clement greylist allow 192.0.2.25
    clement greylist allow @bank.example
    """
    from clement.cli.greylist_rows import remembered, source_named

    name = source_named(source)
    with remembered(_folder(config), writable=True) as memory:
        memory.allow(name, time.time())
    say(f"allowed: {name}")


def _folder(config: Path | None) -> Path:
    from clement.cli.paths import Paths

    return Paths.of(load_settings(config)).greylist


def _columns(*columns: Column[GreylistRow]) -> list[Column[GreylistRow]]:
    return [Column("entry", lambda row: row.id), *columns, Column("last", lambda row: local_time(row.last_s))]


_COLUMNS = {
    "contacts": _columns(
        Column("state", lambda row: row.state.value),
        Column("source", lambda row: row.source),
        Column("from", lambda row: row.reverse_path),
        Column("to", lambda row: row.recipient),
        Column("may come back", lambda row: local_time(row.ready_s) if row.ready_s else ""),
    ),
    "sources": _columns(
        Column("state", lambda row: row.state.value),
        Column("source", lambda row: row.source),
        Column("proofs", lambda row: str(row.count), is_number=True),
        Column("usually needs", lambda row: f"{row.usual_s} s" if row.usual_s else "", is_number=True),
    ),
    "correspondents": _columns(
        Column("who", lambda row: row.reverse_path),
        Column("has written to", lambda row: row.recipient),
        Column("messages", lambda row: str(row.count), is_number=True),
    ),
}
