"""Who went on although it had to wait for our reply (RFC 2920 §3.1), and who was within its rights."""

import pytest

from clement.smtp import Extensions, ServerSession, Service, replies
from clement.smtp import events as ev

GREETING = replies.SERVICE_READY


def session() -> ServerSession:
    made = ServerSession(
        service=Service.SMTP, hostname="mx.test", offer=Extensions(size_limit_bytes=1_000_000, prdr=False)
    )
    made.greet(GREETING)
    return made


ANSWERS = {
    ev.Hello: replies.HELLO,
    ev.MailRequested: replies.REVERSE_PATH_OK,
    ev.RecipientRequested: replies.RECIPIENT_OK,
    ev.ContentRequested: replies.START_CONTENT,
    ev.ContentEnded: replies.MESSAGE_OK,
}


def settle(core: ServerSession) -> None:
    while (event := core.next_event()) is not None:
        if event.awaits_answer:
            core.answer(ANSWERS[type(event)])


def said(*flights: bytes) -> str:
    """Flights: what the client sends before it reads our replies."""
    core = session()
    for flight in flights:
        core.receive_data(flight)
        settle(core)
    return core.out_of_turn


EHLO = b"EHLO client.test\r\n"
ENVELOPE = b"MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n"
CONTENT = b"Subject: x\r\n\r\nx\r\n.\r\n"


@pytest.mark.parametrize(
    "flights",
    [
        (EHLO, ENVELOPE + b"DATA\r\n", CONTENT + b"QUIT\r\n"),
        (EHLO, ENVELOPE + b"DATA\r\n", CONTENT + ENVELOPE + b"DATA\r\n", CONTENT),
        (EHLO, b"RSET\r\n" + ENVELOPE + b"BDAT 3\r\nx\r\nBDAT 0 LAST\r\nQUIT\r\n"),
        (EHLO, ENVELOPE + b"RSET\r\n" + ENVELOPE, b"NOOP\r\n", b"QUIT\r\n"),
        (
            b"HELO client.test\r\n",
            b"MAIL FROM:<a@b.test>\r\n",
            b"RCPT TO:<c@d.test>\r\n",
            b"DATA\r\n",
            CONTENT,
        ),
        (b"EHLO cli", b"ent.test\r", b"\n", b"NOO", b"P\r\n"),
    ],
)
def test_a_client_that_waits_where_it_must_is_within_its_rights(flights: tuple[bytes, ...]) -> None:
    assert said(*flights) == ""


@pytest.mark.parametrize(
    ("flights", "verb"),
    [
        ((EHLO + ENVELOPE,), "EHLO"),
        ((b"HELO client.test\r\nM",), "HELO"),
        ((b"HELO client.test\r\n", ENVELOPE), "MAIL"),
        ((EHLO, ENVELOPE + b"DATA\r\n" + CONTENT), "DATA"),
        ((EHLO, b"NOOP\r\nNOOP\r\n"), "NOOP"),
        ((b"MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n",), "MAIL"),
    ],
)
def test_a_client_that_does_not_wait_is_seen(flights: tuple[bytes, ...], verb: str) -> None:
    assert said(*flights) == verb


def test_a_client_that_goes_on_while_its_greeting_is_looked_into_is_seen() -> None:
    core = session()
    core.receive_data(EHLO)
    assert core.next_event() is not None
    core.receive_data(b"MAIL")
    core.answer(replies.HELLO)
    assert core.out_of_turn == "EHLO"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_an_honest_client_may_be_cut_into_any_segments(size: int) -> None:
    core = session()
    for flight in (EHLO, ENVELOPE + b"DATA\r\n", CONTENT + b"QUIT\r\n"):
        for start in range(0, len(flight), size):
            core.receive_data(flight[start : start + size])
            settle(core)
    assert core.out_of_turn == ""
