"""What a session may be refused for that is not about mail: too many messages, too many wrong passwords."""

from __future__ import annotations

from typing import Protocol

from clement.server.login import FailureBudget
from clement.server.peer import Client
from clement.telemetry.pace import Pace


class Admission(Protocol):
    """Keeps count of clients across sessions."""

    @property
    def login_budget(self) -> FailureBudget:
        """Failed logins by client."""

    @property
    def fault_pace(self) -> Pace:
        """Of own faults in the process log: a broken disk meets every message alike."""

    def may_begin_message(self, who: Client) -> bool:
        """Count one more message of this client; False when it has had its share of the minute."""


class Unlimited:
    """Lets everybody do everything: for simulations, and to measure a session alone."""

    def __init__(self) -> None:
        self.login_budget = FailureBudget()
        self.fault_pace = Pace()

    def may_begin_message(self, who: Client) -> bool:
        """Always."""
        return True
