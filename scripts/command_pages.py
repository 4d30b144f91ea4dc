"""Write cli.md and clement.1 into a folder, by default docs, from the command line itself.

Each holds what `--help` says of every verb. Nothing here is written twice.
"""

import inspect
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import typer

from clement.cli.app import app
from clement.cli.exit_codes import MEANINGS

DOCS = Path(__file__).resolve().parents[1] / "docs"

Command = Any  # of typer's own, which has no public type


class Verb(NamedTuple):
    """One verb: how it is written, what it does, examples, and (written, purpose) of each parameter."""

    usage: str
    paragraphs: tuple[str, ...]
    examples: tuple[str, ...]
    parameters: tuple[tuple[str, str], ...]

    @property
    def words(self) -> str:
        """`clement group add`."""
        return self.usage.partition(" [")[0]


def verbs() -> Iterator[Verb]:
    """Every verb, in the order of `clement --help`."""
    os.environ["COLUMNS"] = "1000"  # typer wraps what it is asked for
    command = typer.main.get_command(app)
    yield from below(command, command.make_context("clement", [], resilient_parsing=True))


def below(command: Command, context: Command) -> Iterator[Verb]:
    for name, child in command.commands.items():
        inner = child.make_context(name, [], parent=context, resilient_parsing=True)
        if hasattr(child, "commands"):
            yield from below(child, inner)
        else:
            yield verb(child, inner)


def verb(command: Command, context: Command) -> Verb:
    paragraphs, examples = [], []
    for paragraph in inspect.cleandoc(command.help).replace("\b\n", "").split("\n\n"):
        if paragraph.startswith("Example"):
            examples += paragraph.partition(":")[2].strip().splitlines()
        else:
            paragraphs.append(" ".join(paragraph.split()))
    records = [each.get_help_record(context) for each in command.get_params(context)]
    parameters = [(written, " ".join(purpose.split())) for written, purpose in filter(None, records)]
    usage = " ".join(command.get_usage(context).split()).removeprefix("Usage: ")
    return Verb(usage, tuple(paragraphs), tuple(examples), tuple(parameters))


def markdown() -> Iterator[str]:
    yield "# The command line\n"
    yield "Written by `make docs` from the program; `clement VERB --help` says the same.\n"
    yield "Exit codes, the same for every verb:\n"
    yield "| Code | Meaning |\n|---|---|"
    yield from (f"| {code.value} | {meaning} |" for code, meaning in MEANINGS.items())
    for each in verbs():
        yield f"\n## `{each.words}`\n"
        yield from (f"{paragraph}\n" for paragraph in each.paragraphs)
        yield f"```\n{each.usage}\n```\n"
        if each.parameters:
            yield "| | |\n|---|---|"
            yield from (f"| `{cell(written)}` | {cell(purpose)} |" for written, purpose in each.parameters)
        if each.examples:
            yield "\n```sh\n" + "\n".join(each.examples) + "\n```"


def cell(text: str) -> str:
    return text.replace("|", "\\|")


def manual() -> Iterator[str]:
    """The same as a manual page (man(7))."""
    yield '.TH CLEMENT 1 "" "Clement" "User Commands"'
    yield ".SH NAME\nclement \\- mail server that gives its answer while the SMTP session is still open"
    yield ".SH SYNOPSIS\n.B clement\n.I VERB\n[OPTIONS]"
    yield ".SH VERBS"
    for each in verbs():
        yield f".SS {roff(each.usage)}"
        yield "\n.PP\n".join(map(roff, each.paragraphs))
        for written, purpose in each.parameters:
            yield f".TP\n.B {roff(written)}\n{roff(purpose)}"
        if each.examples:
            yield ".PP\n.nf\n" + "\n".join(map(roff, each.examples)) + "\n.fi"
    yield ".SH EXIT STATUS"
    for code, meaning in MEANINGS.items():
        yield f".TP\n.B {code.value}\n{roff(meaning)}"
    yield ".SH FILES\n.TP\n.I /etc/clement/clement.toml\nThe configuration; docs/settings.md describes it."


def roff(text: str) -> str:
    """Text in which troff sees nothing of its own."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    escaped = "".join(char if char.isascii() else f"\\[u{ord(char):04X}]" for char in escaped)
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


def pages() -> dict[str, str]:
    """What each page should hold, by its name."""
    return {"cli.md": "\n".join(markdown()) + "\n", "clement.1": "\n".join(manual()) + "\n"}


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")
