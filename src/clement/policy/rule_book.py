"""The rules of administrators, compiled once for a directory, and matched against the texts of a message.

Where a scope has many rules for one field, one pass of RE2 over the text finds all that match.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import re2  # type: ignore[import-untyped]

from clement.policy.content_rule import (
    MAX_MEMORY_BYTES,
    ContentRule,
    Field,
    PatternRefused,
    compile_pattern,
    in_lines,
    options,
)
from clement.policy.directive import Scope

MANY: Final = 5
_SENTINEL: Final = "\U0010fffd"
"""Stands at the end of the text, and a pattern of every set matches it: a set that does not find it has run
out of memory, and says nothing of the rest."""

_SENTINEL_OCTETS: Final = _SENTINEL.encode()

Place = tuple[Field, str]
"""A field, and for `Field.HEADER` the name."""

TextOf = Callable[[Place], str]


class RulesOfScope:
    """The rules of one scope, by where they look."""

    __slots__ = ("_by_place", "key")

    def __init__(self, key: tuple[Scope, str], rules: Iterable[tuple[ContentRule, Any]]) -> None:
        self.key = key
        places: dict[Place, list[tuple[ContentRule, Any]]] = {}
        for rule, compiled in rules:
            places.setdefault((rule.field, rule.header_name), []).append((rule, compiled))
        self._by_place = {place: _Matcher(several) for place, several in places.items()}

    def work(self, text_of: TextOf) -> int:
        """Instructions times octets that matching takes at most."""
        return sum(matcher.program * len(text_of(place)) for place, matcher in self._by_place.items())

    def matching(self, text_of: TextOf) -> tuple[ContentRule, ...]:
        """The rules that match, in the order of their numbers."""
        found: list[ContentRule] = []
        for place, matcher in self._by_place.items():
            text = text_of(place)
            if text:
                found += matcher.matching(text)
        return tuple(sorted(found, key=lambda rule: rule.id))


class _Matcher:
    """Rules for one field."""

    __slots__ = ("_rules", "_set", "program")

    def __init__(self, rules: list[tuple[ContentRule, Any]]) -> None:
        self._rules = rules
        self._set = _set_of([rule.pattern for rule, _compiled in rules]) if len(rules) >= MANY else None
        self.program = sum(compiled.programsize for _rule, compiled in rules)

    def matching(self, text: str) -> list[ContentRule]:
        octets = text.encode("utf-8", "replace")
        if self._set is not None:
            indices = self._set.Match(octets + _SENTINEL_OCTETS) or ()
            if len(self._rules) in indices:
                return [self._rules[index][0] for index in indices if index < len(self._rules)]
        return [rule for rule, compiled in self._rules if compiled.search(octets) is not None]


def _set_of(patterns: list[str]) -> Any:  # noqa: ANN401 - re2 has no name for its type
    """All patterns in one, or None where they are too many for its memory."""
    several = re2.Set.SearchSet(options(MAX_MEMORY_BYTES * len(patterns)))
    try:
        for pattern in patterns:
            several.Add(in_lines(pattern))
        several.Add(_SENTINEL)
        several.Compile()
    except re2.error:
        return None
    return several


class RuleBook:
    """All rules of a site, by scope. A pattern that this RE2 does not take is left out; see `unusable`."""

    __slots__ = ("_scopes", "unusable")

    def __init__(self, rules: Iterable[ContentRule] = ()) -> None:
        gathered: dict[tuple[Scope, str], list[tuple[ContentRule, Any]]] = {}
        unusable: list[int] = []
        for rule in rules:
            try:
                compiled = compile_pattern(rule.pattern)
            except PatternRefused:
                unusable.append(rule.id)
            else:
                gathered.setdefault((rule.scope, rule.scope_key), []).append((rule, compiled))
        self._scopes = {key: RulesOfScope(key, several) for key, several in gathered.items()}
        self.unusable = tuple(unusable)

    def __len__(self) -> int:
        return len(self._scopes)

    def of(self, group_id: int, domain: str) -> list[RulesOfScope]:
        """The rules for mail to this domain: of the site, of its group, its own."""
        keys = ((Scope.SITE, ""), (Scope.GROUP, str(group_id)), (Scope.DOMAIN, domain))
        return [self._scopes[key] for key in keys if key in self._scopes]
