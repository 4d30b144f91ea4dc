"""TOML tables into frozen structs, going on after each mistake so that all are told at once."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from clement.config.endpoint import Endpoint, parse_endpoint
from clement.config.expectation import at_most, expected, shown, without_none
from clement.config.locate import KeyPath
from clement.config.problem import Problem
from clement.config.secret import Secret, parse_secret
from clement.policy.dns_list import CodeWeight, parse_code_weight
from clement.policy.network import Network

S = TypeVar("S", bound=msgspec.Struct)


class Blame:
    """Collects problems and knows on which line each key stands."""

    def __init__(self, file: str, lines: Mapping[KeyPath, int]) -> None:
        self._file = file
        self._lines = lines
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def line(self, path: KeyPath) -> int:
        """The line of a key, or of the nearest table above it; 0 when there is none."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 0)

    def add(self, path: KeyPath, text: str) -> None:
        """Note a problem with the key at `path`."""
        self.problems.append(Problem(self._file, self.line(path), dotted(path), text))

    def warn(self, path: KeyPath, text: str) -> None:
        """Note something about the key at `path` that can be used and should be known."""
        self.warnings.append(Problem(self._file, self.line(path), dotted(path), text, is_warning=True))


def dotted(path: KeyPath) -> str:
    """`listener[2].address`: elements are counted from 1, as people count."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            text += f".{part}" if text else part
    return text


class Converter:
    """Turns values of one file into settings. Paths are taken from `folder`."""

    def __init__(self, blame: Blame, folder: Path) -> None:
        self._blame = blame
        self._parsers: dict[object, Callable[[str], object]] = {
            Path: lambda text: folder / _required(text, "a path in quotes"),
            Endpoint: lambda text: parse_endpoint(text, folder),
            Network: _parse_network,
            CodeWeight: parse_code_weight,
            Secret: lambda text: parse_secret(text, folder),
        }
        self._folder = folder

    def struct(self, kind: type[S], table: object, path: KeyPath) -> S | None:
        """One table as `kind`, or None when it holds a mistake (which has been noted)."""
        if not isinstance(table, dict):
            self._blame.add(path, f"expected a table, found {shown(table)}")
            return None
        before = len(self._blame.problems)
        fields = {field.name: field for field in msgspec.structs.fields(kind)}
        annotations = get_type_hints(kind, include_extras=True)
        for name in table:
            if name not in fields:
                self._blame.add((*path, name), _unknown(name, fields))
        values = {
            name: self.value(annotations[name], table[name], (*path, name))
            for name in fields
            if name in table
        }
        for name, field in fields.items():
            if name in table:
                continue
            if field.required:
                self._blame.add((*path, name), _missing(annotations[name]))
            else:
                values[name] = self._default(annotations[name], field.default, (*path, name))
        return kind(**values) if len(self._blame.problems) == before else None

    def value(self, annotation: Any, value: object, path: KeyPath) -> Any:  # noqa: ANN401 - any setting
        """One value as `annotation` asks; None when it is wrong (which has been noted)."""
        annotation = without_none(annotation)
        if _is_struct(annotation):
            return self.struct(annotation, value, path)
        if get_origin(annotation) is tuple:
            return self._list(get_args(annotation)[0], value, path)
        try:
            if annotation not in self._parsers:
                return msgspec.convert(value, annotation, strict=True)
            if isinstance(value, str):
                return self._parsers[annotation](value)
        except msgspec.ValidationError:
            pass
        except ValueError as error:
            self._blame.add(path, f"{error}{_found(annotation, value)}")
            return None
        wanted = f"{expected(annotation)}{at_most(annotation, value)}"
        self._blame.add(path, f"expected {wanted}{_found(annotation, value)}")
        return None

    def _list(self, annotation: Any, value: object, path: KeyPath) -> tuple[Any, ...]:  # noqa: ANN401 - any setting
        if not isinstance(value, list):
            what = f"[[{path[-1]}]]" if _is_struct(annotation) else f"a list, each {expected(annotation)}"
            self._blame.add(path, f"expected {what}, found {shown(value)}")
            return ()
        return tuple(self.value(annotation, item, (*path, index)) for index, item in enumerate(value))

    def _default(self, annotation: Any, default: object, path: KeyPath) -> object:  # noqa: ANN401 - any setting
        """What a setting is when it is not written; a default path is relative to the file's folder too."""
        if _is_struct(annotation):
            return self.struct(annotation, {}, path)
        return self._folder / default if isinstance(default, Path) else default


def _is_struct(annotation: object) -> bool:
    return (
        isinstance(annotation, type) and issubclass(annotation, msgspec.Struct) and annotation is not Secret
    )


def _found(annotation: object, value: object) -> str:
    """What stood there; but never what stood where a secret belongs."""
    return "" if annotation is Secret else f", found {shown(value, annotation)}"


def _unknown(name: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return f"unknown key; did you mean {near[0]}?"
    return f"unknown key; expected one of {', '.join(known)}"


def _missing(annotation: Any) -> str:  # noqa: ANN401 - annotations have no common type
    if get_origin(annotation) is tuple:
        return "missing; at least one is needed"
    if _is_struct(annotation):
        needed = [field.name for field in msgspec.structs.fields(annotation) if field.required]
        return f"missing; a table with {' and '.join(needed)} is needed"
    return f"missing; expected {expected(annotation)}"


def _required(text: str, what: str) -> str:
    if not text or "\0" in text:
        raise ValueError(f"expected {what}")
    return text


def _parse_network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError as error:
        hint = "with no bits set behind its prefix" if "host bits" in str(error) else "such as 192.0.2.0/24"
        raise ValueError(f"expected a network {hint}") from None
