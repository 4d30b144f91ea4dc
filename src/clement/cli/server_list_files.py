"""`clement banned|trusted export|import|preview`: the lists as other programs write and read them."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from clement.cli.database import operator
from clement.cli.exit_codes import ExitCode, Failure, unreadable
from clement.cli.in_force import TakingUp, WaitOption
from clement.cli.options import ConfigOption, JsonOption
from clement.cli.server_list import banned, entries, trusted
from clement.cli.server_list_words import COLUMNS, counts_text, server_text
from clement.cli.terminal import Column, complain, print_json, print_table, progress, say

if TYPE_CHECKING:
    from clement.policy.list_text import ListLine
    from clement.policy.network import Standing
    from clement.store.access.actor import Actor
    from clement.store.actions.server_import import Cost
    from clement.store.list_records import ListedRow

MOST_BYTES = 100_000_000
SHOWN_COSTS = 20

__all__ = ["banned", "trusted"]

FormatName = Literal["nftables", "rbldnsd", "csv", "json"]
FormatOption = Annotated[
    FormatName, typer.Option("--format", "-f", help="How it is written.", show_default=False)
]
FileArgument = Annotated[
    Path,
    typer.Argument(
        help="The list; - is standard input.",
        show_default=False,
        dir_okay=False,
        allow_dash=True,
    ),
]
OptionalFile = Annotated[
    Path | None,
    typer.Argument(
        help="A list that may be imported; - is standard input. By default, the bans on trial.",
        show_default=False,
        dir_okay=False,
        allow_dash=True,
    ),
]
OptionalFormat = Annotated[
    FormatName | None, typer.Option("--format", "-f", help="How the list is written.", show_default=False)
]
ImportExpires = Annotated[
    str | None,
    typer.Option(
        help="When entries end that bring no end of their own: 30min, 2h, 7d, 4w, a date, or never.",
        show_default=False,
    ),
]
SkipOption = Annotated[
    bool, typer.Option("--skip-wrong", help="Import what is right and leave out what is wrong.")
]


@banned.verb("export", "Write the list for a firewall, a zone, a table.")
def export_banned(written_as: FormatOption, config: ConfigOption = None) -> None:
    """Write what is in effect to standard output.

    For nftables and rbldnsd, what is trusted inside a banned network is cut out of it; csv and json name
    every entry as it is, and can be imported elsewhere.

    Examples:
    clement banned export --format nftables | nft -f -
    clement banned export --format rbldnsd > banned.zone
    """
    _export("banned", written_as, config)


@trusted.verb("export", "Write the list for a firewall, a zone, a table.")
def export_trusted(written_as: FormatOption, config: ConfigOption = None) -> None:
    """Write what is in effect to standard output.

    Example: clement trusted export --format csv
    """
    _export("trusted", written_as, config)


@banned.verb("import", "Take over a list of another program.")
def import_banned(
    file: FileArgument,
    written_as: FormatOption,
    expires: ImportExpires = None,
    skip_wrong: SkipOption = False,
    wait: WaitOption = True,
    config: ConfigOption = None,
) -> None:
    """Ban by hand what a list names.

    Nothing is imported while a line is wrong, bans everybody, or bans what may relay here or is trusted:
    every such line is named. `clement banned preview` shows what it would do.

    Example: clement banned import banned.csv --format csv --expires 30d
    """
    _import("banned", file, written_as, expires, skip_wrong=skip_wrong, wait=wait, config=config)


@trusted.verb("import", "Take over a list of another program.")
def import_trusted(
    file: FileArgument,
    written_as: FormatOption,
    expires: ImportExpires = None,
    skip_wrong: SkipOption = False,
    wait: WaitOption = True,
    config: ConfigOption = None,
) -> None:
    """Trust by hand what a list names. Nothing is imported while a line is wrong: each is named.

    Example: clement trusted import friends.csv --format csv
    """
    _import("trusted", file, written_as, expires, skip_wrong=skip_wrong, wait=wait, config=config)


@banned.verb("preview", "Which good mail bans would have cost.")
def preview_banned(
    file: OptionalFile = None,
    written_as: OptionalFormat = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Show the bans on trial, with the good mail that came from them meanwhile. Changes nothing.

    Of a list in a file it shows what is wrong with it, and which good mail it would have cost.

    Examples:
    clement banned preview
    clement banned preview banned.csv --format csv
    """
    if file is not None:
        _preview_file("banned", file, written_as, config, json=json)
        return
    with operator(config) as actor:
        from clement.policy.network import Standing
        from clement.store.list_records import EntryState

        rows = list(entries(actor, Standing.BANNED, (EntryState.TRIAL,)))
        rows.sort(key=lambda row: -row.cost_messages)
        if json:
            print_json(rows)
            return
        print_table(rows, [*COLUMNS[:1], *COLUMNS[3:]], empty="No ban is on trial.")
        for row in rows:
            if row.cost_transactions:
                _tell_cost(actor, row)


