"""`clement digest`: when people get the list of their held mail."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from clement.cli.database import operator
from clement.cli.exit_codes import ExitCode, Failure
from clement.cli.options import ConfigOption, JsonOption, load_settings
from clement.cli.terminal import Column, local_time, print_facts, print_json, print_table
from clement.cli.verbs import Verbs
from clement.smtp.address import fold_local_part

if TYPE_CHECKING:
    from clement.policy.directive import Scope
    from clement.store.digest_records import DigestPlanRow

app = Verbs()

ScopeArgument = Annotated[
    str,
    typer.Argument(help="Whose: an address, domain:NAME or group:NAME.", metavar="SCOPE", show_default=False),
]
AddressArgument = Annotated[str, typer.Argument(help="A recipient's address.", show_default=False)]


@app.verb("set", "Say when digests are sent.")
def set_plan(
    scope: ScopeArgument,
    schedule: Annotated[
        str,
        typer.Argument(
            help='Weekdays, times and time zone, or "never".', metavar="SCHEDULE", show_default=False
        ),
    ],
    language: Annotated[str, typer.Option(help="en or fr.")] = "en",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Say when the addresses of a scope get their digest. The narrowest scope counts: address, domain, group.

    A digest is sent only when something is newly held. A time that a change of clocks skips is moved
    behind it.

    Examples:
    clement digest set alice@example.org "mon-fri 08:00,17:30 Europe/Zurich" --language fr
    clement digest set domain:example.org "07:00 America/Montreal"
    clement digest set group:family never
    """
    kind, name = _scope(scope)
    written = "" if schedule == "never" else _schedule(schedule)
    with operator(config) as actor:
        from clement.store.actions.digest import NewDigestPlan, plan_digest

        wanted = NewDigestPlan(scope=kind, scope_name=name, schedule=written, language=language)
        row = plan_digest(actor, wanted)
        if json:
            print_json([row])
        else:
            _show_plan(scope, row.schedule, row.language, row.scope, row.scope_name)


@app.verb("unset", "Let the wider scope's schedule count again.")
def unset(scope: ScopeArgument, config: ConfigOption = None) -> None:
    """Forget what was set for a scope.

    Example: clement digest unset alice@example.org
    """
    kind, name = _scope(scope)
    with operator(config) as actor:
        from clement.store.actions.digest import drop_digest_plan

        drop_digest_plan(actor, kind, name)


@app.verb("list", "Show what has been set.")
def list_plans(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show the schedules of all scopes; what stands in the configuration counts for the rest.

    Example: clement digest list
    """
    site = load_settings(config).digest
    with operator(config) as actor:
        from clement.store.access.digest import digest_plans

        rows = digest_plans(actor)
        if json:
            print_json(rows)
            return
        columns: list[Column[DigestPlanRow]] = [
            Column("for", lambda row: _scope_text(row.scope, row.scope_name)),
            Column("when", lambda row: row.schedule or "never"),
            Column("language", lambda row: row.language),
        ]
        print_table(rows, columns, empty=f"Nothing is set; everybody: {site.schedule or 'never'}.")


@app.verb("show", "When one address gets its digest, and why then.")
def show(address: AddressArgument, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show which schedule counts for an address and when the next digest would be sent.

    Example: clement digest show alice@example.org
    """
    settings = load_settings(config)
    with operator(config) as actor:
        from clement.cli.digest_parts import site_plan
        from clement.store.access.digest import plan_in_force

        plan = plan_in_force(actor, fold_local_part(address), site_plan(settings.digest))
        if json:
            print_json([plan])
        else:
            _show_plan(address, plan.schedule, plan.language, plan.scope, plan.scope_name)


@app.verb("preview", "The next digest of an address, as it would be now.")
def preview(
    address: AddressArgument,
    raw: Annotated[bool, typer.Option("--raw", help="The whole message instead of its text.")] = False,
    config: ConfigOption = None,
) -> None:
    """Show what the next digest would tell, without sending it or marking anything as told of.

    Its links are real: whoever has them can use them.

    Example: clement digest preview alice@example.org
    """
    import sys

    settings = load_settings(config)
    with operator(config) as actor:
        from clement.cli.digest_parts import preview as composed
        from clement.cli.digest_parts import site_plan
        from clement.store.access.digest import plan_in_force

        plan = plan_in_force(actor, fold_local_part(address), site_plan(settings.digest))
        message = composed(settings, fold_local_part(address), plan)
    if message is None:
        print(f"Nothing is held for {address} that a digest has not told of.")
    elif raw:
        sys.stdout.buffer.write(message)
    else:
        from email import message_from_bytes
        from email.policy import default

        body = message_from_bytes(message, policy=default).get_body(("plain",))
        print(body.get_content() if body is not None else "")


def _scope(text: str) -> tuple[Scope, str]:
    from clement.cli.phrases import scope, wrong
    from clement.policy.directive import Scope

    kind, name = scope(text, "SCOPE")
    if kind is Scope.SITE:
        raise wrong("SCOPE", "the plan of the site stands in the configuration, [digest]")
    return kind, name


def _schedule(text: str) -> str:
    from clement.policy.digest_schedule import ScheduleUnusable, parse_schedule

    try:
        return str(parse_schedule(text))
    except ScheduleUnusable as reason:
        raise Failure(ExitCode.USAGE, f"SCHEDULE: {reason}") from None


def _scope_text(scope: Scope, name: str) -> str:
    kind = scope.name.lower()
    return name if kind == "user" else f"{kind}:{name}" if name else "the configuration"


def _show_plan(whom: str, schedule: str, language: str, scope: Scope, scope_name: str) -> None:
    from clement.policy.digest_schedule import next_due_s, parse_schedule

    due = local_time(next_due_s(parse_schedule(schedule), time.time())) if schedule else "never"
    print_facts(
        [
            ("digests of", whom),
            ("when", schedule or "never"),
            ("set for", _scope_text(scope, scope_name)),
            ("language", language),
            ("next, if anything is held", due),
        ]
    )
