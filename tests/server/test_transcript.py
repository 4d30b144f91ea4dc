"""Transcripts: bounded whatever is said, printable whatever was sent."""

from hypothesis import given
from hypothesis import strategies as st

from clement.policy.finding import Finding, Observation, Result
from clement.server.transcript import LONGEST_TEXT, MOST_EXCHANGES, Transcript, shown, shown_text
from clement.smtp import replies

MOST_FOR_ONE = 10
"""`\\U0001f600`: what one character may become."""


@given(st.binary(max_size=2000))
def test_octets_become_bounded_printable_text(line: bytes) -> None:
    text = shown(line)
    assert text.isprintable()
    assert len(text) <= LONGEST_TEXT * MOST_FOR_ONE


@given(st.text(max_size=2000))
def test_text_becomes_bounded_and_printable(text: str) -> None:
    assert shown_text(text).isprintable()
    assert len(shown_text(text)) <= LONGEST_TEXT * MOST_FOR_ONE


def test_plain_text_stays_as_it_is() -> None:
    assert shown(b"MAIL FROM:<a@sender.example>") == "MAIL FROM:<a@sender.example>"
    assert shown("Grüße".encode()) == "Grüße"
    assert shown(b"\x1b[2J\r\n") == "\\x1b[2J\\r\\n"


def test_a_long_session_is_told_by_its_beginning_and_its_end() -> None:
    transcript = Transcript(0)
    for number in range(10_000):
        transcript.note(number, number + 1, b"NOOP %d" % number, replies.OK)
    told = transcript.exchanges()
    assert len(told) == MOST_EXCHANGES + 1
    assert told[0].command == "NOOP 0"
    assert told[-1].command == "NOOP 9999"
    assert told[-2].command == f"<{10_000 - MOST_EXCHANGES} exchanges left out>"


def test_what_was_found_stands_beneath_its_command() -> None:
    transcript = Transcript(0)
    found = Observation(Finding("hello", Result.SOFTFAIL, detail="a\x00b"), 7)
    transcript.note(1, 2, b"EHLO x", replies.HELLO, [found])
    [exchange] = transcript.exchanges()
    assert exchange.reply == "250 Hello"
    assert exchange.findings[0].check == "hello"
    assert exchange.findings[0].detail == "a\\x00b"
