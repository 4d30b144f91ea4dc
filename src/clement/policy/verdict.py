"""Verdicts: what is done with a message for one recipient. A frozen type for each, matched exhaustively."""

from __future__ import annotations

from typing import Final

import msgspec

from clement.policy.reason import Reason


class _Verdict(msgspec.Struct, frozen=True, gc=False):
    """reason: the deciding one. detail: from its finding. directive_id: the one that decided, or 0."""

    reason: Reason
    detail: str = ""
    directive_id: int = 0


class Accept(_Verdict, frozen=True, gc=False):
    """Taken, and then kept."""


class Quarantine(_Verdict, frozen=True, gc=False):
    """Taken, and then kept apart for its recipient to look at."""


class Defer(_Verdict, frozen=True, gc=False):
    """Not now: 4xx. Ours is the fault, or nobody's yet."""


class Reject(_Verdict, frozen=True, gc=False):
    """Refused for good: 5xx."""


class Drop(_Verdict, frozen=True, gc=False):
    """Refused for good, and the connection ended."""


Verdict = Accept | Quarantine | Defer | Reject | Drop
TAKEN: Final = (Accept, Quarantine)
"""For `isinstance`, which takes longer over a union: the verdicts that answer 250."""

ACCEPTED = Accept(Reason.ACCEPTED)
