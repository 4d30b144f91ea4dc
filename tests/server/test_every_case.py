"""Every hostile case of this server has a test by its number, or a reason why not."""

import re

from tests.fixtures.places import ROOT
from tests.server.not_built_yet import REASONS

WANTED = set(range(1, 132))
NAME = re.compile(r"def test_case_(\d{3})(?:_to_(\d{3})|((?:_\d{3})*))")


def numbers_with_a_test() -> set[int]:
    found: set[int] = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        for first, last, more in NAME.findall(path.read_text(encoding="utf-8")):
            found |= set(range(int(first), int(last or first) + 1))
            found |= {int(number) for number in more.split("_") if number}
    return found


def test_every_case_is_tested_or_explained() -> None:
    missing = WANTED - numbers_with_a_test() - REASONS.keys()
    assert not missing, f"neither a test nor a reason: {sorted(missing)}"


def test_no_reason_is_given_without_need() -> None:
    assert all(len(reason) > 20 for reason in REASONS.values())
    assert REASONS.keys() <= WANTED
