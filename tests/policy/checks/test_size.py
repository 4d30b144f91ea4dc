"""The size a group takes: as declared at RCPT, and as counted in the end."""

from __future__ import annotations

import msgspec
import pytest

from clement.policy.checks.size import check_counted, check_declared
from clement.policy.directory import Directory, Group, GroupPolicy, Mode
from clement.policy.facts import SessionFacts
from clement.policy.finding import Finding, Result
from clement.policy.reason import Reason
from tests.policy.samples import CONTENTS, content, content_for, recipient, session, transaction

LIMIT = GroupPolicy().size_limit_bytes


def with_limit(size_limit_bytes: int) -> SessionFacts:
    tight = Group(1, "family", Mode.STORE, policy=GroupPolicy(size_limit_bytes=size_limit_bytes))
    facts = session()
    facts.directory = Directory(msgspec.structs.replace(CONTENTS, groups=(tight, *CONTENTS.groups[1:])))
    return facts


@pytest.mark.parametrize(("size_bytes", "too_large"), [(0, False), (1000, False), (1001, True)])
def test_case_008_what_is_declared_is_held_against_the_group_of_the_recipient(
    size_bytes: int, too_large: bool
) -> None:
    found = check_declared(recipient(of=transaction(of=with_limit(1000), size_bytes=size_bytes)))
    assert (found is not None) is too_large
    if found is not None:
        assert found == Finding("size", Result.FAIL, Reason.TOO_LARGE, "1000 octets")


@pytest.mark.parametrize(("size_bytes", "too_large"), [(0, False), (LIMIT, False), (LIMIT + 1, True)])
def test_case_009_what_was_counted_counts_whatever_was_declared(size_bytes: int, too_large: bool) -> None:
    found = check_counted(content_for("anna@local.example", content(size_bytes=size_bytes)))
    assert (found is not None and found.reason is Reason.TOO_LARGE) is too_large


def test_a_recipient_elsewhere_has_no_group_to_ask() -> None:
    assert check_declared(recipient("x@elsewhere.example", of=transaction(size_bytes=1 << 60))) is None
