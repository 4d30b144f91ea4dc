"""A commented clement.toml, written from the descriptions of the settings."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from clement.config.describe import Description, Section, sections

Chosen = Mapping[str, str]
"""Settings of one table that differ from their defaults, as TOML values."""

HEAD = """\
# Clement's configuration. Lines that begin with "#name =" show a default: remove the # to change it.
# Relative paths are taken from the folder of this file. After a change: `clement check`, then SIGHUP.
"""

WIDTH = 100
NO_DEFAULT = '"..."'


def write_sample(chosen: Mapping[str, Chosen], listeners: Sequence[Chosen]) -> str:
    """The text of a configuration with the given choices, everything else shown as its default."""
    lines = [HEAD]
    for section in sections():
        if section.is_repeated and section.name != "listener":
            lines.extend(_unused(section))
            continue
        tables = listeners if section.is_repeated else [chosen.get(section.name, {})]
        for number, table in enumerate(tables):
            lines.extend(_table(section, table, is_first=number == 0))
    return "\n".join(lines) + "\n"


def _table(section: Section, chosen: Chosen, *, is_first: bool) -> Iterator[str]:
    if is_first:
        yield from _comment(section.purpose)
    yield f"[[{section.name}]]" if section.is_repeated else f"[{section.name}]"
    for setting in section.settings:
        if is_first or not section.is_repeated:
            yield from _comment(setting.purpose)
        if setting.name in chosen:
            yield f"{setting.name} = {chosen[setting.name]}"
        elif is_first or not section.is_repeated:
            yield _unchosen(setting)
    yield ""


def _unused(section: Section) -> Iterator[str]:
    """A table that is in force only where somebody writes it."""
    yield from _comment(section.purpose)
    yield f"#   [[{section.name}]]"
    for setting in section.settings:
        yield from _comment(setting.purpose)
        yield _unchosen(setting).replace("#", "#   ", 1)
    yield ""


def _unchosen(setting: Description) -> str:
    return f"#{setting.name} = {setting.default or NO_DEFAULT}"


def _comment(text: str) -> Iterator[str]:
    for line in textwrap.wrap(text, WIDTH - 2, break_long_words=False, break_on_hyphens=False):
        yield f"# {line}"
