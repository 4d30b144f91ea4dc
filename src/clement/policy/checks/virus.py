"""What the virus scanner said, in the words of policy. It says nothing of how the scanner is asked."""

from __future__ import annotations

from collections.abc import Awaitable

from clement.policy.facts import ContentFacts
from clement.policy.finding import Finding, Result
from clement.policy.pipeline import Answer
from clement.policy.ports import Clean, Infected, Scan, Unscannable
from clement.policy.reason import Reason

NAME = "virus"


def check(content: ContentFacts) -> Answer:
    """Wait for the scanner, if it was asked."""
    return None if content.scan is None else _wait(content.scan())


async def _wait(scan: Awaitable[Scan]) -> Finding:
    return finding_of(await scan)


def finding_of(scan: Scan) -> Finding:
    """Unscannable is neither clean nor a virus; a scanner that is away is nobody's fault but ours."""
    if isinstance(scan, Clean):
        return Finding(NAME, Result.PASS, detail="clean")
    if isinstance(scan, Infected):
        return Finding(NAME, Result.FAIL, Reason.VIRUS, scan.signature)
    if isinstance(scan, Unscannable):
        return Finding(NAME, Result.PERMERROR, Reason.UNSCANNABLE, scan.why)
    return Finding(NAME, Result.TEMPERROR, Reason.SCANNER_UNAVAILABLE, scan.why)
