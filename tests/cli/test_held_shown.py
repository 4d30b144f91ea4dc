"""What strangers wrote is shown decoded, bounded, and never as they would have it act on a terminal."""

from __future__ import annotations

import re
from base64 import b64encode

import msgspec
import pytest

from clement.cli.held_shown import MOST_LINES, outcome, print_content
from clement.spool.content import Content
from clement.store.held_records import HeldRow, HeldState

HOSTILE = (
    b"From: \x1b]0;owned\x07 <a@sender.example>\r\nSubject: =?utf-8?q?Gr=C3=BC=1B[31m=C3=9Fe?=\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\n"
)
HTML = (
    "<p>Dear \u202e customer</p><script>alert(1)</script><p>\x1b[2J</p>"
    '<a href="https://evil.example/x">bank.example</a>'
)


def shown(octets: bytes, capsys: pytest.CaptureFixture[str]) -> str:
    print_content(Content.in_memory(octets))
    return capsys.readouterr().out


def test_case_136_a_preview_is_decoded_and_cannot_steer_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = shown(HOSTILE + b64encode(HTML.encode()), capsys)
    assert "Grü\\x1b[31mße" in told
    assert "Dear" in told
    assert "link: bank.example -> https://evil.example/x" in told
    assert not set(told) & {"\x1b", "\x07", "\u202e"}
    assert "alert(1)" not in told


def test_a_preview_is_bounded_however_long_the_message(capsys: pytest.CaptureFixture[str]) -> None:
    told = shown(b"Subject: x\r\n\r\n" + b"line\r\n" * 100_000, capsys)
    assert told.count("line") <= MOST_LINES
    assert "[...]" in told
    assert len(shown(b"Subject: x\r\n\r\n" + b"y" * 2_000_000, capsys)) < 50_000


def row(**changes: object) -> HeldRow:
    """A row in which everything is empty but what a test changes."""
    facts = {
        field.name: field.type()
        for field in msgspec.structs.fields(HeldRow)
        if field.type in (str, int, float)
    }
    facts |= {"id": "x-q1.1", "state": HeldState.HELD, "legal_hold": False}
    return HeldRow(**{**facts, **changes})


def test_what_has_become_of_a_message_is_one_sentence() -> None:
    away = row(state=HeldState.RELEASING, failures=3, failing_since_s=1e9, failure="451 away \x1b[31m")
    assert re.search("not delivered since 2001-09-0[89]", outcome(away))  # by the time zone of this machine
    assert "\x1b" not in outcome(away)
    assert outcome(row(state=HeldState.RELEASED)).endswith(": delivered")
    assert outcome(row(state=HeldState.RELEASING)).endswith(": will be delivered")
    assert outcome(row(failure="a virus")).endswith(": not delivered: a virus")
    assert "brought back until" in outcome(row(state=HeldState.DELETED))
    assert "in spite of everything" in outcome(row(legal_hold=True))
