"""`clement directive`: rules on who may write to whom."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from clement.cli.database import operator
from clement.cli.in_force import TakingUp, WaitOption, show_row
from clement.cli.options import ConfigOption, JsonOption
from clement.cli.paging import all_pages
from clement.cli.terminal import Column, complain, local_time, print_json, print_table
from clement.cli.verbs import Verbs

if TYPE_CHECKING:
    from clement.store.records import DirectiveRow

app = Verbs()

ActionName = Literal["accept", "quarantine", "refuse", "skip-greylisting"]
Number = Annotated[int, typer.Argument(help="The directive's number.", show_default=False)]
ExpiresOption = Annotated[
    str | None,
    typer.Option(help="When it ends: 30min, 2h, 7d, 4w or a date; never for no end.", show_default=False),
]
FinalOption = Annotated[
    bool | None,
    typer.Option("--final/--not-final", help="No narrower scope may say otherwise.", show_default=False),
]
NoteOption = Annotated[str | None, typer.Option(help="Why, for whoever reads it later.", show_default=False)]


@app.verb("add", "Add a rule.")
def add(
    action: Annotated[ActionName, typer.Argument(help="What becomes of the mail.")],
    scope: Annotated[
        str,
        typer.Option(
            "--for",
            help="Whose rule it is: an address, domain:NAME, group:NAME or site.",
            metavar="SCOPE",
            show_default=False,
        ),
    ],
    sender: Annotated[
        str,
        typer.Option(
            "--from", help="An address, or @DOMAIN and all below; by default anyone.", show_default=False
        ),
    ] = "",
    recipient: Annotated[
        str,
        typer.Option("--to", help="An address, or @DOMAIN; by default all of the scope.", show_default=False),
    ] = "",
    client: Annotated[
        str, typer.Option(help="Only from this network, such as 192.0.2.0/24.", show_default=False)
    ] = "",
    expires: ExpiresOption = None,
    final: FinalOption = None,
    note: NoteOption = None,
    wait: WaitOption = True,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Add a rule. The narrower scope wins, unless the wider rule is final; nothing overrides a virus.

    A rule that accepts a name counts only for mail that proves it bears that name rightly (SPF, DKIM,
    or --client): otherwise a forger could use it.

    quarantine takes the mail and holds it for its recipient; what would be refused anyway still is.

    skip-greylisting is another question: it spares mail the delay of greylisting, and needs no proof.

    Examples:
    clement directive add refuse --for alice@example.org --from @shop.example --note "enough offers"
    clement directive add skip-greylisting --for alice@example.org --from @bank.example --note "codes"
    clement directive add quarantine --for alice@example.org --from @news.example
    clement directive add accept --for domain:example.org --from @partner.example --expires 4w
    """
    from clement.cli.phrases import scope as read_scope

    kind, name = read_scope(scope, "--for")
    expires_at_s = _expiry(expires)
    with operator(config) as actor:
        from clement.policy.directive import Action
        from clement.store.access import directory
        from clement.store.actions.directive import NewDirective, add_directive

        wanted = NewDirective(
            scope=kind,
            scope_name=name,
            action=Action(action),
            sender_pattern=sender,
            recipient_pattern=recipient,
            client_network=client,
            expires_at_s=expires_at_s or 0,
            final=bool(final),
            note=note or "",
        )
        noted = add_directive(actor, wanted)
        for text in noted.notes:
            complain(f"note: {text}")
        _show(directory.directive(actor, noted.id), json=json, change=TakingUp(config, wait=wait))


