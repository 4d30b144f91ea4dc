"""Which of our own domains a stranger's name looks like.

Made once for a directory, so that a name costs a few look-ups however many domains are hosted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from clement.message.authentication.organizational_domain import organizational_domain
from clement.message.confusables import skeleton

MAX_MISSPELT_DOMAINS: Final = 2000
"""Domains whose misspellings are known; look-alikes are known of all."""

SHORTEST_MISSPELT: Final = 6
"""Letters of a label below which too many words are one letter apart."""

SHORTEST_ELSEWHERE: Final = 5
MAX_BAIT_LABELS: Final = 8
MAX_REMEMBERED: Final = 4096


class Likeness(NamedTuple):
    """domain: the one of ours. weight: log-odds. how: in words, to stand between the two names."""

    domain: str
    weight: float
    how: str


class LikenessIndex:
    """Knows these domains by what they look like."""

    __slots__ = ("_by_label", "_by_skeleton", "_found", "_misspelt", "_own")

    def __init__(self, domains: Iterable[str]) -> None:
        self._own = dict.fromkeys(map(organizational_domain, domains))
        self._by_skeleton = {skeleton(name): name for name in self._own}
        self._by_label: dict[str, str] = {}
        self._misspelt: dict[str, tuple[str, str]] = {}
        self._found: dict[str, Likeness | None] = {}
        for name in self._own:
            label = _label(skeleton(name))
            self._by_label.setdefault(label, name)
            if SHORTEST_MISSPELT <= len(label) <= 63 and len(self._by_label) <= MAX_MISSPELT_DOMAINS:
                for variant in _variants(label):
                    self._misspelt.setdefault(variant, (label, name))

    def find(self, organization: str) -> Likeness | None:
        """What a stranger's organizational domain looks like; None when it is one of ours, or like none."""
        if organization in self._own or not self._own:
            return None
        if organization not in self._found:
            if len(self._found) >= MAX_REMEMBERED:
                self._found.clear()
            self._found[organization] = self._look_for(organization)
        return self._found[organization]

    def _look_for(self, organization: str) -> Likeness | None:
        shape = skeleton(organization)
        twin = self._by_skeleton.get(shape)
        if twin is not None:
            return Likeness(twin, 3.0, "looks like")
        label = _label(shape)
        twin = self._by_label.get(label)
        if twin is not None and len(label) >= SHORTEST_ELSEWHERE:
            same = _label(organization) == _label(twin)
            return Likeness(twin, 0.5, "is called like") if same else Likeness(twin, 2.5, "looks like")
        return self._misspelling(label)

    def bears(self, host: str, organization: str) -> str:
        """The domain of ours that stands among the labels before a stranger's own, as a bait; or ""."""
        if host.count(".") < organization.count(".") + 2:
            return ""
        labels = host[: -len(organization) - 1].split(".")[:MAX_BAIT_LABELS]
        for start in range(len(labels) - 1):
            for end in range(start + 2, len(labels) + 1):
                name = ".".join(labels[start:end])
                if name in self._own:
                    return name
        return ""

    def _misspelling(self, label: str) -> Likeness | None:
        if SHORTEST_MISSPELT - 1 <= len(label) <= 64:
            for variant in _variants(label):
                known = self._misspelt.get(variant)
                if known is not None and _is_one_apart(label, known[0]):
                    return Likeness(known[1], 1.5, "is one letter from")
        return None


def _label(name: str) -> str:
    return name.partition(".")[0]


def _variants(label: str) -> Iterator[str]:
    """A word and what is left of it without any one letter: words one edit apart share one of these."""
    yield label
    for index in range(len(label)):
        yield label[:index] + label[index + 1 :]


def _is_one_apart(left: str, right: str) -> bool:
    """One letter more, less or another, or two neighbours exchanged (Damerau)."""
    if len(left) > len(right):
        left, right = right, left
    if len(right) - len(left) > 1 or left == right:
        return False
    at = 0
    while at < len(left) and left[at] == right[at]:
        at += 1
    if len(left) < len(right):
        return left[at:] == right[at + 1 :]
    exchanged = left[at + 1 : at + 2] + left[at : at + 1] + left[at + 2 :]
    return left[at + 1 :] == right[at + 1 :] or exchanged == right[at:]


def looks_like(name: str, other: str) -> bool:
    """Whether two organizational domains look alike and are not the same."""
    return name != other and skeleton(name) == skeleton(other)
