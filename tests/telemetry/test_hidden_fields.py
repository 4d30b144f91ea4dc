"""What a class keeps out of its `repr`, `rich` keeps out of tracebacks with variables as well.

msgspec structs tell `rich` all of their fields (`__rich_repr__`), whatever their own `__repr__` leaves out.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import msgspec
from rich.pretty import pretty_repr

import clement


def test_what_repr_hides_is_hidden_from_rich_too() -> None:
    # In a process of its own: whoever imports everything connects to a database.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other:
        looked_at, telltales = other.submit(_look_at_all).result(timeout=120)
    assert {
        "clement.net.s3_signing.Credentials",
        "clement.smtp.events.AuthRequested",
        "clement.store.database.DatabaseSettings",
    } <= set(looked_at)
    assert telltales == []


def test_a_telltale_is_found() -> None:
    class Telltale(msgspec.Struct):
        name: str
        secret: str

        def __repr__(self) -> str:
            return f"Telltale({self.name!r})"

    class Open(msgspec.Struct):
        name: str

    class Discreet(Telltale):
        def __rich_repr__(self) -> list[tuple[str, str]]:  # type: ignore[override]
            return [("name", self.name)]

    class Heir(Telltale):
        pass

    assert [each for each in (Telltale, Open, Discreet, Heir) if _tells_more(each)] == [Telltale, Heir]


def _look_at_all() -> tuple[list[str], list[str]]:
    """The classes of ours that say how they are shown, and those of them of which `rich` shows more."""
    from clement.store.database import DatabaseSettings, connect

    connect(DatabaseSettings(path=":memory:"))
    classes = {each for each in _classes() if _defines(each, "__repr__").__module__.startswith("clement.")}
    named = {f"{each.__module__}.{each.__qualname__}": each for each in classes}
    return sorted(named), sorted(name for name, each in named.items() if _tells_more(each))


def _classes() -> Iterator[type]:
    for found in pkgutil.walk_packages(clement.__path__, "clement."):
        if found.name.startswith("clement.store.settings"):
            continue
        for each in vars(importlib.import_module(found.name)).values():
            if isinstance(each, type) and each.__module__ == found.name:
                yield each


def _defines(cls: type, method: str) -> type:
    """Whose method it is."""
    return next(each for each in cls.__mro__ if method in vars(each))


def _tells_more(cls: type) -> bool:
    if not issubclass(cls, msgspec.Struct):
        # `rich` shows others by their `repr`, unless they say otherwise.
        return hasattr(cls, "__rich_repr__") and _defines(cls, "__rich_repr__") is not _defines(
            cls, "__repr__"
        )
    values = {name: f"<value of {name}>" for name in cls.__struct_fields__}
    made = cls(**values)
    return any(value in pretty_repr(made) and value not in repr(made) for value in values.values())
