"""What looking into one file gives, before it becomes an `Attachment`."""

from __future__ import annotations

import msgspec

from clement.message.attachment import Category


class Inner(msgspec.Struct, frozen=True, gc=False):
    """A file embedded in a document. whole: `octets` are all of it."""

    name: str
    octets: bytes
    size_bytes: int


class Insight(msgspec.Struct):
    """What a document turned out to be. type: a finer one than its first octets gave, "" for none."""

    type: str = ""
    categories: set[Category] = set()
    why: list[str] = []
    inner: list[Inner] = []

    def say(self, category: Category, why: str) -> None:
        """Note what it is and what led to that."""
        self.categories.add(category)
        if why not in self.why:
            self.why.append(why)
