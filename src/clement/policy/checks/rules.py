"""What the rules of administrators say of a content, for each recipient those of his site, group and domain.

Every rule looks at a message once, however many recipients it has.  What may take long is matched beside the
event loop: RE2 lets other threads run meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final
from weakref import ref

from clement.policy.content_rule import ContentRule, RuleAction
from clement.policy.directive import Scope
from clement.policy.directory import Local, Relayed
from clement.policy.facts import ContentFacts, RecipientContentFacts
from clement.policy.finding import Finding, Observation, Result
from clement.policy.pipeline import Answer, Findings
from clement.policy.reason import Reason
from clement.policy.rule_book import Place, RulesOfScope
from clement.policy.rule_texts import RuleTexts

NAME = "rules"

INLINE_WORK: Final = 8_000_000
"""Instructions times octets; usually some 0.1 ms, at worst 30."""

_ACTIONS: Final = {
    RuleAction.REFUSE: (Result.FAIL, Reason.RULE_REFUSES),
    RuleAction.QUARANTINE: (Result.FAIL, Reason.RULE_QUARANTINES),
    RuleAction.WEIGH: (Result.NEUTRAL, None),
}


class _Matches:
    """What has been found in one content, which it does not keep alive. content: tells when that is gone."""

    __slots__ = ("content", "found", "texts")

    def __init__(self, content: ContentFacts, forget: Callable[[object], object]) -> None:
        self.content = ref(content, forget)
        self.texts: dict[Place, str] = {}
        self.found: dict[tuple[Scope, str], tuple[ContentRule, ...]] = {}

    def find(self, scopes: Sequence[RulesOfScope], texts: RuleTexts) -> None:
        for scope in scopes:
            self.found[scope.key] = scope.matching(texts)


def check_with() -> Callable[[RecipientContentFacts], Answer]:
    """A check that remembers what it has found in the contents that are being judged."""
    known: dict[int, _Matches] = {}

    def of_content(content: ContentFacts) -> _Matches:
        key = id(content)
        if key not in known:
            known[key] = _Matches(content, lambda _gone: known.pop(key, None))
        return known[key]

    def check(facts: RecipientContentFacts) -> Answer:
        content, route = facts.content, facts.recipient.route
        session = content.transaction.session
        book = session.directory.rules
        if not len(book) or not isinstance(route, Local | Relayed):
            return None
        scopes = book.of(route.group.id, route.domain.name)
        if not scopes:
            return None
        matches = of_content(content)
        missing = [scope for scope in scopes if scope.key not in matches.found]
        texts = RuleTexts(content, matches.texts)
        if sum(scope.work(texts) for scope in missing) > INLINE_WORK:
            return _beside(matches, missing, texts, scopes, session.now_s)
        matches.find(missing, texts)
        return _findings(matches, scopes, session.now_s)

    return check


async def _beside(
    matches: _Matches,
    missing: Sequence[RulesOfScope],
    texts: RuleTexts,
    scopes: Sequence[RulesOfScope],
    now_s: float,
) -> Findings | None:
    await asyncio.to_thread(matches.find, missing, texts)
    return _findings(matches, scopes, now_s)


def _findings(matches: _Matches, scopes: Sequence[RulesOfScope], now_s: float) -> Findings | None:
    found = tuple(
        Observation(_finding(rule), 0)
        for scope in scopes
        for rule in matches.found[scope.key]
        if not rule.expires_at or rule.expires_at > now_s
    )
    return found or None


def _finding(rule: ContentRule) -> Finding:
    """For the log: which rule, never its pattern. The client is told that there is one."""
    result, reason = _ACTIONS[rule.action]
    where = f"{rule.field.value} {rule.header_name}".rstrip()
    detail = f'rule {rule.id} "{rule.name}" of the {rule.scope.name.lower()} matches its {where}'
    return Finding(NAME, result, reason, detail, rule.weight if rule.action is RuleAction.WEIGH else 0.0)
