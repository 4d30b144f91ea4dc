"""`clement held`: mail in doubt, looked at, released, deleted."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from clement.cli.database import operator
from clement.cli.exit_codes import ExitCode
from clement.cli.options import ConfigOption, JsonOption, find_config, load_settings
from clement.cli.paging import all_pages
from clement.cli.terminal import complain, print_json, print_table, say
from clement.cli.verbs import Verbs

if TYPE_CHECKING:
    from clement.store.access.actor import Actor
    from clement.store.held_records import HeldFilter, HeldRow

app = Verbs()

PAGE_ROWS: Final = 200
WAIT_S: Final = 30.0
LOOK_EVERY_S: Final = 0.25
DAY_S: Final = 86_400

Name = Annotated[
    str,
    typer.Argument(
        help="A held message's id; or a transaction's, for all that was held of it.", show_default=False
    ),
]
Kind = Literal["quarantine", "refused-copy"]


@app.verb("list", "Show what is held.")
def list_held(
    to: Annotated[
        str, typer.Option("--to", help="This recipient, or all of @DOMAIN.", show_default=False)
    ] = "",
    group: Annotated[str, typer.Option(help="Only this group's.", show_default=False)] = "",
    kind: Annotated[Kind | None, typer.Option(help="Only these.", show_default=False)] = None,
    since: Annotated[
        str,
        typer.Option(
            help="From here on: 30min, 2h, 7d (ago), today, yesterday or a date.", show_default=False
        ),
    ] = "",
    every: Annotated[bool, typer.Option("--all", help="Also what was released or deleted.")] = False,
    limit: Annotated[int, typer.Option(help="Lines at most.", min=1)] = 50,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Show held mail, the newest first.

    Examples:
    clement held list --to anna@example.org
    clement held list --kind quarantine --since 2d --json
    """
    with operator(config) as actor:
        from clement.cli.held_shown import COLUMNS
        from clement.store.access import held as access

        wanted = _filter(actor, to=to, group=group, kind=kind, since=since, every=every)
        rows = islice(
            all_pages(
                lambda before: access.held(actor, wanted, before=before, limit=min(limit, PAGE_ROWS)),
                "",
                lambda row: row.id,
            ),
            limit,
        )
        if json:
            print_json(rows)
        else:
            print_table(rows, COLUMNS, empty="Nothing like that is held.")


