"""What verbs print: tables for people, JSON lines for programs, nothing that a stranger could misuse.

Addresses, EHLO names and subjects were chosen by strangers. Before they reach a terminal every
character that is not plainly printable (controls, escape sequences, bidirectional overrides) is
shown as an escape (hostile case 136), and Rich's own markup is switched off.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from enum import IntEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from clement.message.text import visible

if TYPE_CHECKING:
    import msgspec
    from rich.console import Console
    from rich.progress import Progress

T = TypeVar("T")

Line = tuple[str, str]
"""Text that is fit to be shown, and the style a terminal may show it in."""

MAX_CELL = 200
UNWRAPPED_COLUMNS = 10_000


class Column(NamedTuple, Generic[T]):
    """One column of a table: its heading, and how a row fills it. `style`: of a cell, by its text."""

    heading: str
    cell: Callable[[T], str]
    style: Callable[[str], str] | None = None
    is_number: bool = False


OUTCOME_STYLES = {
    "accepted": "green",
    "held": "magenta",
    "refused": "red",
    "deferred": "yellow",
    "nothing": "dim",
}


def outcome_style(outcome: str) -> str:
    """The colour of an outcome."""
    return OUTCOME_STYLES.get(outcome, "")


def safe(text: str, limit: int = MAX_CELL) -> str:
    """Text as a terminal may show it: bounded, on one line, every unprintable character escaped."""
    return visible(text, limit)


def console(*, to_stderr: bool = False) -> Console:
    """A console without markup; not wrapped when the output goes to a file or a program."""
    from rich.console import Console

    stream = sys.stderr if to_stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else UNWRAPPED_COLUMNS
    return Console(file=stream, markup=False, highlight=False, emoji=False, width=width, soft_wrap=False)


def say(text: str = "", style: str = "") -> None:
    """One line for a person, on standard output; the text is ours or has been made safe."""
    if style and sys.stdout.isatty():
        console().print(text, style=style)
    else:
        print(text, flush=True)


def complain(text: str) -> None:
    """One line on standard error."""
    for line in text.splitlines() or [""]:
        print(safe(line, 2000), file=sys.stderr)


def print_table(rows: Iterable[T], columns: Sequence[Column[T]], *, empty: str) -> None:
    """A table, or the sentence `empty` (on standard error) when there are no rows."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(column.heading, justify="right" if column.is_number else "left", overflow="fold")
    for row in rows:
        cells = [(column, safe(column.cell(row))) for column in columns]
        table.add_row(
            *(Text(cell, style=column.style(cell) if column.style else "") for column, cell in cells)
        )
    if not table.row_count:
        complain(empty)
        return
    output = console()
    with output.capture() as captured:
        output.print(table)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))


def print_lines(lines: Iterable[Line]) -> None:
    """Lines in their styles, which only a terminal shows."""
    output = console()
    for text, style in lines:
        output.print(text, style=style or None, soft_wrap=True)


def print_facts(facts: Iterable[tuple[str, str]], limit: int = MAX_CELL) -> None:
    """Names and values under each other; a value that is empty is left out."""
    kept = [(name, safe(value, limit)) for name, value in facts if value]
    width = max((len(name) for name, _ in kept), default=0)
    for name, value in kept:
        print(f"{name:<{width}}  {value}")


def print_json(values: Iterable[object]) -> None:
    """One JSON object a line."""
    import msgspec

    encoder = msgspec.json.Encoder()
    for value in values:
        sys.stdout.write(encoder.encode(as_objects(value)).decode() + "\n")
    sys.stdout.flush()


def as_objects(value: object) -> object:
    """A record as programs read it: every field by its name, where the journal's own form has only places."""
    import msgspec

    if isinstance(value, msgspec.Struct):
        return as_fields(value)
    if isinstance(value, tuple):
        return [as_objects(item) for item in value]
    if isinstance(value, IntEnum):
        return value.name.lower()
    return str(value) if isinstance(value, IPv4Network | IPv6Network | Path) else value


def as_fields(row: msgspec.Struct) -> dict[str, object]:
    """The fields of a record as `as_objects` makes them, for whoever has some to add."""
    return {name: as_objects(getattr(row, name)) for name in row.__struct_fields__}


def progress() -> Progress:
    """A progress bar on standard error, invisible where that is not a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console(to_stderr=True),
        disable=not sys.stderr.isatty(),
    )


def local_time(at_s: float) -> str:
    """A moment as the operator's clock shows it, to the second."""
    return datetime.fromtimestamp(at_s, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def duration(microseconds: int) -> str:
    """A duration with three significant digits at most: `850 µs`, `12.3 ms`, `4.21 s`."""
    if microseconds < 1000:
        return f"{microseconds} µs"
    if microseconds < 1_000_000:
        return f"{microseconds / 1000:.3g} ms"
    if microseconds < 60_000_000:
        return f"{microseconds / 1_000_000:.3g} s"
    return f"{microseconds // 60_000_000} min {microseconds // 1_000_000 % 60} s"


def size(size_bytes: int) -> str:
    """A number of bytes as people say it: `812 B`, `4.2 kB`, `37.0 MB`."""
    amount = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"
