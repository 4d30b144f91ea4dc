"""Messages inside a message, and the messages that it answers."""

from hypothesis import given
from hypothesis import strategies as st

from clement.message.answered import MOST_IDS, answered_ids
from clement.message.attached import attached_messages

INNER = b"From: <a@far.example>\r\nSubject: offer\r\n\r\nBuy.\r\n"


def forwarded(*parts: bytes) -> bytes:
    body = b"".join(b"--=b\r\n" + part + b"\r\n" for part in parts) + b"--=b--\r\n"
    return b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="=b"\r\n\r\n' + body


def test_what_is_attached_as_a_message_is_found_however_a_program_calls_it() -> None:
    as_file = b'Content-Type: application/octet-stream; name="offer.EML"\r\n\r\n' + INNER
    encoded = (
        b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        b"RnJvbTogPGFAZmFyLmV4YW1wbGU+DQoNCkJ1eS4NCg=="
    )
    words = b"Content-Type: text/plain\r\n\r\nFrom: <b@far.example>\r\n\r\nnot this"
    found = attached_messages(
        forwarded(words, b"Content-Type: message/rfc822\r\n\r\n" + INNER, as_file, encoded), 10
    )
    assert [each.rstrip() for each in found] == [
        INNER.rstrip(),
        INNER.rstrip(),
        b"From: <a@far.example>\r\n\r\nBuy.",
    ]


def test_what_is_attached_to_an_attached_message_belongs_to_that() -> None:
    inner = forwarded(b"Content-Type: message/rfc822\r\n\r\n" + INNER).replace(b"=b", b"=c")
    outer = forwarded(b"Content-Type: message/rfc822\r\n\r\n" + inner)
    (found,) = attached_messages(outer, 10)
    assert b"boundary" in found
    assert attached_messages(INNER, 10) == ()
    assert len(attached_messages(forwarded(*[b"Content-Type: message/rfc822\r\n\r\n" + INNER] * 9), 4)) == 4


@given(st.binary(max_size=400))
def test_any_octets_will_do(octets: bytes) -> None:
    assert len(attached_messages(octets, 3)) <= 3
    assert len(answered_ids(octets)) <= MOST_IDS


def test_answered_messages_are_those_of_both_fields_each_once() -> None:
    block = (
        b"in-reply-to: <2@a.example>\r\nSubject: <no@a.example>\r\n"
        b"References: <1@a.example>\r\n\t<2@a.example> (comment) garbage <broken <3@a.example>\r\n"
    )
    assert answered_ids(block) == ("<2@a.example>", "<1@a.example>", "<3@a.example>")
    many = b"References: " + b" ".join(b"<%d@a.example>" % number for number in range(500)) + b"\r\n"
    assert answered_ids(many)[-1] == "<499@a.example>"
    assert len(answered_ids(many)) == MOST_IDS
