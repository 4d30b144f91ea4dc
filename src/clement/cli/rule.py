"""`clement rule`: rules of administrators about what mail says."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from clement.cli.database import operator
from clement.cli.in_force import TakingUp, WaitOption, show_row
from clement.cli.options import ConfigOption, JsonOption
from clement.cli.paging import all_pages
from clement.cli.terminal import Column, local_time, print_json, print_table
from clement.cli.verbs import Verbs

if TYPE_CHECKING:
    from clement.cli.rule_trial import Trial
    from clement.store.records import ContentRuleRow

app = Verbs()

ActionName = Literal["refuse", "quarantine", "weigh"]
Number = Annotated[int, typer.Argument(help="The rule's number.", show_default=False)]
WeightOption = Annotated[
    float | None,
    typer.Option(
        help="Log-odds that weigh adds: 1 is a hint, 5 nearly sure; negative: wanted.", show_default=False
    ),
]
ExpiresOption = Annotated[
    str | None,
    typer.Option(help="When it ends: 30min, 2h, 7d, 4w or a date; never for no end.", show_default=False),
]
NoteOption = Annotated[str | None, typer.Option(help="Why, for whoever reads it later.", show_default=False)]
FIELDS = "subject, author, reply-to, body, link, attachment, header-block, or the name of a header field"


@app.verb("add", "Add a rule.")
def add(
    action: Annotated[ActionName, typer.Argument(help="What follows when it matches.")],
    where: Annotated[
        str,
        typer.Argument(help=f"Where the pattern is sought: {FIELDS}.", metavar="FIELD", show_default=False),
    ],
    pattern: Annotated[
        str,
        typer.Argument(
            help="What is sought, a regular expression of RE2, in either case.", show_default=False
        ),
    ],
    scope: Annotated[
        str,
        typer.Option(
            "--for", help="Whose mail: domain:NAME, group:NAME or site.", metavar="SCOPE", show_default=False
        ),
    ],
    name: Annotated[
        str, typer.Option(help="What it is called in the log; by default the field.", show_default=False)
    ] = "",
    weight: WeightOption = None,
    expires: ExpiresOption = None,
    note: NoteOption = None,
    wait: WaitOption = True,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    r"""Add a rule. Refused mail is told that a rule of the site refuses it, never which, nor its pattern.

    The pattern may match anywhere; ^ and $ are the ends of a line. A header field is named with a colon at
    its end, such as X-Mailer: (one that has no other meaning here needs none). Try a rule on a message with
    clement rule test before you trust it: weigh first, refuse later.

    A rule accepts nothing, since anybody can write what it looks for: accept with clement directive, which
    asks for proof of the name, and sets rules aside.

    Examples:
    clement rule add refuse subject '^\[casino\]' --for domain:example.org --note "asked for by Anna"
    clement rule add quarantine attachment '\.(iso|img)$' --for site --name "disk images"
    clement rule add weigh X-Mailer: 'BulkBlaster' --weight 2 --for group:family --expires 4w
    """
    from clement.cli.phrases import rule_field
    from clement.cli.phrases import scope as read_scope

    kind, scope_name = read_scope(scope, "--for")
    field, header_name = rule_field(where, "FIELD")
    expires_at_s = _expiry(expires)
    with operator(config) as actor:
        from clement.policy.content_rule import RuleAction
        from clement.store.actions.content_rule import NewContentRule, add_content_rule

        wanted = NewContentRule(
            scope=kind,
            scope_name=scope_name,
            name=name or header_name or field.value,
            field=field,
            header_name=header_name,
            pattern=pattern,
            action=RuleAction(action),
            weight=weight or 0.0,
            expires_at_s=expires_at_s or 0,
            note=note or "",
        )
        _show(add_content_rule(actor, wanted), json=json, change=TakingUp(config, wait=wait))


@app.verb("list", "Show rules.")
def list_rules(
    scope: Annotated[
        str, typer.Option("--for", help="Only those of this scope.", metavar="SCOPE", show_default=False)
    ] = "",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Show all rules, or those of one scope.

    Example: clement rule list --for domain:example.org
    """
    from clement.cli.phrases import scope as read_scope

    kind, name = read_scope(scope, "--for") if scope else (None, "")
    with operator(config) as actor:
        from clement.store.access import directory

        rows = all_pages(
            lambda after: directory.content_rules(actor, scope=kind, scope_name=name, after_id=after),
            0,
            lambda row: row.id,
        )
        if json:
            print_json(rows)
            return
        columns: list[Column[ContentRuleRow]] = [
            Column("id", lambda row: str(row.id), is_number=True),
            Column("for", _scope_text),
            Column("name", lambda row: row.name),
            Column("action", _action_text),
            Column("where", _field_text),
            Column("pattern", lambda row: row.pattern),
            Column("ends", lambda row: local_time(row.expires_at_s) if row.expires_at_s else ""),
            Column("note", lambda row: row.note),
        ]
        print_table(rows, columns, empty="There are no such rules.")