@trusted.verb("preview", "What a list would change.")
def preview_trusted(
    file: FileArgument, written_as: FormatOption, config: ConfigOption = None, json: JsonOption = False
) -> None:
    """Show of a list in a file what is wrong with it and what is known of those it would trust.

    Example: clement trusted preview friends.csv --format csv
    """
    _preview_file("trusted", file, written_as, config, json=json)


def _tell_cost(actor: Actor, row: ListedRow) -> None:
    from clement.store.access import log
    from clement.store.access.actor import NotFound

    say()
    say(f"{server_text(row.network)}, {counts_text(row.evidence.counts)}, but also:")
    for transaction_id in row.cost_transactions:
        try:
            told = log.transaction(actor, transaction_id)
        except NotFound:
            continue
        from clement.cli.terminal import local_time, safe

        to = ", ".join(each.address for each in told.recipients)
        say(f"  {local_time(told.at_s)}  {transaction_id}  {safe(told.reverse_path)} to {safe(to)}")


def _export(name: str, written_as: FormatName, config: ConfigOption) -> None:
    from clement.policy import list_text

    now_s = int(time.time())
    with operator(config) as actor:
        from clement.policy.network import Standing

        if written_as == "json":
            print_json(row for row in _effective(actor, Standing(name), now_s))
            return
        lines = [_line(row) for row in _effective(actor, Standing(name), now_s)]
        if written_as == "csv":
            _write(list_text.comma_separated(lines))
            return
        other = Standing.TRUSTED if name == "banned" else Standing.BANNED
        others = [_line(row) for row in _effective(actor, other, now_s)]
    lines = list_text.in_effect(lines, others)
    if written_as == "nftables":
        _write(list_text.nftables(lines, now_s, name))
    else:
        _write(list_text.rbldnsd(lines, name=name))


def _effective(actor: Actor, standing: Standing, now_s: int) -> Iterator[ListedRow]:
    from clement.store.list_records import EntryState

    for row in entries(actor, standing, (EntryState.EFFECTIVE,)):
        if not row.expires_at_s or row.expires_at_s > now_s:
            yield row


def _line(row: ListedRow) -> ListLine:
    from clement.policy.list_text import ListLine
    from clement.store.reputation.in_effect import why_of

    return ListLine(
        network=ip_network(row.network),
        origin=row.origin,
        standing=row.standing.value,
        expires_at_s=row.expires_at_s,
        note=row.note,
        why=why_of(row.evidence),
        final=row.final,
    )