@app.verb("show", "Show one held message.")
def show(
    name: Name,
    raw: Annotated[
        bool, typer.Option("--raw", help="Write the message itself, byte for byte, to standard output.")
    ] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Show a held message: why it is held, its header, the beginning of its text, and what was found.

    The message itself is shown where its files are: on the node that received it.

    Examples:
    clement held show 06dzq3cm0h2v5x7k9npr-1
    clement held show 06dzq3cm0h2v5x7k9npr-1-q3.1 --raw > message.eml
    """
    settings = load_settings(find_config(config))
    with operator(config) as actor:
        from clement.cli.held_shown import print_held, write_raw
        from clement.store.access import held as access

        rows = access.named(actor, name)
        if raw:
            write_raw(settings, rows)
        elif json:
            print_json(rows)
        else:
            print_held(settings, actor, rows)


@app.verb("release", "Have a held message delivered.")
def release(
    name: Name,
    accept_sender: Annotated[
        bool, typer.Option("--accept-sender", help="From now on accept this sender's mail for him.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for what becomes of it.")] = True,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Have a held message delivered to its recipient, as it came; once, however often this is said.

    Exit code 0: it is delivered, or with --no-wait will be; 1: it is not, and why.

    Examples:
    clement held release 06dzq3cm0h2v5x7k9npr-1-q3.1 --accept-sender
    clement held release 06dzq3cm0h2v5x7k9npr-1 --no-wait
    """
    with operator(config) as actor:
        from clement.cli.held_release import accept_from
        from clement.store.actions.held import release as ask

        rows = _each(actor, name, lambda row: ask(actor, row.id), "held")
        for row in rows if accept_sender else ():
            (complain if json else say)(accept_from(actor, row))
        if wait:
            rows = _outcomes(actor, rows)
        _tell(rows, json=json)
        if any(row.state == "held" for row in rows):
            raise typer.Exit(ExitCode.NEGATIVE)


@app.verb("delete", "Say that a held message is not wanted.")
def delete(name: Name, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Say that a held message is not wanted.

    Its files go some days later (held.undo_days in clement.toml); until then `clement held bring-back` takes
    this back.

    Example: clement held delete 06dzq3cm0h2v5x7k9npr-1-q3.1
    """
    undo_s = load_settings(find_config(config)).held.undo_days * DAY_S
    with operator(config) as actor:
        from clement.store.actions.held import delete as remove

        _tell(_each(actor, name, lambda row: remove(actor, row.id, undo_s=undo_s), "held"), json=json)


@app.verb("bring-back", "Take a deletion back.")
def bring_back(name: Name, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Hold a deleted message again, as long as its files are there.

    Example: clement held bring-back 06dzq3cm0h2v5x7k9npr-1-q3.1
    """
    with operator(config) as actor:
        from clement.store.actions.held import bring_back as undo

        _tell(_each(actor, name, lambda row: undo(actor, row.id), "deleted"), json=json)


@app.verb("keep", "Keep a message in spite of expiry and deletion.")
def keep(
    name: Name,
    end: Annotated[bool, typer.Option("--end", help="No longer.")] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Put a legal hold on a message: it does not expire and cannot be deleted until `--end`.

    It holds for the whole message, whoever of the group it is for, and is noted in the audit log.

    Example: clement held keep 06dzq3cm0h2v5x7k9npr-1
    """
    with operator(config) as actor:
        from clement.store.access import held as access
        from clement.store.actions.held import keep as hold

        once = {row.entry: row for row in access.named(actor, name)}
        _tell([hold(actor, row.id, legal_hold=not end) for row in once.values()], json=json)


@app.verb("stats", "How much is held.")
def stats(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show how many messages are held, how large they are, and what became of them, by group and kind.

    Example: clement held stats --json
    """
    with operator(config) as actor:
        from clement.cli.held_shown import FIGURE_COLUMNS
        from clement.store.access import held as access

        figures = access.figures(actor)
        if json:
            print_json(figures)
        else:
            print_table(figures, FIGURE_COLUMNS, empty="Nothing is held.")


@app.verb("take-over", "Take over what a lost node has left in the object store.")
def take_over(
    node: Annotated[str, typer.Argument(help="The node that does not come back.", show_default=False)],
    config: ConfigOption = None,
) -> None:
    """Make the held mail of a lost node this machine's, as far as the object store has it.

    Only for a node that is gone for good: two nodes would make the same releases.

    Example: clement held take-over mx2.example.org
    """
    ours = load_settings(find_config(config)).site.node_name
    with operator(config) as actor:
        from clement.store.actions.held import take_over as take

        count = take(actor, node, ours)
    say(f"{count} messages are this machine's now")


@app.verb("rebuild", "Make the index of this machine's held mail from its files.")
def rebuild(config: ConfigOption = None) -> None:
    """Tell the database of every held message on this machine that it does not know, and count anew.

    `clement serve` does the same when it starts; this is for a database that was lost.

    Example: clement held rebuild
    """
    settings = load_settings(find_config(config))
    with operator(config):
        from clement.cli.held_tending import rounds_of
        from clement.telemetry.metrics import Metrics

        rounds = rounds_of(settings, Metrics.private())
        added = rounds.index_all(lambda: False)
        rounds.count()
    say(f"{added} messages were missing from the index")


def _filter(actor: Actor, *, to: str, group: str, kind: str | None, since: str, every: bool) -> HeldFilter:
    from clement.cli.phrases import moment_s
    from clement.store.access import directory
    from clement.store.held_records import HeldFilter

    domain = to.lower().removeprefix("@") if to.startswith("@") else ""
    return HeldFilter(
        address="" if domain else to.lower(),
        domain_id=directory.domain(actor, domain).id if domain else 0,
        group_id=directory.group(actor, group).id if group else 0,
        kind=kind or "",
        since_s=moment_s(since, "--since", time.time(), is_future=False) if since else 0.0,
        states=() if every else HeldFilter().states,
    )


def _each(actor: Actor, name: str, act: Callable[[HeldRow], HeldRow], state: str) -> list[HeldRow]:
    """Act on all that a name means and that is in this state; on the only one in any case.

    Of several, those that were decided about already are left as they are.
    """
    from clement.store.access import held as access

    rows = access.named(actor, name)
    chosen = [row for row in rows if row.state == state]
    if not chosen:
        act(rows[0])  # says why not
    return [act(row) for row in chosen]


def _outcomes(actor: Actor, rows: Sequence[HeldRow]) -> list[HeldRow]:
    """The rows once the courier has dealt with them, or has had the time to."""
    from clement.store.access import held as access

    until_s = time.monotonic() + WAIT_S
    found = list(rows)
    while time.monotonic() < until_s:
        found = [access.one(actor, row.id) for row in rows]
        if all(row.state != "releasing" or row.failure for row in found):
            break
        time.sleep(LOOK_EVERY_S)
    return found


def _tell(rows: Sequence[HeldRow], *, json: bool) -> None:
    from clement.cli.held_shown import outcome

    if json:
        print_json(rows)
        return
    for row in rows:
        if row.state == "held" and row.failure:
            complain(outcome(row))
        else:
            say(outcome(row))
