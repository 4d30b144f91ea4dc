"""What `[limits]` means for the protocol core."""

from __future__ import annotations

from clement.cli.listeners import protocol_limits
from clement.config.limits import LimitSettings
from clement.smtp import replies
from clement.smtp.facts import Patience


def codes_of_refusals(unknown_recipients: int, count: int) -> list[int]:
    """What a client is told that is refused `count` times."""
    patience = Patience(protocol_limits(LimitSettings(unknown_recipients=unknown_recipients)))
    return [patience.after_refusal(replies.MAILBOX_UNKNOWN).code for _ in range(count)]


def test_the_client_is_sent_away_after_so_many_unknown_recipients() -> None:
    assert codes_of_refusals(3, 5) == [550, 550, 550, 421, 421]


def test_no_unknown_recipients_means_no_limit() -> None:
    assert set(codes_of_refusals(0, 1000)) == {550}
