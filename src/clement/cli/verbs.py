"""A Typer whose `--help` keeps the lines of examples as they were written."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import typer

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

    def verb(self, name: str, summary: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
        """Announce a function as a verb; `summary` stands in the list of verbs."""

        def announce(function: Callable[..., None]) -> Callable[..., None]:
            self.command(name, short_help=summary, help=keep_examples(inspect.getdoc(function) or ""))(
                function
            )
            return function

        return announce


def keep_examples(text: str) -> str:
    """A backspace in a line of its own keeps the lines of the paragraph below from being joined."""
    paragraphs = text.split("\n\n")
    return "\n\n".join(f"\b\n{text}" if text.startswith("Example") else text for text in paragraphs)
