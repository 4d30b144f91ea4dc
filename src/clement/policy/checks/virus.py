"""What the virus scanner said, in the words of policy. It says nothing of how the scanner is asked."""

from __future__ import annotations

from clement.policy.facts import ContentFacts
from clement.policy.finding import Finding, Result
from clement.policy.ports import Clean, Infected, ScannerUnavailable, Unscannable
from clement.policy.reason import Reason

NAME = "virus"


def check(content: ContentFacts) -> Finding | None:
    """Unscannable is neither clean nor a virus; a scanner that is away is nobody's fault but ours."""
    scan = content.scan
    match scan:
        case None:
            return None
        case Clean():
            return Finding(NAME, Result.PASS, detail="clean")
        case Infected():
            return Finding(NAME, Result.FAIL, Reason.VIRUS, scan.signature)
        case Unscannable():
            return Finding(NAME, Result.PERMERROR, Reason.UNSCANNABLE, scan.why)
        case ScannerUnavailable():
            return Finding(NAME, Result.TEMPERROR, Reason.SCANNER_UNAVAILABLE, scan.why)
