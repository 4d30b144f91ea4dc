"""The client's side, against a server that is a script."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.smtp import (
    NULL_REVERSE_PATH,
    POSTMASTER,
    ClientSession,
    ConnectionClosed,
    Credentials,
    LocalProtocolError,
    Mailbox,
    MailParameters,
    ProtocolViolation,
    RecipientParameters,
    ReplyReceived,
    Service,
)

BOB = Mailbox("bob", "b.test")
EVE = Mailbox("eve", "e.test")
EHLO = (
    b"250-mx.test\r\n250-PIPELINING\r\n250-SIZE 1000\r\n"
    b"250-CHUNKING\r\n250-DSN\r\n250-PRDR\r\n250 AUTH PLAIN\r\n"
)


def replies_of(session: ClientSession, octets: bytes = b"") -> list[str]:
    """Receive, and tell what came: verb, whose, code."""
    session.receive_data(octets)
    result = []
    while (event := session.next_event()) is not None:
        if isinstance(event, ReplyReceived):
            path = event.command.forward_path
            result.append(
                " ".join(filter(None, (event.command.verb, str(path or ""), str(event.reply.code))))
            )
        else:
            result.append(type(event).__name__)
    return result


def connected(
    greeting: bytes = EHLO, service: Service = Service.SMTP, *, tls_active: bool = False
) -> ClientSession:
    session = ClientSession(service=service, hostname="out.test", tls_active=tls_active)
    session.hello()
    assert session.data_to_send() == b""
    replies_of(session, b"220 mx.test ESMTP\r\n")
    assert session.data_to_send() == (b"LHLO" if service is Service.LMTP else b"EHLO") + b" out.test\r\n"
    assert replies_of(session, greeting)[-1].endswith(" 250")
    return session


def test_nothing_is_said_before_the_greeting() -> None:
    session = ClientSession(hostname="out.test")
    session.hello()
    session.quit()
    assert session.data_to_send() == b""
    assert replies_of(session, b"554 no\r\n") == ["GREETING 554"]


def test_helo_where_ehlo_is_unknown() -> None:
    session = ClientSession(hostname="out.test")
    session.hello()
    session.mail(NULL_REVERSE_PATH)
    replies_of(session, b"220 old\r\n")
    assert session.data_to_send() == b"EHLO out.test\r\n"
    assert replies_of(session, b"500 what\r\n") == []
    assert session.data_to_send() == b"HELO out.test\r\n"
    assert replies_of(session, b"250 old\r\n") == ["HELO 250"]
    assert not session.peer.pipelining
    assert session.data_to_send() == b"MAIL FROM:<>\r\n"


def test_groups_where_pipelining_is_offered() -> None:
    session = connected()
    session.mail(BOB)
    session.recipient(EVE)
    session.recipient(POSTMASTER)
    session.data()
    session.quit()
    assert session.data_to_send() == (
        b"MAIL FROM:<bob@b.test>\r\nRCPT TO:<eve@e.test>\r\nRCPT TO:<Postmaster>\r\nDATA\r\n"
    )
    assert replies_of(session, b"250 ok\r\n550 no\r\n250 ok\r\n354 go\r\n") == [
        "MAIL 250",
        "RCPT eve@e.test 550",
        "RCPT Postmaster 250",
        "DATA 354",
    ]
    assert session.accepted == [POSTMASTER]
    assert session.data_to_send() == b""
    session.content(b".x")
    session.end_content()
    assert session.data_to_send() == b"..x\r\n.\r\n"
    assert replies_of(session, b"250 2.0.0 kept\r\n") == [". 250"]
    assert session.data_to_send() == b"QUIT\r\n"


def test_one_at_a_time_where_it_is_not() -> None:
    session = connected(b"250 mx.test\r\n")
    session.mail(BOB)
    session.recipient(EVE)
    session.reset()
    sent = []
    for _ in range(3):
        sent.append(session.data_to_send())
        assert session.data_to_send() == b""
        replies_of(session, b"250 ok\r\n")
    assert sent == [b"MAIL FROM:<bob@b.test>\r\n", b"RCPT TO:<eve@e.test>\r\n", b"RSET\r\n"]


def test_parameters_are_said_only_where_offered() -> None:
    parameters = MailParameters(size_bytes=9, eight_bit=True, ret="HDRS", envid="a+b", auth="<>", prdr=True)
    recipient = RecipientParameters(frozenset({"DELAY", "FAILURE"}), "rfc822", "b=c@d")
    session = connected()
    session.mail(BOB, parameters)
    session.recipient(EVE, recipient)
    assert session.data_to_send() == (
        b"MAIL FROM:<bob@b.test> SIZE=9 RET=HDRS ENVID=a+2Bb AUTH=<> PRDR\r\n"
        b"RCPT TO:<eve@e.test> NOTIFY=DELAY,FAILURE ORCPT=rfc822;b+3Dc@d\r\n"
    )
    session = connected(b"250 mx.test\r\n")
    session.mail(BOB, parameters)
    assert session.data_to_send() == b"MAIL FROM:<bob@b.test>\r\n"
    replies_of(session, b"250 ok\r\n")
    session.recipient(EVE, recipient)
    assert session.data_to_send() == b"RCPT TO:<eve@e.test>\r\n"


@pytest.mark.parametrize("parameters", [MailParameters(smtputf8=True), MailParameters(requiretls=True)])
def test_what_cannot_be_left_out_is_not(parameters: MailParameters) -> None:
    with pytest.raises(LocalProtocolError):
        connected().mail(BOB, parameters)


def test_addresses_beyond_ascii_need_smtputf8() -> None:
    with pytest.raises(LocalProtocolError):
        connected().mail(Mailbox("b\xf6b", "b.test"))
    with pytest.raises(LocalProtocolError):
        connected().recipient(Mailbox("b\xf6b", "b.test"))
    session = connected(b"250-mx.test\r\n250 SMTPUTF8\r\n")
    session.mail(Mailbox("b\xf6b", "b.test"), MailParameters(smtputf8=True))
    assert session.data_to_send() == "MAIL FROM:<b\xf6b@b.test> SMTPUTF8\r\n".encode()


@pytest.mark.parametrize("mailbox", [Mailbox("a\r\nDATA", "b.test"), Mailbox("a", "b.test>\nRSET")])
def test_no_address_injects_a_command(mailbox: Mailbox) -> None:
    with pytest.raises(LocalProtocolError):
        connected().recipient(mailbox)


def test_a_password_needs_tls() -> None:
    credentials = Credentials("bob", "secret")
    with pytest.raises(LocalProtocolError):
        connected().auth_plain(credentials)
    session = connected(tls_active=True)
    session.auth_plain(credentials)
    assert session.data_to_send() == b"AUTH PLAIN AGJvYgBzZWNyZXQ=\r\n"
    assert replies_of(session, b"235 2.7.0 ok\r\n") == ["AUTH 235"]


def test_a_long_password_waits_for_the_challenge() -> None:
    session = connected(tls_active=True)
    session.auth_plain(Credentials("bob", "p" * 500))
    session.mail(BOB)
    assert session.data_to_send() == b"AUTH PLAIN\r\n"
    assert replies_of(session, b"334 \r\n") == []
    assert len(session.data_to_send()) > 500
    assert replies_of(session, b"535 5.7.8 no\r\n") == ["AUTH 535"]
    assert session.data_to_send() == b"MAIL FROM:<bob@b.test>\r\n"


def test_starttls() -> None:
    session = connected(b"250-mx.test\r\n250 STARTTLS\r\n")
    assert "STARTTLS" in session.peer
    session.starttls()
    assert session.data_to_send() == b"STARTTLS\r\n"
    assert replies_of(session, b"220 go\r\n") == ["STARTTLS 220"]
    session.tls_established()
    assert "STARTTLS" not in session.peer
    session.hello()
    assert session.data_to_send() == b"EHLO out.test\r\n"


def test_octets_behind_the_reply_to_starttls_are_an_attack() -> None:
    session = connected(b"250-mx.test\r\n250 STARTTLS\r\n")
    session.starttls()
    session.data_to_send()
    assert replies_of(session, b"220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n") == ["ProtocolViolation"]
    assert session.closed


def test_lmtp_has_a_reply_for_each_recipient() -> None:
    session = connected(service=Service.LMTP)
    session.mail(BOB)
    session.recipient(EVE)
    session.recipient(BOB)
    session.recipient(POSTMASTER)
    session.data()
    session.data_to_send()
    replies_of(session, b"250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n354 go\r\n")
    session.end_content()
    assert session.data_to_send() == b".\r\n"
    assert replies_of(session, b"250 ok\r\n") == [". eve@e.test 250"]
    assert session.awaits_reply
    assert replies_of(session, b"452 full\r\n") == [". Postmaster 452"]
    assert not session.awaits_reply


def test_prdr_replies() -> None:
    for answer, expected in (
        (b"250 all\r\n", [". 250"]),
        (
            b"353 each\r\n250 ok\r\n550 no\r\n250 done\r\n",
            [". eve@e.test 250", ". bob@b.test 550", ". 250"],
        ),
    ):
        session = connected()
        session.mail(BOB, MailParameters(prdr=True))
        session.recipient(EVE)
        session.recipient(BOB)
        session.data()
        session.data_to_send()
        replies_of(session, b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n")
        session.end_content()
        session.data_to_send()
        assert replies_of(session, answer) == expected


def test_353_without_prdr_is_a_violation() -> None:
    session = connected()
    session.mail(BOB)
    session.recipient(EVE)
    session.chunk(b"x", last=True)
    session.data_to_send()
    assert replies_of(session, b"250 ok\r\n250 ok\r\n353 each\r\n")[-1] == "ProtocolViolation"


def test_chunks_travel_with_the_envelope() -> None:
    session = connected()
    session.mail(BOB)
    session.recipient(EVE)
    session.chunk(b"a\r")
    session.chunk(b"\n.b", last=True)
    assert session.data_to_send() == (
        b"MAIL FROM:<bob@b.test>\r\nRCPT TO:<eve@e.test>\r\nBDAT 1\r\naBDAT 6 LAST\r\n\r\n.b\r\n"
    )
    assert replies_of(session, b"250 ok\r\n" * 4) == ["MAIL 250", "RCPT eve@e.test 250", "BDAT 250", ". 250"]


def test_content_needs_354() -> None:
    session = connected()
    with pytest.raises(LocalProtocolError):
        session.content(b"x")
    with pytest.raises(LocalProtocolError):
        session.end_content()


@pytest.mark.parametrize("octets", [b"250 surprise\r\n", b"junk\r\n", b"250-a\r\n550 b\r\n", b"x" * 3000])
def test_a_reply_to_nothing_ends_the_session(octets: bytes) -> None:
    session = connected()
    assert replies_of(session, octets) == ["ProtocolViolation"]
    session.mail(BOB)
    assert session.data_to_send() == b""
    assert replies_of(session, b"250 ok\r\n") == []


@pytest.mark.parametrize(
    ("act", "reply"), [("data", b"250 done\r\n"), ("reset", b"354 go\r\n"), ("quit", b"334 \r\n")]
)
def test_a_reply_of_the_wrong_kind_ends_the_session(act: str, reply: bytes) -> None:
    session = connected()
    getattr(session, act)()
    session.data_to_send()
    assert replies_of(session, reply) == ["ProtocolViolation"]


def test_421_may_come_at_any_time() -> None:
    assert replies_of(connected(), b"421 4.3.2 going\r\n") == ["UNASKED 421"]


def in_content() -> ClientSession:
    session = connected()
    session.mail(BOB)
    session.recipient(BOB)
    session.data()
    session.data_to_send()
    session.receive_data(b"250 ok\r\n250 ok\r\n354 go on\r\n")
    while session.next_event() is not None:
        pass
    return session


@pytest.mark.parametrize("code", [452, 552])
def test_content_may_be_refused_before_its_end(code: int) -> None:
    assert replies_of(in_content(), b"%d too much\r\n" % code) == [f"UNASKED {code}"]


def test_content_cannot_be_accepted_before_its_end() -> None:
    assert replies_of(in_content(), b"250 that will do\r\n") == ["ProtocolViolation"]


def test_the_end_tells_what_was_unanswered() -> None:
    session = connected()
    session.mail(BOB)
    session.recipient(EVE)
    session.data_to_send()
    session.receive_data(b"250 ok\r\n25")
    session.receive_eof()
    session.next_event()
    event = session.next_event()
    assert isinstance(event, ConnectionClosed)
    assert [command.verb for command in event.unanswered] == ["RCPT"]


def test_peer_extensions_are_read_with_care() -> None:
    session = connected(
        b"250-mx\r\n250-size 99999999999999999999999\r\n250-AUTH=LOGIN\r\n250-AUTH plain\r\n250-\r\n"
        b"250-LIMITS RCPTMAX=20 MAILMAX=5\r\n250-8BITMIME x\r\n250 \xff\xfe\r\n"
    )
    assert session.peer.size_limit_bytes == 0
    assert session.peer.auth_mechanisms == {"LOGIN", "PLAIN"}
    assert session.peer.rcpt_max == 20
    assert session.peer.eight_bit_mime
    assert not session.peer.pipelining


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_any_octets_give_replies_or_a_violation(segments: list[bytes]) -> None:
    session = connected()
    session.mail(BOB)
    session.recipient(EVE)
    session.data()
    session.data_to_send()
    for segment in segments:
        session.receive_data(segment)
    session.receive_eof()
    events = list(iter(session.next_event, None))
    ends = [event for event in events if isinstance(event, ProtocolViolation | ConnectionClosed)]
    assert len(ends) == 1
    assert events[-1] is ends[0]
