"""What each setting is for, taken from the string beneath its field, so that it is said in one place."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import msgspec

from clement.config.expectation import expected, without_none
from clement.config.settings import Settings
from clement.config.values import Mode


class Description(msgspec.Struct, frozen=True):
    """One setting: its name, what it is for (one line), what it may be, and what it is when not written.

    default: as TOML; "" where the setting is needed or is nothing by default.
    """

    name: str
    purpose: str
    expected: str
    default: str
    is_required: bool


class Section(msgspec.Struct, frozen=True):
    """One table of clement.toml. `is_repeated`: written [[name]], once for each."""

    name: str
    purpose: str
    is_repeated: bool
    settings: tuple[Description, ...]


@cache
def sections() -> tuple[Section, ...]:
    """Every table of clement.toml in the order of `Settings`."""
    return tuple(_sections())


def _sections() -> Iterator[Section]:
    for name, annotation in get_type_hints(Settings, include_extras=True).items():
        is_repeated = get_origin(annotation) is tuple
        kind = get_args(annotation)[0] if is_repeated else annotation
        yield Section(name, one_line(kind.__doc__ or ""), is_repeated, tuple(_settings(kind)))
        for inner, repeated in _tables_within(kind):
            yield Section(
                f"{name}.{inner}", one_line(repeated.__doc__ or ""), True, tuple(_settings(repeated))
            )


def _tables_within(kind: type[msgspec.Struct]) -> Iterator[tuple[str, type[msgspec.Struct]]]:
    """The fields that are tables themselves, written [[table.field]] once for each."""
    for name, annotation in get_type_hints(kind, include_extras=True).items():
        item = get_args(annotation)[0] if get_origin(annotation) is tuple else None
        if isinstance(item, type) and issubclass(item, msgspec.Struct):
            yield name, item


def _settings(kind: type[msgspec.Struct]) -> Iterator[Description]:
    purposes = _field_docstrings(kind)
    annotations = get_type_hints(kind, include_extras=True)
    tables = {name for name, _kind in _tables_within(kind)}
    for field in msgspec.structs.fields(kind):
        if field.name in tables:
            continue
        annotation = without_none(annotations[field.name])
        default = "" if field.required or field.default is None else toml_value(field.default, annotation)
        yield Description(field.name, purposes[field.name], expected(annotation), default, field.required)


def _field_docstrings(kind: type[msgspec.Struct]) -> dict[str, str]:
    """The string that follows each annotated name in the body of the class."""
    source = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    body = source.body[0].body if isinstance(source.body[0], ast.ClassDef) else []
    found: dict[str, str] = {}
    for statement, following in pairwise(body):
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
            found[statement.target.id] = one_line(str(following.value.value))
    return found


def one_line(text: str) -> str:
    """Text with its line breaks and indentation made single spaces."""
    return " ".join(text.split())


def toml_value(value: object, annotation: Any = None) -> str:  # noqa: ANN401 - annotations have no common type
    """A value as it is written in TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return oct(value) if annotation is Mode else f"{value:_}" if value > 99_999 else str(value)
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    return toml_string(value.as_posix() if isinstance(value, Path) else str(value))


def toml_string(text: str) -> str:
    """A TOML basic string (TOML v1.0.0, String)."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08X}" for c in escaped) + '"'
