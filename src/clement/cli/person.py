"""`clement person`: who may log in, as what, and post as whom."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clement.cli.database import operator
from clement.cli.exit_codes import unreadable
from clement.cli.in_force import TakingUp, WaitOption, show_row
from clement.cli.options import ConfigOption, JsonOption
from clement.cli.paging import all_pages
from clement.cli.terminal import Column, complain, print_json, print_table
from clement.cli.verbs import Verbs

if TYPE_CHECKING:
    from clement.store.access.actor import Actor
    from clement.store.records import PersonRow

app = Verbs()

Login = Annotated[str, typer.Argument(help="The login: an address, or a bare name.", show_default=False)]
PasswordFileOption = Annotated[
    Path | None,
    typer.Option(
        help="Take the password from the first line of this file (- for standard input).",
        allow_dash=True,
        show_default=False,
    ),
]
RoleOption = Annotated[
    list[str] | None,
    typer.Option(
        "--grant", help="A role: root, group:NAME or domain:NAME.", metavar="ROLE", show_default=False
    ),
]
SendAsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--allow",
        help="Let him post as this address, or as all of @DOMAIN.",
        metavar="PATTERN",
        show_default=False,
    ),
]


@app.verb("add", "Add a person; a password is made and shown once.")
def add(
    login: Login,
    grant: RoleOption = None,
    allow: SendAsOption = None,
    password_file: PasswordFileOption = None,
    wait: WaitOption = True,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Add a person. Without --password-file a password is made, and shown this once on standard error.

    A person whose login is the address of a mailbox that nobody owns gets that mailbox.

    Examples:
    clement person add alice@example.org
    clement person add carol@example.org --grant domain:example.org --allow @example.org
    """
    password, is_made = _password(password_file)
    with operator(config) as actor:
        from clement.store.actions.person import add_person

        row = add_person(actor, login, password)
        _change_rights(actor, row.login, grant=grant, allow=allow)
        if is_made:
            complain(f"password: {password}")
        _show(_read(actor, row.login), json=json, change=TakingUp(config, wait=wait))


@app.verb("list", "Show all persons.")
def list_persons(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show all persons.

    Example: clement person list --json
    """
    with operator(config) as actor:
        from clement.store.access import directory

        rows = all_pages(lambda after: directory.persons(actor, after=after), "", lambda row: row.login)
        if json:
            print_json(rows)
            return
        columns: list[Column[PersonRow]] = [
            Column("login", lambda row: row.login),
            Column("roles", _roles),
            Column("state", _state),
            Column("mailboxes", lambda row: " ".join(row.mailboxes)),
        ]
        print_table(rows, columns, empty="There are no persons.")


@app.verb("show", "Show one person.")
def show(login: Login, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show one person.

    Example: clement person show alice@example.org
    """
    with operator(config) as actor:
        _show(_read(actor, login), json=json)


@app.verb("change", "Change a person's password, roles or rights.", names_changes=True)
def change(
    login: Login,
    on: Annotated[
        bool | None, typer.Option("--on/--off", help="Whether he may log in.", show_default=False)
    ] = None,
    new_password: Annotated[
        bool, typer.Option("--new-password", help="Make a new password and show it once.")
    ] = False,
    password_file: PasswordFileOption = None,
    grant: RoleOption = None,
    revoke: Annotated[
        list[str] | None,
        typer.Option("--revoke", help="Take this role away.", metavar="ROLE", show_default=False),
    ] = None,
    allow: SendAsOption = None,
    forbid: Annotated[
        list[str] | None,
        typer.Option("--forbid", help="Take back what --allow gave.", metavar="PATTERN", show_default=False),
    ] = None,
    wait: WaitOption = True,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Change what is named; the rest stays.

    Examples:
    clement person change alice@example.org --new-password
    clement person change carol@example.org --grant group:family --revoke domain:example.org
    """
    with operator(config) as actor:
        from clement.store.actions.person import PersonChange, change_person, set_password

        if on is not None:
            change_person(actor, login, PersonChange(enabled=on))
        _change_rights(actor, login, grant=grant, revoke=revoke, allow=allow, forbid=forbid)
        if new_password or password_file is not None:
            password, is_made = _password(password_file)
            set_password(actor, login, password)
            if is_made:
                complain(f"password: {password}")
        _show(_read(actor, login), json=json, change=TakingUp(config, wait=wait))


@app.verb("remove", "Remove a person; his mailboxes stay.")
def remove(login: Login, wait: WaitOption = True, config: ConfigOption = None) -> None:
    """Remove a person. His mailboxes stay, owned by nobody.

    Example: clement person remove carol@example.org
    """
    with operator(config) as actor:
        from clement.store.actions.person import remove_person

        remove_person(actor, login)
        TakingUp(config, wait=wait).tell()


def _change_rights(
    actor: Actor,
    login: str,
    *,
    grant: list[str] | None = None,
    revoke: list[str] | None = None,
    allow: list[str] | None = None,
    forbid: list[str] | None = None,
) -> None:
    from clement.cli.phrases import role
    from clement.store.actions.person import allow_send_as, forbid_send_as
    from clement.store.actions.role import grant_role, revoke_role

    for text in grant or ():
        grant_role(actor, login, *role(text, "--grant"))
    for text in revoke or ():
        revoke_role(actor, login, *role(text, "--revoke"))
    for pattern in allow or ():
        allow_send_as(actor, login, pattern)
    for pattern in forbid or ():
        forbid_send_as(actor, login, pattern)


def _password(file: Path | None) -> tuple[str, bool]:
    """The password, and whether we made it."""
    from clement.cli.password import make_password

    if file is None:
        return make_password(), True
    try:
        text = sys.stdin.readline() if str(file) == "-" else file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(file, error) from None
    return text.partition("\n")[0].rstrip("\r"), False


def _read(actor: Actor, login: str) -> PersonRow:
    from clement.store.access import directory

    return directory.person(actor, login)


def _roles(row: PersonRow) -> str:
    return " ".join(
        f"{grant.role}:{grant.object_name}" if grant.object_name else grant.role for grant in row.grants
    )


def _state(row: PersonRow) -> str:
    return "off" if not row.enabled else "on" if row.has_password else "no password"


def _show(row: PersonRow, *, json: bool, change: TakingUp | None = None) -> None:
    show_row(
        row,
        [
            ("login", row.login),
            ("roles", _roles(row)),
            ("state", _state(row)),
            *(("mailbox", address) for address in row.mailboxes),
            *(("may post as", pattern) for pattern in row.send_as),
        ],
        json=json,
        change=change,
    )
