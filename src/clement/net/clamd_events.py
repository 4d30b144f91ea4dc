"""What the clamd adapter reports besides results: values for the log and for alerts, never for a verdict."""

from __future__ import annotations

import msgspec

from clement.net.clamd_settings import ClamdAddress


class ClamdFailed(msgspec.Struct, frozen=True):
    """A clamd was away, slow, or talked nonsense."""

    address: ClamdAddress
    why: str


class ClamdAnswers(msgspec.Struct, frozen=True):
    """A clamd answers again, or for the first time. `version` is what it says of engine and database."""

    address: ClamdAddress
    version: str


class DatabaseChanged(msgspec.Struct, frozen=True):
    """A clamd has loaded another signature database."""

    address: ClamdAddress
    version: str


class DatabaseOld(msgspec.Struct, frozen=True):
    """The signatures of a clamd are older than the administrator bears."""

    address: ClamdAddress
    age_days: float


class LimitsNotReported(msgspec.Struct, frozen=True):
    """A clamd calls clean what lies beyond its limits: its configuration needs `AlertExceedsMax yes`."""

    address: ClamdAddress


ClamdEvent = ClamdFailed | ClamdAnswers | DatabaseChanged | DatabaseOld | LimitsNotReported
