"""A next hop that takes everything, and keeps it: whatever this server sends to anybody ends here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.fixtures.programs import choose_port


@dataclass(frozen=True)
class Handed:
    """A message that was handed on."""

    reverse_path: str
    recipients: tuple[str, ...]
    content: bytes


@dataclass
class NextHop:
    """Listens on a port of its own. `refusing` and `deferring` hold local parts it has no love for."""

    port: int = 0
    messages: list[Handed] = field(default_factory=list)
    at_recipient: dict[str, str] = field(default_factory=dict)
    at_content: dict[str, str] = field(default_factory=dict)

    def start(self) -> int:
        """Begin to listen; returns the port."""
        port = choose_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=port, ready_timeout=60)
        self._controller.start()
        return port

    def stop(self) -> None:
        self._controller.stop()

    async def handle_RCPT(  # noqa: N802 - as aiosmtpd calls it
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[Any]
    ) -> str:
        refusal = self.at_recipient.get(address.partition("@")[0])
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 yes"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        for address in envelope.rcpt_tos:
            refusal = self.at_content.get(address.partition("@")[0])
            if refusal:
                return refusal
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        self.messages.append(Handed(envelope.mail_from or "", tuple(envelope.rcpt_tos), content))
        return "250 2.0.0 taken"
