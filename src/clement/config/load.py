"""clement.toml → Settings: read, parse, convert, and check what one setting means for another."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from clement.config.consistency import find_contradictions
from clement.config.convert import Blame, Converter
from clement.config.dns_list_sense import find_list_contradictions
from clement.config.locate import key_lines
from clement.config.problem import ConfigurationError, Problem
from clement.config.settings import Settings

MAX_FILE_BYTES = 1_048_576

_AT_LINE = re.compile(r"(?P<text>.*) \(at (?:line (?P<line>\d+), column \d+|end of document)\)", re.DOTALL)


def load(path: Path) -> Settings:
    """The settings of the file at `path`. Raises ConfigurationError with everything that is wrong with it.

    Files that the settings name are not opened here: see `clement.config.inspection`.
    """
    return load_with_blame(path)[0]


def load_with_blame(path: Path) -> tuple[Settings, Blame]:
    """As `load`, together with the means to blame a line for what is found out later."""
    text = _read(path)
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError([_syntax_problem(path, text, error)]) from None
    blame = Blame(str(path), key_lines(text))
    settings = Converter(blame, path.resolve().parent).struct(Settings, tables, ())
    if settings is not None:
        find_contradictions(settings, blame)
        find_list_contradictions(settings, blame)
    if settings is None or blame.problems:
        raise ConfigurationError(blame.problems)
    return settings, blame


def _read(path: Path) -> str:
    try:
        content = path.read_bytes()[: MAX_FILE_BYTES + 1]
    except OSError as error:
        hint = "; `clement init` makes one" if isinstance(error, FileNotFoundError) else ""
        raise ConfigurationError(
            [Problem(str(path), 0, "", f"cannot be read: {error.strerror}{hint}")]
        ) from None
    if len(content) > MAX_FILE_BYTES:
        raise ConfigurationError([Problem(str(path), 0, "", "is larger than a configuration can be")])
    try:
        return content.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigurationError([Problem(str(path), line, "", "expected UTF-8 text")]) from None


def _syntax_problem(path: Path, text: str, error: tomllib.TOMLDecodeError) -> Problem:
    found = _AT_LINE.fullmatch(str(error))
    if found is None:
        return Problem(str(path), 0, "", f"not TOML: {error}")
    line = int(found["line"]) if found["line"] else text.rstrip().count("\n") + 1
    return Problem(str(path), line, "", f"not TOML: {found['text'].lower()}")
