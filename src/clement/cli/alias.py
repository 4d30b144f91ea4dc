"""`clement alias`: addresses that stand for others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from clement.cli.database import operator
from clement.cli.in_force import TakingUp, WaitOption, show_row
from clement.cli.options import ConfigOption, JsonOption
from clement.cli.paging import all_pages
from clement.cli.terminal import Column, print_json, print_table
from clement.cli.verbs import Verbs

if TYPE_CHECKING:
    from clement.store.records import AliasRow

app = Verbs()

Address = Annotated[str, typer.Argument(help="The address.", show_default=False)]
Targets = Annotated[
    list[str], typer.Argument(help="Mailboxes or aliases that are hosted here.", show_default=False)
]


@app.verb("add", "Let an address stand for others.")
def add(
    address: Address,
    targets: Targets,
    wait: WaitOption = True,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Let an address stand for one or several others.

    Example: clement alias add info@example.org alice@example.org bob@example.org
    """
    with operator(config) as actor:
        from clement.store.actions.alias import add_alias

        _show(add_alias(actor, address, targets), json=json, change=TakingUp(config, wait=wait))


@app.verb("list", "Show all aliases.")
def list_aliases(
    domain: Annotated[
        str, typer.Option("--domain", "-d", help="Only those of this domain.", show_default=False)
    ] = "",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Show all aliases, or those of one domain.

    Example: clement alias list --domain example.org
    """
    with operator(config) as actor:
        from clement.store.access import directory

        rows = all_pages(
            lambda after: directory.aliases(actor, domain, after=after), "", lambda row: row.address
        )
        if json:
            print_json(rows)
            return
        columns: list[Column[AliasRow]] = [
            Column("alias", lambda row: row.address),
            Column("stands for", lambda row: " ".join(row.targets)),
        ]
        print_table(rows, columns, empty="There are no aliases.")


@app.verb("show", "Show one alias.")
def show(address: Address, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show one alias.

    Example: clement alias show info@example.org
    """
    with operator(config) as actor:
        from clement.store.access import directory

        _show(directory.alias(actor, address), json=json)


@app.verb("change", "Let an alias stand for other addresses.")
def change(
    address: Address,
    targets: Targets,
    wait: WaitOption = True,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Let an alias stand for these addresses instead of those before.

    Example: clement alias change info@example.org bob@example.org
    """
    with operator(config) as actor:
        from clement.store.actions.alias import change_alias

        _show(change_alias(actor, address, targets), json=json, change=TakingUp(config, wait=wait))


@app.verb("remove", "Remove an alias.")
def remove(address: Address, wait: WaitOption = True, config: ConfigOption = None) -> None:
    """Remove an alias.

    Example: clement alias remove info@example.org
    """
    with operator(config) as actor:
        from clement.store.actions.alias import remove_alias

        remove_alias(actor, address)
        TakingUp(config, wait=wait).tell()


def _show(row: AliasRow, *, json: bool, change: TakingUp | None = None) -> None:
    show_row(
        row,
        [("alias", row.address), *(("stands for", target) for target in row.targets)],
        json=json,
        change=change,
    )
