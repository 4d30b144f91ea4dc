"""A client that behaves like a mail server: 4xx or no answer, it comes again; 5xx, it gives up."""

from __future__ import annotations

import smtplib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

PATIENCE_S = 60.0
PAUSE_S = 0.02
GIVE_UP_AFTER_S = 60.0


@dataclass(frozen=True)
class Heard:
    """What one recipient's client heard of one attempt: code 0 is nothing at all."""

    code: int
    text: str = ""

    @property
    def accepted(self) -> bool:
        return self.code // 100 == 2

    @property
    def refused(self) -> bool:
        return self.code // 100 == 5


NOTHING = Heard(0)


@dataclass
class Letter:
    """A message with a token nobody else has, and what was heard of it: one list for each recipient."""

    token: str
    recipients: tuple[str, ...]
    content: bytes
    declares_size: bool = True
    heard: dict[str, list[Heard]] = field(default_factory=dict)

    @property
    def reverse_path(self) -> str:
        """Its own, so that nothing remembered of another message concerns it; a literal needs no DNS."""
        return f"{self.token}@[127.0.0.1]"

    @property
    def waiting(self) -> tuple[str, ...]:
        """Recipients the client must try (again)."""
        return tuple(each for each in self.recipients if not self._settled(each))

    @property
    def accepted(self) -> tuple[str, ...]:
        return tuple(
            each for each in self.recipients if any(heard.accepted for heard in self.heard.get(each, ()))
        )

    def _settled(self, recipient: str) -> bool:
        return any(heard.accepted or heard.refused for heard in self.heard.get(recipient, ()))


def letter(token: str, recipients: Sequence[str], size_bytes: int = 600) -> Letter:
    """A message of about this size whose every line carries its token."""
    line = f"{token} .. the quick brown fox jumps over the lazy dog\r\n".encode()
    names = f"Message-ID: <{token}@clement.test>\r\nSubject: {token}\r\n"
    head = f"From: <author@sender.example>\r\n{names}\r\n".encode()
    return Letter(token, tuple(recipients), head + line * max(1, (size_bytes - len(head)) // len(line)))


def attempt(address: tuple[str, int], message: Letter, source: str = "127.0.0.1") -> None:
    """Offer the message once to those who still wait for it, and note what is heard."""
    recipients = message.waiting
    heard = dict.fromkeys(recipients, NOTHING)
    try:
        with smtplib.SMTP(*address, "client.test", PATIENCE_S, source_address=(source, 0)) as smtp:
            heard.update(_dialogue(smtp, message, recipients))
    except (smtplib.SMTPException, OSError) as fault:
        code = getattr(fault, "smtp_code", 0)
        if code > 0:
            heard.update({each: Heard(code, str(fault)) for each, told in heard.items() if told is NOTHING})
    for recipient, each in heard.items():
        message.heard.setdefault(recipient, []).append(each)


def _dialogue(smtp: smtplib.SMTP, message: Letter, recipients: Sequence[str]) -> dict[str, Heard]:
    smtp.ehlo_or_helo_if_needed()
    declared = [f"SIZE={len(message.content)}"] if message.declares_size else []
    said = smtp.mail(message.reverse_path, declared)
    if said[0] != 250:
        return dict.fromkeys(recipients, _heard(said))
    answers = {each: _heard(smtp.rcpt(each)) for each in recipients}
    taken = [each for each, heard in answers.items() if heard.accepted]
    answers.update(dict.fromkeys(taken, NOTHING))
    if taken:
        try:
            said = smtp.data(message.content)
        except smtplib.SMTPDataError as fault:
            said = fault.smtp_code, fault.smtp_error if isinstance(fault.smtp_error, bytes) else b""
        except (smtplib.SMTPServerDisconnected, OSError):
            return answers
        answers.update(dict.fromkeys(taken, _heard(said)))
    return answers


def deliver(address: tuple[str, int], message: Letter, source: str = "127.0.0.1") -> None:
    """Try until every recipient has been accepted or refused for good."""
    until_s = time.monotonic() + GIVE_UP_AFTER_S
    while message.waiting and time.monotonic() < until_s:
        attempt(address, message, source)
        if message.waiting:
            time.sleep(PAUSE_S)


def _heard(said: tuple[int, bytes]) -> Heard:
    return Heard(max(0, said[0]), said[1].decode(errors="replace"))
