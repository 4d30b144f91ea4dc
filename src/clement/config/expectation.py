"""What a setting may be, in words; and what was found in its place, bounded and escaped."""

from __future__ import annotations

import types
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

from msgspec import Meta

from clement.config.endpoint import EXPECTED, Endpoint
from clement.config.secret import Secret
from clement.config.values import Mode
from clement.policy.dns_list import EXPECTED_CODES, CodeWeight
from clement.policy.network import Network

_PLAIN: dict[object, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text in quotes",
    Path: "a path in quotes",
    Endpoint: EXPECTED,
    Network: 'a network such as "192.0.2.0/24"',
    Secret: '"file:PATH" or "env:NAME"',
    CodeWeight: EXPECTED_CODES,
}

MAX_SHOWN = 60


def without_none(annotation: Any) -> Any:  # noqa: ANN401 - annotations have no common type
    """The annotation of a setting that may be left out, without the None it then is."""
    if annotation in _PLAIN or get_origin(annotation) not in (Union, types.UnionType):
        return annotation
    rest = [part for part in get_args(annotation) if part is not type(None)]
    joined = rest[0]
    for part in rest[1:]:
        joined = joined | part
    return joined


def expected(annotation: Any) -> str:  # noqa: ANN401 - annotations have no common type
    """A phrase that completes "expected ..."."""
    annotation = without_none(annotation)
    if get_origin(annotation) is Annotated:
        described = [meta.description for meta in annotation.__metadata__ if isinstance(meta, Meta)]
        return next((text for text in described if text), expected(get_args(annotation)[0]))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return "one of " + ", ".join(f'"{member.value}"' for member in annotation)
    if get_origin(annotation) is tuple:
        return f"a list, each {expected(get_args(annotation)[0])}"
    return _PLAIN[annotation]


def at_most(annotation: Any, value: object) -> str:  # noqa: ANN401 - annotations have no common type
    """What `expected` leaves out: the bound that a number exceeds, where nobody is expected to reach it."""
    if annotation is not Mode and get_origin(annotation) is Annotated and isinstance(value, int | float):
        for meta in annotation.__metadata__:
            if isinstance(meta, Meta) and meta.le is not None and value > meta.le:
                return "" if str(meta.le) in expected(annotation) else f", at most {meta.le}"
    return ""


def shown(value: object, annotation: Any = None) -> str:  # noqa: ANN401 - annotations have no common type
    """A TOML value as an error quotes it: on one line, printable, at most `MAX_SHOWN` characters."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a table"
    if annotation is Mode and isinstance(value, int):
        return oct(value)
    text = f'"{value}"' if isinstance(value, str) else str(value)
    text = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
