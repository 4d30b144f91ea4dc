"""`clement log`: what came of every message, a line for each recipient."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import typer

from clement.cli.database import operator
from clement.cli.log_lines import FLOOD_COLUMNS, RECIPIENT_COLUMNS, SESSION_COLUMNS, recipient_line
from clement.cli.options import ConfigOption, JsonOption
from clement.cli.terminal import Column, print_json, print_lines, print_table
from clement.smtp.address import AddressError, fold_local_part, parse_reverse_path

if TYPE_CHECKING:
    from clement.store.access.actor import Actor
    from clement.store.access.log_filter import LogFilter, Page
    from clement.store.records import RecipientRow

Row = TypeVar("Row")

NOTHING = "Nothing in the log is like that."
PAGE_ROWS = 500
FOLLOW_INTERVAL_S = 1.0
FOLLOW_OVERLAP_S = 60.0
"""Records reach SQL in batches, and late when SQL was away: each look goes back this far."""


def log(
    since: Annotated[
        str,
        typer.Option(
            help="From here on: 30min, 2h, 7d (ago), today, yesterday or a date.", show_default=False
        ),
    ] = "",
    until: Annotated[str, typer.Option(help="Up to here.", show_default=False)] = "",
    sender: Annotated[
        str,
        typer.Option(
            "--from",
            help="This reverse-path, its local-part in the case that the log shows; <> for the null one.",
            show_default=False,
        ),
    ] = "",
    to: Annotated[
        str, typer.Option("--to", help="This recipient, or all of @DOMAIN.", show_default=False)
    ] = "",
    client: Annotated[str, typer.Option(help="This client address.", show_default=False)] = "",
    outcome: Annotated[
        Literal["accepted", "held", "refused", "deferred", "nothing"] | None,
        typer.Option(help="Only what ended so.", show_default=False),
    ] = None,
    reason: Annotated[str, typer.Option(help="Only this reason, such as virus.", show_default=False)] = "",
    text: Annotated[
        str,
        typer.Option(
            help="This stands in subject, author, Message-ID, an address or the greeting.", show_default=False
        ),
    ] = "",
    sessions: Annotated[
        bool, typer.Option("--sessions", help="Sessions instead, also those refused at connect.")
    ] = False,
    floods: Annotated[
        bool, typer.Option("--floods", help="Instead, repeated refusals of one client, counted.")
    ] = False,
    limit: Annotated[int, typer.Option(help="Lines at most.", min=1)] = 50,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")
    ] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Show what came of mail, the newest first: time, outcome, from, to, reason, and the transaction's id.

    Examples:
    clement log --since 2h --outcome refused --to @example.org
    clement log --text invoice --json
    clement log --follow
    """
    wanted = _filter(
        since=since,
        until=until,
        sender=sender,
        to=to,
        client=client,
        outcome=outcome,
        reason=reason,
        text=text,
    )
    with operator(config) as actor:
        from clement.store.access import log as access

        if follow:
            _follow(actor, wanted, limit, json=json)
        elif floods:
            _show(
                lambda at, n: access.refusal_runs(actor, wanted, cursor=at, limit=n),
                FLOOD_COLUMNS,
                limit,
                json,
            )
        elif sessions:
            _show(
                lambda at, n: access.sessions(actor, wanted, cursor=at, limit=n), SESSION_COLUMNS, limit, json
            )
        else:
            _show(
                lambda at, n: access.recipients(actor, wanted, cursor=at, limit=n),
                RECIPIENT_COLUMNS,
                limit,
                json,
            )


def _filter(
    *, since: str, until: str, sender: str, to: str, client: str, outcome: str | None, reason: str, text: str
) -> LogFilter:
    from clement.cli.phrases import moment_s, wrong
    from clement.journal.records import Outcome
    from clement.policy.network import client_address
    from clement.policy.reason import Reason
    from clement.store.access.log_filter import LogFilter

    now_s = time.time()
    if reason and reason not in list(Reason):
        raise wrong("--reason", f"unknown; expected one of {', '.join(Reason)}")
    try:
        address = str(client_address(client)) if client else ""
    except ValueError:
        raise wrong("--client", f"expected an IP address, found {client}") from None
    return LogFilter(
        since_s=moment_s(since, "--since", now_s, is_future=False) if since else 0.0,
        until_s=moment_s(until, "--until", now_s, is_future=False) if until else 0.0,
        client=address,
        reverse_path=_reverse_path(sender) if sender else None,
        recipient=fold_local_part(to),
        outcome=Outcome(outcome) if outcome else None,
        reason=reason,
        text=text,
    )


def _reverse_path(text: str) -> str:
    """As it stands in the log: "" is the null one."""
    from clement.cli.phrases import wrong

    try:
        return str(parse_reverse_path(text.strip("<>").encode(), smtputf8=True))
    except AddressError:
        raise wrong("--from", f"expected an address or <>, found {text}") from None


def _show(
    page: Callable[[str, int], Page[Row]], columns: list[Column[Row]], limit: int, as_json: bool
) -> None:
    rows = islice(_rows(page, min(limit, PAGE_ROWS)), limit)
    if as_json:
        print_json(rows)
    else:
        print_table(rows, columns, empty=NOTHING)


def _rows(page: Callable[[str, int], Page[Row]], page_rows: int) -> Iterator[Row]:
    """All rows; a page may be empty and yet not the last."""
    found = page("", page_rows)
    yield from found.rows
    while found.cursor:
        found = page(found.cursor, page_rows)
        yield from found.rows


def _follow(actor: Actor, wanted: LogFilter, limit: int, *, json: bool) -> None:
    """Print what is there, the newest last, then what comes."""
    import msgspec

    from clement.store.access import log as access

    def look(asked: LogFilter) -> Iterator[RecipientRow]:
        return _rows(lambda at, n: access.recipients(actor, asked, cursor=at, limit=n), PAGE_ROWS)

    shown: dict[tuple[str, int], float] = {}
    while True:
        rows = look(wanted)
        fresh = [row for row in islice(rows, limit) if (row.transaction_id, row.position) not in shown]
        fresh.reverse()
        _print_followed(fresh, json=json)
        shown.update(((row.transaction_id, row.position), row.at_s) for row in fresh)
        horizon_s = time.time() - FOLLOW_OVERLAP_S
        shown = {key: at_s for key, at_s in shown.items() if at_s >= horizon_s}
        wanted, limit = msgspec.structs.replace(wanted, since_s=max(wanted.since_s, horizon_s)), 100_000
        time.sleep(FOLLOW_INTERVAL_S)


def _print_followed(rows: list[RecipientRow], *, json: bool) -> None:
    if json:
        print_json(rows)
    else:
        print_lines(map(recipient_line, rows))
