"""What checks need from the outside world, as Protocols; `clement.net` implements them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

import msgspec

from clement.message.dns import Dns, DnsAnswer
from clement.policy.finding import Finding
from clement.policy.study import Features


class Clean(msgspec.Struct, frozen=True):
    """The scanner read everything and found nothing."""


class Infected(msgspec.Struct, frozen=True):
    """The scanner found this signature (bounded, printable)."""

    signature: str


class Unscannable(msgspec.Struct, frozen=True):
    """The scanner could not look at all of it (limits exceeded, encrypted); neither clean nor virus."""

    why: str


class ScannerUnavailable(msgspec.Struct, frozen=True):
    """The scanner was away, slow, overloaded or talked nonsense. `why` is for the log only."""

    why: str


Scan = Clean | Infected | Unscannable | ScannerUnavailable


class ScanStream(Protocol):
    """Content on its way to a scanner, while it still arrives."""

    async def feed(self, chunk: bytes) -> None:
        """Pass on a piece; waits while the scanner is behind. Never raises for scanner faults."""

    async def finish(self) -> Scan:
        """No more content: the result. Never raises for scanner faults."""

    def abandon(self) -> None:
        """The content will not be finished; give the slot back. Safe to call at any time and twice."""


class Scanner(Protocol):
    """An antivirus engine."""

    def begin(self) -> ScanStream:
        """Start a scan; waits for nothing."""


class MailDomain(StrEnum):
    """What the DNS says of mail to a domain (RFC 5321 §5.1)."""

    REACHABLE = "reachable"
    """It has an MX other than the null MX, or an address."""
    REFUSES = "refuses"
    """It has the null MX: it takes no mail, and should send none (RFC 7505 §4.2)."""
    NOWHERE = "nowhere"
    """It does not exist, or has neither MX nor address."""


class Resolver(Dns, Protocol):
    """The DNS. Every method raises DnsTemporaryFailure when the answer cannot be had now."""

    def known_mail_domain(self, domain: str) -> MailDomain | None:
        """Cached answer of `mail_domain`; None when the network has to be asked."""

    async def mail_domain(self, domain: str) -> MailDomain:
        """Whether mail could be sent there, and if not, why."""

    async def addresses(self, name: str) -> DnsAnswer:
        """A and AAAA records."""


class Weighing(Protocol):
    """What the learning filter thinks of a message."""

    @property
    def log_odds(self) -> float:
        """Of its being unwanted."""

    @property
    def ready(self) -> bool:
        """Whether the filter has seen enough of both classes to be asked."""

    @property
    def strongest(self) -> Sequence[tuple[str, float]]:
        """The features that spoke most loudly, by name, with their log-odds; names are a stranger's words."""


class Judge(Protocol):
    """The learned model."""

    def weigh(
        self, features: Features, findings: Sequence[Finding], domain_id: int, mailbox_ids: Sequence[int]
    ) -> Weighing | None:
        """For a recipient of this domain; None when there is no model. Waits for nothing.

        findings: of the other checks. mailbox_ids: the mailboxes that the recipient stands for.
        """