def _write(lines: Iterator[str]) -> None:
    for line in lines:
        sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _read(file: Path, written_as: FormatName, expires_at_s: int) -> tuple[list[ListLine], list[str]]:
    """What a file names, and its faults in words. Raises Failure."""
    import msgspec

    from clement.policy.list_parsing import ListFormat, parse

    try:
        octets = sys.stdin.buffer.read(MOST_BYTES + 1) if str(file) == "-" else file.read_bytes()
        text = octets.decode("utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise unreadable(file, fault) from None
    if len(octets) > MOST_BYTES:
        raise Failure(ExitCode.USAGE, f"{file}: more than {MOST_BYTES} bytes")
    parsed = parse(text.split("\n"), ListFormat(written_as), int(time.time()))
    ended = [
        line if line.expires_at_s else msgspec.structs.replace(line, expires_at_s=expires_at_s)
        for line in parsed.entries
    ]
    return ended, [f"{file}:{fault.line}: {fault.text}" for fault in parsed.faults]


def _checked(
    actor: Actor, standing: Standing, file: Path, written_as: FormatName, expires: str | None
) -> tuple[list[ListLine], list[str]]:
    """What of a file can be imported, and everything that speaks against the rest."""
    from clement.cli.phrases import expiry_s
    from clement.store.actions.server_import import objections

    expires_at_s = expiry_s(expires, "--expires", time.time()) if expires is not None else 0
    lines, faults = _read(file, written_as, expires_at_s)
    objected = objections(actor, standing, lines)
    faults += [f"{file}:{each.line}: {each.text}" for each in objected]
    refused = {each.line for each in objected}
    return [line for line in lines if line.line not in refused], faults


def _import(
    name: str,
    file: Path,
    written_as: FormatName,
    expires: str | None,
    *,
    skip_wrong: bool,
    wait: bool,
    config: ConfigOption,
) -> None:
    with operator(config) as actor, progress() as bar:
        from clement.policy.network import Standing
        from clement.store.actions.server_import import import_servers

        lines, faults = _checked(actor, Standing(name), file, written_as, expires)
        _complain_of(faults)
        if faults and not skip_wrong:
            raise Failure(ExitCode.NEGATIVE, "nothing was imported; --skip-wrong imports the other lines")
        task = bar.add_task(f"{name} servers", total=len(lines))
        done = import_servers(actor, Standing(name), lines, progress=lambda count: bar.advance(task, count))
        bar.stop()
        say(f"{done.added} added, {done.changed} changed, {done.same} there already")
        TakingUp(config, wait=wait).tell()


def _preview_file(
    name: str, file: Path, written_as: FormatName | None, config: ConfigOption, *, json: bool
) -> None:
    if written_as is None:
        raise Failure(ExitCode.USAGE, "--format is needed with a file: nftables, rbldnsd, csv or json")
    with operator(config) as actor, progress() as bar:
        from clement.policy.network import Standing
        from clement.store.actions.server_import import costs

        lines, faults = _checked(actor, Standing(name), file, written_as, None)
        task = bar.add_task("clients looked at", total=None)
        found = costs(actor, lines, progress=lambda count: bar.advance(task, count))
    _complain_of(faults)
    if json:
        print_json(found)
    else:
        _print_costs(name, found, len(lines))
    if faults:
        raise Failure(ExitCode.NEGATIVE, f"{len(faults)} lines are wrong or contradict what was said by hand")


def _print_costs(name: str, found: Sequence[Cost], count: int) -> None:
    messages = sum(each.messages for each in found)
    say(f"{count} networks would be {name}; {messages} accepted messages came from {len(found)} of them.")
    columns: list[Column[Cost]] = [
        Column("server", lambda cost: cost.network),
        Column("accepted", lambda cost: str(cost.messages), is_number=True),
        Column("from clients", lambda cost: str(cost.clients), is_number=True),
    ]
    if found:
        print_table(found[:SHOWN_COSTS], columns, empty="")
    if len(found) > SHOWN_COSTS:
        say(f"... and {len(found) - SHOWN_COSTS} more")


def _complain_of(faults: Sequence[str]) -> None:
    for fault in faults[:SHOWN_COSTS]:
        complain(fault)
    if len(faults) > SHOWN_COSTS:
        complain(f"... and {len(faults) - SHOWN_COSTS} more")
