"""What a session may be refused or held for that is not about mail: rates, wrong passwords, bad manners."""

from __future__ import annotations

from functools import cache
from typing import Protocol

from clement.server.census import Census, Region
from clement.server.login import FailureBudget
from clement.server.rates import NO_LIMITS, Rates
from clement.server.tarpit import NO_TARPIT, Tarpit
from clement.telemetry.pace import Pace


class Admission(Protocol):
    """Keeps count of clients across sessions."""

    @property
    def login_budget(self) -> FailureBudget:
        """Failed logins by client, at all receivers."""

    @property
    def fault_pace(self) -> Pace:
        """Of own faults in the process log: a broken disk meets every message alike."""

    @property
    def rates(self) -> Rates:
        """How much clients, networks, senders, recipients and people may have."""

    @property
    def tarpit(self) -> Tarpit:
        """Where those who misbehave wait."""


class Unlimited:
    """Lets everybody do everything: for simulations, and to measure a session alone."""

    def __init__(self) -> None:
        self.login_budget = FailureBudget(_nobody().failed_logins)
        self.fault_pace = Pace()
        self.rates = Rates(NO_LIMITS, _nobody())
        self.tarpit = Tarpit(NO_TARPIT, _nobody())


@cache
def _nobody() -> Region:
    """The counters of those who count nothing."""
    return Census(1).region(0)
