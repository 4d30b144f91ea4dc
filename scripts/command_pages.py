"""Write docs/cli.md and docs/clement.1 from the command line itself: what `--help` says, on one page."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import typer

from clement.cli.app import app
from clement.cli.exit_codes import MEANINGS

DOCS = Path(__file__).resolve().parents[1] / "docs"


class Parameter(NamedTuple):
    """An option or argument: how it is written, and what it is for."""

    written: str
    purpose: str
    is_argument: bool


class Verb(NamedTuple):
    """One verb with its words (`clement group add`), paragraphs, examples and parameters."""

    words: str
    summary: str
    usage: str
    paragraphs: tuple[str, ...]
    examples: tuple[str, ...]
    parameters: tuple[Parameter, ...]


def verbs() -> Iterator[Verb]:
    """Every verb, in the order of `clement --help`."""
    command = typer.main.get_command(app)
    yield from below("clement", command)


def below(words: str, command: Any) -> Iterator[Verb]:
    for name, child in getattr(command, "commands", {}).items():
        if getattr(child, "commands", None):
            yield from below(f"{words} {name}", child)
        else:
            yield verb(f"{words} {name}", child)


def verb(words: str, command: Any) -> Verb:
    text = inspect.cleandoc(command.help or "").replace("\b\n", "")
    paragraphs, examples = [], []
    for paragraph in text.split("\n\n"):
        if paragraph.startswith("Example"):
            examples += paragraph.removeprefix("Examples:").removeprefix("Example:").strip().splitlines()
        else:
            paragraphs.append(" ".join(paragraph.split()))
    parameters = tuple(parameter(each) for each in command.params)
    arguments = "".join(f" {each.written}" for each in parameters if each.is_argument)
    usage = f"{words} [OPTIONS]{arguments}"
    return Verb(
        words, command.short_help or paragraphs[0], usage, tuple(paragraphs), tuple(examples), parameters
    )


def parameter(each: Any) -> Parameter:
    purpose = " ".join((each.help or "").split())
    if each.param_type_name == "argument":
        name = each.metavar or each.name.upper()
        return Parameter(f"{name}..." if each.nargs == -1 else name, purpose, is_argument=True)
    names = ", ".join([*each.opts, *each.secondary_opts])
    takes = "" if each.is_flag else f" {metavar(each)}"
    default = f" Default: {shown(each.default)}." if each.show_default and has_default(each) else ""
    return Parameter(names + takes, purpose + default, is_argument=False)


def metavar(each: Any) -> str:
    choices = getattr(each.type, "choices", None)
    return each.metavar or ("|".join(map(str, choices)) if choices else each.type.name.upper())


def has_default(each: Any) -> bool:
    return not each.is_flag and each.default not in (None, "", [], ())


def shown(default: Any) -> str:
    return ", ".join(map(str, default)) if isinstance(default, list | tuple) else str(default)


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
            yield from (f"| `{cell(one.written)}` | {cell(one.purpose)} |" for one in each.parameters)
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
        for one in each.parameters:
            yield f".TP\n.B {roff(one.written)}\n{roff(one.purpose)}"
        if each.examples:
            yield ".PP\n.nf\n" + "\n".join(map(roff, each.examples)) + "\n.fi"
    yield ".SH EXIT STATUS"
    for code, meaning in MEANINGS.items():
        yield f".TP\n.B {code.value}\n{roff(meaning)}"
    yield ".SH FILES\n.TP\n.I /etc/clement/clement.toml\nThe configuration; docs/settings.md describes it."


def roff(text: str) -> str:
    """Text in which troff sees nothing of its own."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


def pages() -> dict[Path, str]:
    """What each page should hold."""
    return {
        DOCS / "cli.md": "\n".join(markdown()) + "\n",
        DOCS / "clement.1": "\n".join(manual()) + "\n",
    }


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.name}")
