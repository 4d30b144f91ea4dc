"""What a sink says to whom. Patterns are shell patterns (fnmatch) on `local-part@domain`, in lower case."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

import msgspec

from clement.smtp import Reply, replies


class SinkRules(msgspec.Struct, frozen=True):
    """Patterns of recipients, by what becomes of their mail and when; what matches none is taken."""

    refuse_recipient: Sequence[str] = ()
    defer_recipient: Sequence[str] = ()
    refuse_content: Sequence[str] = ()
    defer_content: Sequence[str] = ()

    def at_recipient(self, address: str) -> Reply:
        """The answer to RCPT."""
        if _matches(address, self.refuse_recipient):
            return replies.MAILBOX_UNKNOWN
        if _matches(address, self.defer_recipient):
            return replies.MAILBOX_BUSY
        return replies.RECIPIENT_OK

    def at_content(self, address: str) -> Reply:
        """The answer to the content, for one recipient."""
        if _matches(address, self.refuse_content):
            return replies.CONTENT_REFUSED
        if _matches(address, self.defer_content):
            return replies.LOCAL_ERROR
        return replies.MESSAGE_OK


def _matches(address: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(address.lower(), pattern.lower()) for pattern in patterns)


def joint_answer(answers: Sequence[Reply]) -> Reply:
    """One reply for several recipients (SMTP without PRDR): the worst of them."""
    return max(answers, key=lambda reply: reply.code)
