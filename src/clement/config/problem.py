"""What is wrong with a configuration, as values that print themselves."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec


class Problem(msgspec.Struct, frozen=True, order=True):
    """One mistake. `line` is 0 when no line can be blamed, `key` is dotted and "" for the whole file.

    is_warning: the configuration can be used all the same.
    """

    file: str
    line: int
    key: str
    text: str
    is_warning: bool = False

    def __str__(self) -> str:
        """`clement.toml:12: limits.recipients: expected ..., found 50`; a warning says that it is one."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        if self.is_warning:
            place += ": warning"
        return f"{place}: {self.key}: {self.text}" if self.key else f"{place}: {self.text}"


class ConfigurationError(Exception):
    """The configuration cannot be used. `problems` holds every reason, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))