@app.verb("list", "Show rules.")
def list_directives(
    scope: Annotated[
        str, typer.Option("--for", help="Only those of this scope.", metavar="SCOPE", show_default=False)
    ] = "",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Show all rules, or those of one scope.

    Example: clement directive list --for alice@example.org
    """
    from clement.cli.phrases import scope as read_scope

    kind, name = read_scope(scope, "--for") if scope else (None, "")
    with operator(config) as actor:
        from clement.store.access import directory

        rows = all_pages(
            lambda after: directory.directives(actor, scope=kind, scope_name=name, after_id=after),
            0,
            lambda row: row.id,
        )
        if json:
            print_json(rows)
            return
        columns: list[Column[DirectiveRow]] = [
            Column("id", lambda row: str(row.id), is_number=True),
            Column("for", _scope_text),
            Column("action", lambda row: row.action.value + (" (final)" if row.final else "")),
            Column("from", lambda row: row.sender_pattern or "anyone"),
            Column("to", lambda row: row.recipient_pattern or "all"),
            Column("client", lambda row: row.client_network),
            Column("origin", lambda row: row.origin.value),
            Column("hits", lambda row: str(row.hit_count), is_number=True),
            Column("ends", lambda row: local_time(row.expires_at_s) if row.expires_at_s else ""),
            Column("note", lambda row: row.note),
        ]
        print_table(rows, columns, empty="There are no such directives.")


@app.verb("show", "Show one rule and where it came from.")
def show(number: Number, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show one rule, who made it, and how often it decided.

    Example: clement directive show 12
    """
    with operator(config) as actor:
        from clement.store.access import directory

        _show(directory.directive(actor, number), json=json)


@app.verb("change", "Change a rule's action, end or note.", names_changes=True)
def change(
    number: Number,
    action: Annotated[
        ActionName | None, typer.Option(help="What becomes of the mail.", show_default=False)
    ] = None,
    expires: ExpiresOption = None,
    final: FinalOption = None,
    note: NoteOption = None,
    wait: WaitOption = True,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Change what is named. Whom a rule is about never changes: remove it and add another.

    Example: clement directive change 12 --expires 7d
    """
    from msgspec import UNSET

    expires_at_s = _expiry(expires)
    with operator(config) as actor:
        from clement.policy.directive import Action
        from clement.store.actions.directive import DirectiveChange, change_directive

        wanted = DirectiveChange(
            action=UNSET if action is None else Action(action),
            final=UNSET if final is None else final,
            expires_at_s=UNSET if expires_at_s is None else expires_at_s,
            note=UNSET if note is None else note,
        )
        _show(change_directive(actor, number, wanted), json=json, change=TakingUp(config, wait=wait))


@app.verb("remove", "Remove a rule.")
def remove(number: Number, wait: WaitOption = True, config: ConfigOption = None) -> None:
    """Remove a rule.

    Example: clement directive remove 12
    """
    with operator(config) as actor:
        from clement.store.actions.directive import remove_directive

        remove_directive(actor, number)
        TakingUp(config, wait=wait).tell()


def _expiry(text: str | None) -> int | None:
    from clement.cli.phrases import expiry_s

    return None if text is None else expiry_s(text, "--expires", time.time())


def _scope_text(row: DirectiveRow) -> str:
    kind = row.scope.name.lower()
    return row.scope_name if kind == "user" else f"{kind}:{row.scope_name}" if row.scope_name else kind


def _show(row: DirectiveRow, *, json: bool, change: TakingUp | None = None) -> None:
    show_row(
        row,
        [
            ("directive", str(row.id)),
            ("for", _scope_text(row)),
            ("action", row.action.value),
            ("from", row.sender_pattern or "anyone"),
            ("to", row.recipient_pattern or "all of the scope"),
            ("client", row.client_network),
            ("final", "no narrower scope may say otherwise" if row.final else ""),
            ("ends", local_time(row.expires_at_s) if row.expires_at_s else "never"),
            ("origin", f"{row.origin.value}, by {row.created_by}, {local_time(row.created_at_s)}"),
            ("decided", _hits(row)),
            ("note", row.note),
        ],
        json=json,
        change=change,
    )


def _hits(row: DirectiveRow) -> str:
    return f"{row.hit_count} times, last {local_time(row.last_hit_at_s)}" if row.hit_count else "never yet"
