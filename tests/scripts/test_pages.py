"""The pages say what the program does: checks, tables and references are those of the code as it is."""

from __future__ import annotations

import re

import pytest

from clement.policy.pipeline import Plan
from clement.policy.plan import standard_plan
from clement.policy.reason import RULES
from scripts import page_tables, rfc_index
from scripts.page_tables import DOCS
from tests.policy.checks.test_sender_domain import Dns
from tests.policy.samples import NoLists, NoModel

PLAN = standard_plan(Dns(None), lists=NoLists(), judge=NoModel())
STAGES = [name for name in Plan.__struct_fields__ if isinstance(getattr(PLAN, name), tuple)]
# The rows of flow.md at which the checks of a stage stand, in its own words.
WHERE = {
    "connect": "connects",
    "hello": "`EHLO`",
    "mail": "`MAIL`",
    "rcpt": "`RCPT`",
    "content": "final dot",
    "recipient_content": "for each recipient",
}


@pytest.mark.parametrize("stage", STAGES)
def test_flow_names_every_check_at_its_stage(stage: str) -> None:
    flow = (DOCS / "flow.md").read_text(encoding="utf-8")
    _before, heading, after = flow.partition(WHERE[stage])
    assert heading, f"flow.md has no row for {stage}"
    later = [after.find(word) for word in WHERE.values() if word != WHERE[stage] and word in after]
    rows = after[: min(later)] if later else after
    for check in getattr(PLAN, stage):
        assert f"**`{check.name}`**" in rows, f"{check.name} at {stage}"


def test_flow_names_no_check_that_is_not_there() -> None:
    flow = (DOCS / "flow.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\*\*`([a-z-]+)`\*\*", flow))
    assert named == {check.name for stage in STAGES for check in getattr(PLAN, stage)}


def test_tables_are_current() -> None:
    assert page_tables.stale() == [], "run make docs"


def test_every_reason_and_setting_is_in_the_policy_page() -> None:
    page = (DOCS / "policy.md").read_text(encoding="utf-8")
    assert all(f"| `{reason}` |" in page for reason in RULES)


def test_the_rfc_index_is_current() -> None:
    assert rfc_index.PAGE.read_text(encoding="utf-8") == rfc_index.page(), "run make docs"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("RFC 5321 §4.1.4, and more", [(5321, "4.1.4")]),
        ("(RFC 5321 §4.5.3.1.1-3)", [(5321, "4.5.3.1.1")]),
        ("RFC 5321 §4.1.2, §4.1.3 and RFC 6531 §3.3.", [(5321, "4.1.2"), (5321, "4.1.3"), (6531, "3.3")]),
        ("the null MX (RFC 7505)", [(7505, "")]),
        ("RFC7505 and RFCs", []),
    ],
)
def test_references_are_found(line: str, found: list[tuple[int, str]]) -> None:
    assert list(rfc_index.references(line)) == found