@app.verb("show", "Show one rule and who made it.")
def show(number: Number, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show one rule and who made it.

    Example: clement rule show 3
    """
    with operator(config) as actor:
        from clement.store.access import directory

        _show(directory.content_rule(actor, number), json=json)


@app.verb("change", "Change a rule, or turn it off.", names_changes=True)
def change(
    number: Number,
    action: Annotated[
        ActionName | None, typer.Option(help="What follows when it matches.", show_default=False)
    ] = None,
    pattern: Annotated[str | None, typer.Option(help="What is sought.", show_default=False)] = None,
    name: Annotated[
        str | None, typer.Option(help="What it is called in the log.", show_default=False)
    ] = None,
    weight: WeightOption = None,
    enabled: Annotated[
        bool | None, typer.Option("--on/--off", help="Whether it is in force.", show_default=False)
    ] = None,
    expires: ExpiresOption = None,
    note: NoteOption = None,
    wait: WaitOption = True,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Change what is named. Where and for whom a rule looks never changes: remove it and add another.

    Example: clement rule change 3 --action refuse --note "no false hit in four weeks"
    """
    from msgspec import UNSET

    expires_at_s = _expiry(expires)
    with operator(config) as actor:
        from clement.policy.content_rule import RuleAction
        from clement.store.actions.content_rule import ContentRuleChange, change_content_rule

        wanted = ContentRuleChange(
            name=UNSET if name is None else name,
            pattern=UNSET if pattern is None else pattern,
            action=UNSET if action is None else RuleAction(action),
            weight=UNSET if weight is None else weight,
            enabled=UNSET if enabled is None else enabled,
            expires_at_s=UNSET if expires_at_s is None else expires_at_s,
            note=UNSET if note is None else note,
        )
        _show(change_content_rule(actor, number, wanted), json=json, change=TakingUp(config, wait=wait))


@app.verb("remove", "Remove a rule.")
def remove(number: Number, wait: WaitOption = True, config: ConfigOption = None) -> None:
    """Remove a rule.

    Example: clement rule remove 3
    """
    with operator(config) as actor:
        from clement.store.actions.content_rule import remove_content_rule

        remove_content_rule(actor, number)
        TakingUp(config, wait=wait).tell()


@app.verb("test", "Show which rules match a message in a file.")
def try_out(
    file: Annotated[
        Path,
        typer.Argument(help="The message, or - for standard input.", allow_dash=True, show_default=False),
    ],
    pattern: Annotated[
        str | None, typer.Option(help="Try this pattern instead, which is no rule yet.", show_default=False)
    ] = None,
    where: Annotated[
        str, typer.Option("--in", help="The field that --pattern is sought in.", metavar="FIELD")
    ] = "subject",
    scope: Annotated[
        str, typer.Option("--for", help="Only rules of this scope.", metavar="SCOPE", show_default=False)
    ] = "",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Show for each rule whether it matches a message, and what in it. Nothing is sent or changed.

    Rules that are off are tried as well. What a session with this message would come to is shown by
    clement simulate.

    Examples:
    clement rule test mail.eml
    clement rule test mail.eml --pattern 'invoice +[0-9]{6}' --in subject
    """
    from clement.cli.phrases import rule_field
    from clement.cli.phrases import scope as read_scope
    from clement.cli.simulate import read_message

    octets = read_message(file)
    field, header_name = rule_field(where, "--in")
    kind, scope_name = read_scope(scope, "--for") if scope else (None, "")
    with operator(config) as actor:
        from clement.cli.rule_trial import try_pattern, try_rules
        from clement.store.access import directory

        if pattern is not None:
            trials = [try_pattern(octets, field, header_name, pattern)]
        else:
            rows = all_pages(
                lambda after: directory.content_rules(
                    actor, scope=kind, scope_name=scope_name, after_id=after
                ),
                0,
                lambda row: row.id,
            )
            trials = try_rules(octets, rows)
        if json:
            print_json(trials)
            return
        columns: list[Column[Trial]] = [
            Column("id", lambda trial: str(trial.id) if trial.id else "", is_number=True),
            Column("name", lambda trial: trial.name),
            Column("where", lambda trial: trial.where),
            Column(
                "action", lambda trial: trial.action + ("" if trial.enabled or not trial.id else " (off)")
            ),
            Column("matches", lambda trial: "yes" if trial.matches else "no"),
            Column("found", lambda trial: " ".join(trial.found.split())),
        ]
        print_table(trials, columns, empty="There are no such rules.")


def _expiry(text: str | None) -> int | None:
    from clement.cli.phrases import expiry_s

    return None if text is None else expiry_s(text, "--expires", time.time())


def _scope_text(row: ContentRuleRow) -> str:
    kind = row.scope.name.lower()
    return f"{kind}:{row.scope_name}" if row.scope_name else kind


def _action_text(row: ContentRuleRow) -> str:
    weighed = f" {row.weight:+g}" if row.weight else ""
    return f"{row.action.value}{weighed}{'' if row.enabled else ' (off)'}"


def _field_text(row: ContentRuleRow) -> str:
    return f"{row.header_name}:" if row.header_name else row.field.value


def _show(row: ContentRuleRow, *, json: bool, change: TakingUp | None = None) -> None:
    show_row(
        row,
        [
            ("rule", str(row.id)),
            ("name", row.name),
            ("for", _scope_text(row)),
            ("action", _action_text(row)),
            ("where", _field_text(row)),
            ("pattern", row.pattern),
            ("ends", local_time(row.expires_at_s) if row.expires_at_s else "never"),
            ("made", f"by {row.created_by}, {local_time(row.created_at_s)}"),
            ("note", row.note),
        ],
        json=json,
        change=change,
    )
