"""What follows from a rule that matches: for whom, once a message, beside the event loop when it is long."""

from __future__ import annotations

import asyncio
import gc

import pytest
from msgspec import structs

from clement.message.grammar import examine
from clement.policy.checks import rules as module
from clement.policy.checks.rules import check_with
from clement.policy.content_rule import ContentRule, Field, RuleAction
from clement.policy.decide import decide
from clement.policy.directive import Action, Directive, Scope
from clement.policy.directory import Directory
from clement.policy.facts import ContentFacts
from clement.policy.finding import Finding
from clement.policy.pipeline import Check, gather
from clement.policy.reason import Reason
from clement.policy.verdict import Accept, Quarantine, Reject
from clement.policy.wording import reply_to
from tests.policy.samples import CONTENTS, NOW_S, RELAYED, content, content_for, policy_with

HEADER = b"From: a@b.example\r\nSubject: big casino\r\n"


def rule(
    number: int, action: RuleAction, scope: Scope = Scope.SITE, key: str = "", **more: object
) -> ContentRule:
    weight = 2.0 if action is RuleAction.WEIGH else 0.0
    made = ContentRule(number, scope, key, "games", Field.SUBJECT, "casino", action, weight=weight)
    return structs.replace(made, **more)


def whole(*rules: ContentRule) -> ContentFacts:
    facts = content(examine(HEADER))
    facts.header_block = HEADER
    facts.transaction.session.directory = Directory(structs.replace(CONTENTS, content_rules=rules))
    return facts


def found(facts: ContentFacts, to: str = "anna@local.example", check: object = None) -> list[Finding]:
    async def main() -> list[Finding]:
        run = check or check_with()
        seen = gather((Check("rules", run),), content_for(to, facts), 5.0)  # type: ignore[arg-type]
        return [each.finding for each in (seen if isinstance(seen, list) else await seen)]

    return asyncio.run(main())


def test_each_action_leads_to_what_it_says() -> None:
    seen = found(whole(rule(1, RuleAction.WEIGH)))
    assert [(each.reason, each.weight) for each in seen] == [(None, 2.0)]
    assert isinstance(decide(seen, None, policy_with()), Accept)
    seen = found(whole(rule(1, RuleAction.WEIGH), rule(2, RuleAction.QUARANTINE)))
    assert isinstance(decide(seen, None, policy_with()), Quarantine)
    seen = found(whole(rule(2, RuleAction.QUARANTINE), rule(3, RuleAction.REFUSE)))
    verdict = decide(seen, None, policy_with())
    assert isinstance(verdict, Reject)
    assert verdict.reason is Reason.RULE_REFUSES
    told = " ".join(reply_to(verdict, "ID").text)
    assert "A rule of the recipient's site" in told
    assert not {"casino", "games"} & set(told.split()), "neither the pattern nor the name"
    assert all("casino" not in each.detail for each in seen)
    assert '3 "games" of the site matches its subject' in seen[1].detail


def test_an_accepting_directive_sets_rules_aside() -> None:
    directive = Directive(1, Scope.SITE, "", Action.ACCEPT, "a@b.example")
    seen = found(whole(rule(1, RuleAction.REFUSE), rule(2, RuleAction.QUARANTINE)))
    assert isinstance(decide(seen, directive, policy_with()), Accept)


def test_rules_of_one_tenant_do_not_touch_anothers_mail() -> None:
    facts = whole(
        rule(1, RuleAction.REFUSE, Scope.DOMAIN, "local.example"),
        rule(2, RuleAction.REFUSE, Scope.GROUP, str(RELAYED.id)),
        rule(3, RuleAction.WEIGH),
    )
    check = check_with()
    numbers = {
        to: [each.detail.split()[1] for each in found(facts, to, check)]
        for to in ("anna@local.example", "x@relay.example", "x@all.example", "nobody@local.example")
    }
    assert numbers == {
        "anna@local.example": ["3", "1"],
        "x@relay.example": ["3", "2"],
        "x@all.example": ["3"],
        "nobody@local.example": [],
    }


def test_a_rule_that_is_over_is_not_asked_however_old_the_directory() -> None:
    assert found(whole(rule(1, RuleAction.REFUSE, expires_at=int(NOW_S)))) == []
    assert len(found(whole(rule(1, RuleAction.REFUSE, expires_at=int(NOW_S) + 1)))) == 1


def test_without_rules_nothing_is_read() -> None:
    assert check_with()(content_for("anna@local.example", content())) is None


def test_a_message_is_matched_once_and_then_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[object] = []
    reading = module.RuleTexts._read
    monkeypatch.setattr(
        module.RuleTexts, "_read", lambda self, *place: read.append(place) or reading(self, *place)
    )
    check = check_with()
    facts = whole(rule(1, RuleAction.REFUSE))
    for _ in range(5):
        assert len(found(facts, check=check)) == 1
    assert len(read) == 1
    known = check.__closure__
    assert known is not None
    remembered = next(cell.cell_contents for cell in _cells(check) if isinstance(cell.cell_contents, dict))
    assert len(remembered) == 1
    del facts
    gc.collect()
    assert not remembered


def _cells(function: object) -> list[object]:
    cells: list[object] = []
    for cell in getattr(function, "__closure__", None) or ():
        cells.append(cell)
        cells += _cells(cell.cell_contents)
    return cells


def test_case_103_long_matching_leaves_the_loop_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "INLINE_WORK", 0)
    facts = whole(rule(1, RuleAction.REFUSE))
    waiting = check_with()(content_for("anna@local.example", facts))
    assert asyncio.iscoroutine(waiting)
    waiting.close()
    assert [each.reason for each in found(facts)] == [Reason.RULE_REFUSES]
