"""Replies of ours and of others."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.smtp import Reply, replies
from clement.smtp.reply_parser import MAX_LINE_OCTETS, MAX_LINES, ReplyError, ReplyParser

CONSTANTS = {name: value for name, value in vars(replies).items() if isinstance(value, Reply)}


@pytest.mark.parametrize("name", sorted(CONSTANTS))
def test_codes_of_every_constant_agree(name: str) -> None:
    reply = CONSTANTS[name]
    # RFC 5321 §4.2: the second digit is 0 to 5; RFC 2034 §3: both codes are of one class.
    assert re.fullmatch(r"[2-5][0-5][0-9]", str(reply.code))
    if reply.enhanced:
        assert re.fullmatch(r"[245]\.[0-7]\.[0-9]{1,2}", reply.enhanced)
        assert reply.enhanced[0] == str(reply.code)[0]
    else:
        assert reply.is_intermediate or name in {"SERVICE_READY", "HELLO"}
    assert all(reply.text)
    # RFC 5321 §4.2.1: 421 announces that the connection closes.
    assert reply.closes or reply.code != 421
    assert reply.encode() is reply.encode()


def test_wire_form() -> None:
    assert Reply(250, "2.0.0", ("OK",)).encode() == b"250 2.0.0 OK\r\n"
    assert Reply(220, "", ("mx ESMTP",)).encode() == b"220 mx ESMTP\r\n"
    assert Reply(550, "5.7.1", ("a", "b")).encode() == b"550-5.7.1 a\r\n550 5.7.1 b\r\n"
    assert Reply(550, "5.7.1", ()).encode() == b"550 5.7.1 \r\n"
    assert replies.challenge(b"Username:").encode() == b"334 VXNlcm5hbWU6\r\n"
    assert str(Reply(550, "5.7.1", ("a", "b"))) == "550 5.7.1 a / b"


def test_other_words_for_the_same_codes() -> None:
    reply = replies.IDLE_TOO_LONG.with_text("one", "two")
    assert (reply.code, reply.enhanced, reply.text, reply.closes) == (421, "4.4.2", ("one", "two"), True)
    assert replies.MAILBOX_UNKNOWN.and_close().closes
    assert replies.MAILBOX_UNKNOWN.and_close().encode() == replies.MAILBOX_UNKNOWN.encode()


def test_kinds() -> None:
    each = (replies.OK, replies.START_CONTENT, replies.CHECK_UNAVAILABLE, replies.RELAY_DENIED)
    kinds = [
        (reply.is_positive, reply.is_intermediate, reply.is_transient, reply.is_permanent) for reply in each
    ]
    assert kinds == [tuple(row == column for column in range(4)) for row in range(4)]


@given(st.lists(st.text(max_size=700), max_size=50))
def test_no_text_breaks_a_reply(text: list[str]) -> None:
    wire = Reply(550, "5.7.1", tuple(text)).encode()
    lines = wire.split(b"\r\n")
    assert lines.pop() == b""
    assert 1 <= len(lines) <= 40
    for number, line in enumerate(lines, start=1):
        assert len(line) + 2 <= 512
        assert line.decode("ascii").isprintable()
        assert line[:4] == (b"550 " if number == len(lines) else b"550-")


# --- Replies of another server --------------------------------------------------------------------------


def parsed(octets: bytes) -> list[tuple[int, tuple[str, ...]]]:
    parser = ReplyParser()
    parser.receive_data(octets)
    result = []
    while (reply := parser.next_reply()) is not None:
        result.append((reply.code, reply.lines))
    return result


def test_replies_are_read() -> None:
    assert parsed(b"250 OK\r\n") == [(250, ("OK",))]
    assert parsed(b"250\r\n354 go\r\n") == [(250, ("",)), (354, ("go",))]
    assert parsed(b"250-a\r\n250-\r\n250 c\r\n221 bye\r\n") == [(250, ("a", "", "c")), (221, ("bye",))]
    assert parsed(b"250-a\r\n250 b") == []


@pytest.mark.parametrize(
    "octets",
    [
        b"OK\r\n",
        b"25 OK\r\n",
        b"2500 OK\r\n",
        b"250OK\r\n",
        b"150 x\r\n",
        b"650 x\r\n",
        b"260 x\r\n",
        b"250-a\r\n251 b\r\n",
        b"250-a\r\n\r\n",
        b"250 OK\n",
        b"250 O\rK\r\n",
        b"\r\n",
        b"250 " + b"x" * MAX_LINE_OCTETS + b"\r\n",
        b"x" * (MAX_LINE_OCTETS + 1),
        b"250-x\r\n" * MAX_LINES + b"250 x\r\n",
    ],
)
def test_what_is_no_reply(octets: bytes) -> None:
    with pytest.raises(ReplyError):
        parsed(octets)


def test_a_reply_of_another_is_made_ours() -> None:
    parser = ReplyParser()
    parser.receive_data(b"550-5.1.1 no \x1b[31msuch\r\n550 5.1.1 user\xff\r\n450 5.1.1 odd\r\n554 5.7.1\r\n")
    replies_read = [reply.to_reply() for reply in iter(parser.next_reply, None)]
    assert replies_read == [
        Reply(550, "5.1.1", ("no ?[31msuch", "user?")),
        Reply(450, "", ("5.1.1 odd",)),
        Reply(554, "5.7.1", ("",)),
    ]


@given(st.binary(max_size=100), st.integers(0, 100))
def test_any_octets_are_replies_or_an_error_however_cut(octets: bytes, cut: int) -> None:
    def outcome(*segments: bytes) -> object:
        parser = ReplyParser()
        result: list[object] = []
        try:
            for segment in segments:
                parser.receive_data(segment)
                while (reply := parser.next_reply()) is not None:
                    result.append(reply)
        except ReplyError as error:
            result.append(str(error))
        return result

    assert outcome(octets) == outcome(octets[:cut], octets[cut:])
