"""Whoever has one recipient of a session reads the commands about it, and not those about others."""

import pytest

from clement.journal.records import Exchange
from clement.store.access.redaction import HIDDEN_RECIPIENT, redacted


@pytest.mark.parametrize("said", ["Žofie", "z\u030cofie"])
def test_a_recipient_is_known_in_any_normal_form(said: str) -> None:
    commands = (
        "EHLO c.example",
        "MAIL FROM:<a@b.example>",
        f"RCPT TO:<{said}@c.example>",
        "RCPT TO:<x@c.example>",
    )
    told = redacted([Exchange(0, 0, each, "250 OK") for each in commands], {"žofie@c.example"})
    assert [each.command for each in told] == [*commands[:3], HIDDEN_RECIPIENT]
