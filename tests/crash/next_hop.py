"""Next hops that keep what they get, in a thread of the test: one that speaks SMTP, one that speaks LMTP."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.fixtures.programs import START_TIMEOUT_S, choose_port


@dataclass
class NextHop:
    """Takes everything. `kept` holds (recipient, content), one for each recipient of each message."""

    lmtp: bool = False
    port: int = field(default_factory=choose_port)
    kept: list[tuple[str, bytes]] = field(default_factory=list)

    def start(self) -> None:
        self._controller = _Controller(
            self, hostname="127.0.0.1", port=self.port, ready_timeout=START_TIMEOUT_S
        )
        self._controller.start()

    def stop(self) -> None:
        self._controller.stop()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        self.kept += [(recipient, content) for recipient in envelope.rcpt_tos]
        # RFC 2033 §4.2: under LMTP one reply for each recipient.
        return "\r\n".join(["250 2.0.0 taken"] * (len(envelope.rcpt_tos) if self.lmtp else 1))


class _Controller(Controller):
    def factory(self) -> Any:
        kind = LMTP if self.handler.lmtp else SMTP
        return kind(self.handler, data_size_limit=0, **self.SMTP_kwargs)
