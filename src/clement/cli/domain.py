"""`clement domain`: the domains that are hosted here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from clement.cli.database import operator
from clement.cli.in_force import TakingUp, WaitOption, show_row
from clement.cli.options import ConfigOption, JsonOption
from clement.cli.terminal import Column, print_json, print_table
from clement.cli.verbs import Verbs

if TYPE_CHECKING:
    from clement.store.records import DomainRow

app = Verbs()

Name = Annotated[str, typer.Argument(help="The domain's name.", show_default=False)]
CatchAllOption = Annotated[
    str | None,
    typer.Option(
        help="Who gets mail for unknown mailboxes of the domain; empty for nobody.", show_default=False
    ),
]
SeparatorOption = Annotated[
    str | None,
    typer.Option(
        "--separator",
        help="What begins a subaddress (alice+shop@example.org), by default +; empty for none.",
        show_default=False,
    ),
]


@app.verb("add", "Host a domain.")
def add(
    name: Name,
    group: Annotated[str, typer.Option("--group", "-g", help="The group it belongs to.", show_default=False)],
    catch_all: CatchAllOption = None,
    separator: SeparatorOption = None,
    wait: WaitOption = True,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Host a domain. Its group says whether mail is stored here or relayed.

    Example: clement domain add example.org --group family
    """
    with operator(config) as actor:
        from clement.store.actions.domain import add_domain

        row = add_domain(
            actor,
            name,
            group,
            catch_all=catch_all or "",
            subaddress_separator="+" if separator is None else separator,
        )
        _show(row, json=json, change=TakingUp(config, wait=wait))


@app.verb("list", "Show all domains.")
def list_domains(
    group: Annotated[
        str, typer.Option("--group", "-g", help="Only those of this group.", show_default=False)
    ] = "",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Show all domains, or those of one group.

    Example: clement domain list --group family
    """
    with operator(config) as actor:
        from clement.store.access import directory

        rows = directory.domains(actor, group)
    if json:
        print_json(rows)
        return
    columns: list[Column[DomainRow]] = [
        Column("domain", lambda row: row.name),
        Column("group", lambda row: row.group_name),
        Column("mode", lambda row: row.mode.value if row.enabled else f"{row.mode.value} (off)"),
        Column("mailboxes", lambda row: str(row.mailbox_count), is_number=True),
        Column("catch-all", lambda row: row.catch_all),
    ]
    print_table(rows, columns, empty="There are no domains: `clement domain add NAME --group GROUP`.")


@app.verb("show", "Show one domain.")
def show(name: Name, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show one domain.

    Example: clement domain show example.org
    """
    with operator(config) as actor:
        from clement.store.access import directory

        _show(directory.domain(actor, name), json=json)


@app.verb("change", "Change a domain.", names_changes=True)
def change(
    name: Name,
    catch_all: CatchAllOption = None,
    separator: SeparatorOption = None,
    on: Annotated[
        bool | None,
        typer.Option("--on/--off", help="Whether mail for it is taken at all.", show_default=False),
    ] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            "--policy",
            help="A setting in which it says otherwise than its group; NAME= to have the group's again.",
            metavar="NAME=VALUE",
            show_default=False,
        ),
    ] = None,
    wait: WaitOption = True,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Change what is named; the rest stays.

    Examples:
    clement domain change example.org --catch-all alice@example.org
    clement domain change example.org --off
    clement domain change example.org --policy quarantine_at=4.6 --policy spf_fail=quarantine
    """
    from msgspec import UNSET

    from clement.cli.phrases import policy_words

    said = policy_words(policy or ())
    with operator(config) as actor:
        from clement.store.actions.domain import DomainChange, change_domain

        wanted = DomainChange(
            enabled=UNSET if on is None else on,
            catch_all=UNSET if catch_all is None else catch_all,
            subaddress_separator=UNSET if separator is None else separator,
            policy=said or UNSET,
        )
        _show(change_domain(actor, name, wanted), json=json, change=TakingUp(config, wait=wait))


@app.verb("remove", "Host a domain no longer.")
def remove(
    name: Name,
    with_mailboxes: Annotated[
        bool, typer.Option("--with-mailboxes", help="Also its mailboxes, aliases and persons.")
    ] = False,
    wait: WaitOption = True,
    config: ConfigOption = None,
) -> None:
    """Host a domain no longer. Mail that is stored stays on disk.

    Example: clement domain remove example.org --with-mailboxes
    """
    with operator(config) as actor:
        from clement.store.actions.domain import remove_domain

        remove_domain(actor, name, with_mailboxes=with_mailboxes)
        TakingUp(config, wait=wait).tell()


def _show(row: DomainRow, *, json: bool, change: TakingUp | None = None) -> None:
    from clement.cli.phrases import policy_text

    show_row(
        row,
        [
            ("domain", row.name),
            ("group", row.group_name),
            ("mode", row.mode.value),
            ("state", "on" if row.enabled else "off: its mail is refused"),
            ("catch-all", row.catch_all),
            ("separator", row.subaddress_separator or "none"),
            ("mailboxes", str(row.mailbox_count)),
            *((f"own {name}", policy_text(value)) for name, value in row.policy.items()),
        ],
        json=json,
        change=change,
    )
