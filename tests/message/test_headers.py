"""Where a header ends and which fields it has, and what their octets are."""

from __future__ import annotations

import pytest

from clement.message.headers import (
    fields,
    split_content,
    unfold,
)

CONTENT = b"From: a@x.example\r\nSubject: one\r\n two\r\n\r\nbody\r\n\r\nmore"


def test_fields_have_their_octets() -> None:
    block, _ = split_content(CONTENT)
    sender, subject = fields(block)
    assert (sender.name, sender.value, sender.unfolded) == (b"From", b" a@x.example", b"a@x.example")
    assert (subject.name, subject.value, subject.unfolded) == (b"Subject", b" one\r\n two", b"one two")
    assert block[sender.start : sender.end] == b"From: a@x.example"
    assert block[subject.start : subject.end] == b"Subject: one\r\n two"


@pytest.mark.parametrize(
    ("content", "block", "body"),
    [
        (CONTENT, b"From: a@x.example\r\nSubject: one\r\n two\r\n", b"body\r\n\r\nmore"),
        (b"A: b\n\nbody", b"A: b\n", b"body"),
        (b"A: b\n\r\nbody", b"A: b\n", b"body"),
        (b"A: b\r\n\nbody\r\n\r\n", b"A: b\r\n", b"body\r\n\r\n"),
        (b"\r\nA: b\r\n\r\n", b"", b"A: b\r\n\r\n"),
        (b"\nbody", b"", b"body"),
        (b"A: b\r\n", b"A: b\r\n", b""),
        (b"", b"", b""),
    ],
)
def test_content_is_split_at_the_first_empty_line(content: bytes, block: bytes, body: bytes) -> None:
    found, body_start = split_content(content)
    assert found == block
    assert content[body_start:] == body


def test_unfolding_takes_line_ends_out_and_keeps_the_rest() -> None:
    assert unfold(b" a\r\n\tb\r\n c ") == b"a\tb c"
