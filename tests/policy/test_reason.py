"""The table of reasons is whole: every reason that can count has a rule, and only settings that exist."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import clement.policy.checks
from clement.policy.directory import Fallback, GroupPolicy
from clement.policy.reason import RULES, Disposition, Reason, Rule

CHECKS = Path(clement.policy.checks.__file__).parent


def reasons_named_in(path: Path) -> set[Reason]:
    return {
        Reason[node.attr]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Reason"
    }


@pytest.mark.parametrize("path", sorted(CHECKS.glob("*.py")), ids=lambda path: path.stem)
def test_every_reason_that_a_check_gives_has_a_rule(path: Path) -> None:
    assert reasons_named_in(path) <= RULES.keys()


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES.values() if rule.setting], ids=lambda rule: rule.setting
)
def test_a_setting_is_a_field_of_the_group_that_is_a_fallback(rule: Rule) -> None:
    assert isinstance(getattr(GroupPolicy(), rule.setting), Fallback)


def test_every_fallback_of_a_group_decides_something() -> None:
    fallbacks = {
        name for name in GroupPolicy.__struct_fields__ if isinstance(getattr(GroupPolicy(), name), Fallback)
    }
    assert fallbacks == {rule.setting for rule in RULES.values() if rule.setting}


def test_accepting_is_no_reason_to_refuse() -> None:
    assert Reason.ACCEPTED not in RULES
    assert all(rule.disposition > Disposition.ACCEPT for rule in RULES.values())


def test_our_own_fault_only_defers() -> None:
    assert all(rule.disposition is Disposition.DEFER for rule in RULES.values() if rule.ours)


def test_nothing_lifts_a_virus_or_a_final_ban() -> None:
    assert not RULES[Reason.VIRUS].liftable
    assert not RULES[Reason.VIRUS].setting
    assert not RULES[Reason.NETWORK_BANNED].liftable
