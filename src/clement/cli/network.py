"""`clement network`: what is said of the networks that clients come from."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from clement.cli.database import operator
from clement.cli.exit_codes import ExitCode, Failure
from clement.cli.in_force import TakingUp, WaitOption, show_row
from clement.cli.options import ConfigOption, JsonOption
from clement.cli.terminal import Column, complain, local_time, print_json, print_table
from clement.cli.verbs import Verbs

if TYPE_CHECKING:
    from clement.store.access.actor import Actor
    from clement.store.records import NetworkRow

app = Verbs()

Which = Annotated[str, typer.Argument(help="The entry's number, or its network.", show_default=False)]
StandingName = Literal["relayable", "not-relayable", "trusted", "banned"]
ExpiresOption = Annotated[
    str | None,
    typer.Option(help="When it ends: 30min, 2h, 7d, 4w or a date; never for no end.", show_default=False),
]
FinalOption = Annotated[
    bool | None,
    typer.Option(
        "--final/--not-final", help="No recipient's directive can lift this ban.", show_default=False
    ),
]
NoteOption = Annotated[str | None, typer.Option(help="Why, for whoever reads it later.", show_default=False)]


@app.verb("add", "Say something of a network.")
def add(
    network: Annotated[
        str, typer.Argument(help="A network such as 192.0.2.0/24 or 2001:db8::/32.", show_default=False)
    ],
    standing: Annotated[StandingName, typer.Argument(help="What is said of it.", show_default=False)],
    final: FinalOption = None,
    expires: ExpiresOption = None,
    note: NoteOption = None,
    wait: WaitOption = True,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Say that a network may relay, may not, is trusted or banned. The longest prefix wins.

    Examples:
    clement network add 192.0.2.0/24 relayable --note "the office"
    clement network add 192.0.2.7/32 not-relayable --note "the guest machine in it"
    clement network add 198.51.100.0/24 banned --expires 7d
    """
    expires_at_s = _expiry(expires)
    with operator(config) as actor:
        from clement.policy.network import Standing
        from clement.store.access import directory
        from clement.store.actions.network import add_network

        noted = add_network(
            actor,
            network,
            Standing(standing),
            final=bool(final),
            expires_at_s=expires_at_s or 0,
            note=note or "",
        )
        for text in noted.notes:
            complain(f"note: {text}")
        _show(directory.network(actor, noted.id), json=json, change=TakingUp(config, wait=wait))


@app.verb("list", "Show all networks.")
def list_networks(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show all networks, in order of their addresses.

    Example: clement network list
    """
    with operator(config) as actor:
        from clement.store.access import directory

        rows = directory.networks(actor)
    if json:
        print_json(rows)
        return
    columns: list[Column[NetworkRow]] = [
        Column("id", lambda row: str(row.id), is_number=True),
        Column("network", lambda row: row.network),
        Column("standing", lambda row: row.standing.value + (" (final)" if row.final else "")),
        Column("ends", lambda row: local_time(row.expires_at_s) if row.expires_at_s else ""),
        Column("note", lambda row: row.note),
    ]
    print_table(rows, columns, empty="Nothing is said of any network: nobody may relay, nobody is banned.")


@app.verb("show", "Show one network.")
def show(which: Which, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show what is said of one network.

    Example: clement network show 192.0.2.0/24
    """
    with operator(config) as actor:
        for row in _find(actor, which):
            _show(row, json=json)


@app.verb("change", "Change what is said of a network.", names_changes=True)
def change(
    which: Which,
    standing: Annotated[
        StandingName | None, typer.Option(help="What is said of it.", show_default=False)
    ] = None,
    final: FinalOption = None,
    expires: ExpiresOption = None,
    note: NoteOption = None,
    wait: WaitOption = True,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Change what is named; the rest stays.

    Example: clement network change 198.51.100.0/24 --expires never --final
    """
    from msgspec import UNSET

    expires_at_s = _expiry(expires)
    with operator(config) as actor:
        from clement.policy.network import Standing
        from clement.store.actions.network import NetworkChange, change_network

        wanted = NetworkChange(
            standing=UNSET if standing is None else Standing(standing),
            final=UNSET if final is None else final,
            expires_at_s=UNSET if expires_at_s is None else expires_at_s,
            note=UNSET if note is None else note,
        )
        _show(
            change_network(actor, _find_one(actor, which).id, wanted),
            json=json,
            change=TakingUp(config, wait=wait),
        )


@app.verb("remove", "Say nothing of a network any more.")
def remove(which: Which, wait: WaitOption = True, config: ConfigOption = None) -> None:
    """Say nothing of a network any more.

    Example: clement network remove 198.51.100.0/24
    """
    with operator(config) as actor:
        from clement.store.actions.network import remove_network

        remove_network(actor, _find_one(actor, which).id)
        TakingUp(config, wait=wait).tell()


def _find(actor: Actor, which: str) -> list[NetworkRow]:
    """The entry of this number, or all of this network: one may be relayable and banned at once."""
    from ipaddress import ip_network

    from clement.store.access import directory

    if which.isdecimal():
        return [directory.network(actor, int(which))]
    try:
        wanted = str(ip_network(which))
    except ValueError:
        raise Failure(
            ExitCode.USAGE, f"expected a number or a network such as 192.0.2.0/24, found {which}"
        ) from None
    found = [row for row in directory.networks(actor) if row.network == wanted]
    if not found:
        raise Failure(ExitCode.NOT_FOUND, f"no network {which}")
    return found


def _find_one(actor: Actor, which: str) -> NetworkRow:
    found = _find(actor, which)
    if len(found) > 1:
        numbers = ", ".join(f"{row.id} ({row.standing.value})" for row in found)
        raise Failure(ExitCode.NEGATIVE, f"{which} has several entries, name one by its number: {numbers}")
    return found[0]


def _expiry(text: str | None) -> int | None:
    from clement.cli.phrases import expiry_s

    return None if text is None else expiry_s(text, "--expires", time.time())


def _show(row: NetworkRow, *, json: bool, change: TakingUp | None = None) -> None:
    show_row(
        row,
        [
            ("network", row.network),
            ("number", str(row.id)),
            ("standing", row.standing.value),
            ("final", "no recipient's directive can lift this ban" if row.final else ""),
            ("ends", local_time(row.expires_at_s) if row.expires_at_s else "never"),
            ("note", row.note),
        ],
        json=json,
        change=change,
    )
