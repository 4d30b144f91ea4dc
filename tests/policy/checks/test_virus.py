"""What the scanner said, in the words of policy."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from clement.policy.checks.virus import check
from clement.policy.finding import Finding, Result
from clement.policy.ports import Clean, Infected, Scan, ScannerUnavailable, Unscannable
from clement.policy.reason import Reason
from tests.policy.samples import content


def finding(scan: Scan) -> Finding | None:
    async def result() -> Scan:
        return scan

    async def main() -> Finding | None:
        answer = check(msgspec.structs.replace(content(), scan=result))
        return answer if answer is None or isinstance(answer, Finding) else await answer

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("scan", "expected"),
    [
        (Clean(), Finding("virus", Result.PASS, None, "clean")),
        (Infected("Eicar-Test"), Finding("virus", Result.FAIL, Reason.VIRUS, "Eicar-Test")),
        (Unscannable("encrypted"), Finding("virus", Result.PERMERROR, Reason.UNSCANNABLE, "encrypted")),
        (
            ScannerUnavailable("refused"),
            Finding("virus", Result.TEMPERROR, Reason.SCANNER_UNAVAILABLE, "refused"),
        ),
    ],
    ids=["clean", "infected", "unscannable", "unavailable"],
)
def test_case_107_unscannable_is_neither_clean_nor_a_virus(scan: Scan, expected: Finding) -> None:
    assert finding(scan) == expected


def test_where_nobody_wants_a_scan_there_is_no_evidence() -> None:
    assert check(content()) is None
