"""A Typer whose `--help` keeps the lines of examples as they were written, and which imports only what runs.

Starting is most of what a short verb costs, so nothing is imported for verbs that do not run.
"""

from __future__ import annotations

import inspect
from collections import UserDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any, ClassVar, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from clement.cli.exit_codes import ExitCode, Failure

PLAIN_HELP: dict[str, Any] = {
    "no_args_is_help": True,
    "pretty_exceptions_enable": False,
    "context_settings": {"help_option_names": ["-h", "--help"], "max_content_width": 100},
    "rich_markup_mode": None,
}


class Verbs(typer.Typer):
    """Verbs of one kind. The docstring of each has a paragraph that begins with Example."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - what typer.Typer takes
        super().__init__(**PLAIN_HELP, **settings)

    def verb(
        self, name: str, summary: str, *, names_changes: bool = False
    ) -> Callable[[Callable[..., None]], Callable[..., None]]:
        """Announce a function as a verb; `summary` stands in the list of verbs.

        names_changes: what it does is in its options, so that it needs one of them.
        """

        def announce(function: Callable[..., None]) -> Callable[..., None]:
            text = keep_examples(inspect.getdoc(function) or "")
            self.command(
                name, short_help=summary, help=text, cls=_NamesChanges if names_changes else TyperCommand
            )(function)
            return function

        return announce


class _NamesChanges(TyperCommand):
    """A verb without a change would write a new version of what is as it was."""

    _NOT_CHANGES: ClassVar = frozenset({"wait", "config", "json"})

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - of private types
        said = {
            param.name
            for param in self.params
            if param.param_type_name == "option"
            and ctx.get_parameter_source(param.name).name == "COMMANDLINE"
        }
        if said <= self._NOT_CHANGES:
            raise Failure(ExitCode.USAGE, f"nothing to change; `{ctx.command_path} --help` shows what can be")
        return super().invoke(ctx)


class Later(NamedTuple):
    """A verb, or verbs of one kind, that nothing is imported for before it is asked for.

    place: `module:name` of a function or of Verbs.  summary: what stands in the list of verbs.
    """

    place: str
    summary: str

    def load(self, name: str) -> Any:  # noqa: ANN401 - a command of typer's own, which has no public type
        """Import it."""
        module, _, attribute = self.place.partition(":")
        found = getattr(import_module(module), attribute)
        verbs = found if isinstance(found, Verbs) else Verbs()
        if verbs is not found:
            verbs.verb(name, self.summary)(found)
        group = typer.main.get_group(verbs)
        if verbs is not found:
            return group.commands[name]
        group.name, group.help = name, self.summary
        return group


class _Announced(UserDict[str, Any]):
    """Verbs by their names; one for later is imported when it is taken out."""

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - as `Later.load`
        found = self.data[name]
        if isinstance(found, Later):
            found = self.data[name] = found.load(name)
        return found

    def summaries(self) -> list[tuple[str, str]]:
        """What `--help` says of each."""
        return [
            (name, verb.summary if isinstance(verb, Later) else verb.short_help or verb.help)
            for name, verb in self.data.items()
        ]


class ReaderGone(Exception):
    """Whoever read our output has gone (`| head`). Typer would take an OSError for a failure of the verb."""


@contextmanager
def _reader_may_go() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise ReaderGone from None


class LaterVerbs(TyperGroup):
    """A group that knows the names and summaries of its verbs, and imports the one that runs."""

    later: ClassVar[Mapping[str, Later]] = {}

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - what TyperGroup takes
        super().__init__(**settings)
        self.announced = self.commands = _Announced({**self.commands, **self.later})

    def make_context(self, *words: Any, **settings: Any) -> Any:  # noqa: ANN401 - of private types
        with _reader_may_go():  # `--help` is printed here
            return super().make_context(*words, **settings)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - of private types
        with _reader_may_go():
            return super().invoke(ctx)

    def list_commands(self, _ctx: object) -> list[str]:
        return list(self.commands)

    def format_commands(self, _ctx: object, formatter: Any) -> None:  # noqa: ANN401 - of a private type
        with formatter.section("Commands"):
            formatter.write_dl(self.announced.summaries())


def keep_examples(text: str) -> str:
    """A backspace in a line of its own keeps the lines of the paragraph below from being joined."""
    paragraphs = text.split("\n\n")
    return "\n\n".join(f"\b\n{text}" if text.startswith("Example") else text for text in paragraphs)
