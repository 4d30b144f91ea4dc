"""Long lists, a page at a time, so that ten million rows take no more memory than one page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Row = TypeVar("Row")
Key = TypeVar("Key")


def all_pages(page: Callable[[Key], Sequence[Row]], first: Key, key: Callable[[Row], Key]) -> Iterator[Row]:
    """Every row of `page(key)`, which gives those behind `key`; an empty page is the end."""
    after = first
    while rows := page(after):
        yield from rows
        after = key(rows[-1])
