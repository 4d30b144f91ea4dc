"""Hostile cases of group A as far as the core decides them, by number."""

from __future__ import annotations

import tracemalloc

import pytest

from clement.smtp import (
    NULL_REVERSE_PATH,
    POSTMASTER,
    Answered,
    ContentRequested,
    Extensions,
    Hello,
    Mailbox,
    MailRequested,
    ProtocolLimits,
    RecipientRequested,
    ServerSession,
    Service,
    State,
    replies,
)
from tests.smtp.core import Core, open_transaction


def greeted(**settings: object) -> Core:
    return Core(**settings).feed(b"EHLO client.test\r\n")  # type: ignore[arg-type]


def in_mail(**settings: object) -> Core:
    return greeted(**settings).feed(b"MAIL FROM:<a@a.test>\r\n")


def test_case_001_commands_out_of_order() -> None:
    assert Core().said("MAIL FROM:<a@a.test>").startswith("503 5.5.1")
    assert Core().said("RCPT TO:<b@b.test>").startswith("503 5.5.1")
    assert greeted().said("RCPT TO:<b@b.test>").startswith("503 5.5.1")
    assert greeted().said("DATA").startswith("503 5.5.1")
    assert in_mail().said("DATA").startswith("554 5.5.1")
    assert in_mail().said("MAIL FROM:<c@c.test>").startswith("503 5.5.1")


def test_case_002_hello_in_a_transaction_drops_the_envelope() -> None:
    core = open_transaction(Core())
    assert core.said("EHLO again.test").startswith("250 ")
    assert core.session.transaction is None
    assert core.said("RCPT TO:<b@b.test>").startswith("503")


def test_case_002_refused_hello_keeps_the_envelope() -> None:
    core = open_transaction(Core())
    assert core.said("EHLO").startswith("501")
    assert core.said("RCPT TO:<c@b.test>").startswith("250")


def test_case_003_null_reverse_path_is_a_value_of_its_own() -> None:
    core = greeted()
    assert core.said("MAIL FROM:<>").startswith("250")
    event = core.events[-1]
    assert isinstance(event, MailRequested)
    assert event.reverse_path is NULL_REVERSE_PATH


@pytest.mark.parametrize("parameter", ["FOO=1", "FOO", "SIZE=1 FOO=1"])
def test_case_004_unknown_parameters(parameter: str) -> None:
    assert greeted().said(f"MAIL FROM:<a@a.test> {parameter}").startswith("555 5.5.4")
    assert in_mail().said(f"RCPT TO:<b@b.test> {parameter}").startswith("555 5.5.4")


def test_case_004_no_parameters_after_helo() -> None:
    assert Core().feed(b"HELO c.test\r\n").said("MAIL FROM:<a@a.test> SIZE=1").startswith("555")


@pytest.mark.parametrize(
    "line",
    [
        "MAIL FROM:<a@b",
        "MAIL",
        "MAIL FROM:",
        "MAIL FROM:a@b",
        "MAIL <a@b>",
        "MAIL FROM:<a@b>SIZE=1",
        "MAIL TO:<>",
    ],
)
def test_case_005_broken_mail(line: str) -> None:
    assert greeted().said(line).startswith(("501 5.5.4", "501 5.1.7"))


def test_case_006_postmaster_without_a_domain() -> None:
    core = in_mail()
    for spelling in ("Postmaster", "postmaster", "POSTMASTER"):
        assert core.said(f"RCPT TO:<{spelling}>").startswith("250")
    transaction = core.session.transaction
    assert transaction is not None
    assert transaction.recipients == [POSTMASTER] * 3
    assert greeted().said("MAIL FROM:<postmaster>").startswith("501")


def test_case_007_domain_has_one_case_and_local_part_its_own() -> None:
    core = in_mail()
    core.feed(b"RCPT TO:<Bob@B.TEST>\r\n")
    event = core.events[-1]
    assert isinstance(event, RecipientRequested)
    assert event.forward_path == Mailbox("Bob", "b.test")
    assert event.forward_path.key == "bob@b.test"


@pytest.mark.parametrize(
    ("size", "reply"),
    [
        ("1000000", "250"),
        ("1000001", "552 5.3.4"),
        ("99999999999999999999", "552 5.3.4"),
        ("999999999999999999999", "501 5.5.4"),
        ("-1", "501 5.5.4"),
        ("abc", "501 5.5.4"),
        ("", "501 5.5.4"),
        ("\N{SUPERSCRIPT TWO}", "501 5.5.4"),
    ],
)
def test_case_008_size(size: str, reply: str) -> None:
    assert greeted().said(f"MAIL FROM:<a@a.test> SIZE={size}").startswith(reply)


def test_case_009_too_much_content_is_drained_and_refused() -> None:
    core = open_transaction(Core(offer=Extensions(size_limit_bytes=1000)))
    core.feed(b"DATA\r\n", *[b"x" * 78 + b"\r\n"] * 1000)
    assert core.session.state is State.CONTENT
    core.feed(b".\r\nNOOP\r\n")
    assert core.codes[-2:] == [552, 250]
    assert core.messages == []


def test_case_010_recipients_beyond_the_limit_do_not_spoil_the_others() -> None:
    core = open_transaction(Core(), recipients=100)
    assert core.codes[-100:] == [250] * 100
    assert core.said("RCPT TO:<more@b.test>").startswith("452 4.5.3")
    core.feed(b"DATA\r\n", b"x\r\n.\r\n")
    (message,) = core.messages
    assert len(message.recipients) == 100


@pytest.mark.parametrize("segment", [1, 512, 4096, 16384, 70000])
def test_case_011_one_long_line_is_one_error(segment: int) -> None:
    line = b"NOOP".ljust(512) * 127 + b"\r\n"
    core = greeted().feed(*(line[at : at + segment] for at in range(0, len(line), segment)))
    assert core.codes == [220, 250, 500]
    assert core.last.startswith("500 5.5.2")
    assert core.said("NOOP").startswith("250")


def test_case_012_a_line_without_end_ends_the_session() -> None:
    core = greeted()
    tracemalloc.start()
    for _ in range(2048):
        core.session.receive_data(b"x" * 4096)
        while core.session.next_event() is not None:
            pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert core.session.closing
    assert core.session.data_to_send().startswith(b"421 4.7.0")
    assert peak < 1_000_000


@pytest.mark.parametrize("char", ["\r", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\0", "\x1b"])
def test_case_013_one_line_has_one_reply(char: str) -> None:
    core = greeted()
    reply = core.said(f"NOOP{char}NOOP")
    assert core.codes == [220, 250, 500]
    assert reply.isprintable()


def test_case_013_bare_lf_in_a_command_ends_the_session() -> None:
    core = greeted().feed(b"NOOP\nNOOP\r\n")
    assert core.codes == [220, 250, 500]
    assert core.session.closing


@pytest.mark.parametrize("path", ["b\0@b.test", "b\x80@b.test", "b@b\xe4.test", "b@b.test\0", "b\x1b@b.test"])
def test_case_014_no_nul_and_no_eight_bit_in_a_recipient(path: str) -> None:
    reply = in_mail().said(b"RCPT TO:<" + path.encode("latin-1") + b">\r\n")
    assert reply.startswith(("501 5.1.2", "501 5.1.3", "553 5.6.7"))


@pytest.mark.parametrize("argument", ["", " ", " b\xe4.test", " " + "x" * 256, " a b", " a\tb", " a\0b"])
def test_case_015_hello_needs_one_word(argument: str) -> None:
    core = Core()
    assert core.said(f"EHLO{argument}").startswith("501 5.5.4")
    assert not any(isinstance(event, Hello) for event in core.events)
    assert Core().said(b"EHLO " + b"x" * 5000 + b"\r\n").startswith("500 5.5.2")


def test_case_016_patience_ends() -> None:
    limits = ProtocolLimits(errors=20, idle_commands=200)
    core = greeted(limits=limits).feed(b"WHAT\r\n" * 30)
    assert core.codes == [220, 250, *[500] * 20, 421]
    assert core.session.closing
    core = greeted(limits=limits).feed(b"NOOP\r\n" * 300)
    assert core.codes == [220, *[250] * 201, 421]


def test_case_016_a_message_restores_patience() -> None:
    core = open_transaction(Core(limits=ProtocolLimits(errors=3)))
    core.feed(b"WHAT\r\n" * 3, b"DATA\r\n", b"x\r\n.\r\n", b"WHAT\r\n" * 3)
    assert not core.session.closing


def test_case_017_who_speaks_first_can_be_seen_and_sent_away() -> None:
    session = ServerSession(service=Service.SMTP, hostname="mx.test", offer=Extensions())
    session.receive_data(b"EHLO early\r\n")
    assert session.next_event() is None
    assert session.buffered_bytes == 12
    session.greet(replies.NETWORK_BANNED.and_close())
    assert session.data_to_send().startswith(b"554 5.7.1")
    assert session.closing
    assert session.next_event() is None


def test_case_018_pipelined_data_without_a_recipient() -> None:
    core = greeted().feed(b"MAIL FROM:<a@a.test>\r\nRCPT TO:<unknown@b.test>\r\nDATA\r\nRSET\r\n")
    assert core.codes[2:] == [250, 550, 554, 250]


def test_case_019_nothing_is_disclosed() -> None:
    core = greeted()
    assert core.said("VRFY bob").startswith("252 2.1.5")
    assert core.said("VRFY nobody@nowhere.test").startswith("252 2.1.5")
    assert core.said("VRFY").startswith("501 5.5.4")
    assert core.said("EXPN staff").startswith("502 5.5.1")


@pytest.mark.parametrize("line", ["DATA foo", "RSET x", "QUIT x", "STARTTLS x"])
def test_case_020_arguments_where_none_belong(line: str) -> None:
    core = open_transaction(Core())
    assert core.said(line).startswith("501 5.5.4")
    assert core.session.state is State.RECIPIENTS


def test_case_021_the_client_goes_while_its_answer_is_due() -> None:
    core = open_transaction(Core())
    core.session.receive_data(b"DATA\r\nx\r\n.\r\n")
    core.session.receive_eof()
    core._run()
    assert len(core.messages) == 1
    assert core.aborted == 0
    assert core.session.closing


def test_case_021_the_client_goes_before_the_final_dot() -> None:
    core = open_transaction(Core()).feed(b"DATA\r\n", b"x\r\n.").eof()
    assert core.messages == []
    assert core.aborted == 1


@pytest.mark.parametrize(
    ("line", "plain", "with_dsn"),
    [
        ("MAIL FROM:<a@a.test> RET=HDRS ENVID=QQ314159", "555", "250"),
        ("MAIL FROM:<a@a.test> RET=SOME", "555", "501"),
        ("MAIL FROM:<a@a.test> ENVID=+4", "555", "501"),
        ("MAIL FROM:<a@a.test> ENVID=a=b", "555", "501"),
    ],
)
def test_case_022_dsn_on_mail(line: str, plain: str, with_dsn: str) -> None:
    assert greeted(offer=Extensions()).said(line).startswith(plain)
    assert greeted(offer=Extensions(dsn=True)).said(line).startswith(with_dsn)


@pytest.mark.parametrize(
    ("parameters", "reply"),
    [
        ("NOTIFY=NEVER", "250"),
        ("NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Bob+2Bx@b.test", "250"),
        ("NOTIFY=NEVER,DELAY", "501 5.5.4"),
        ("NOTIFY=DELAY,DELAY", "501 5.5.4"),
        ("NOTIFY=ALWAYS", "501 5.5.4"),
        ("ORCPT=bob@b.test", "501 5.5.4"),
        ("ORCPT=rfc822;a+g1", "501 5.5.4"),
        ("NOTIFY=NEVER NOTIFY=NEVER", "501 5.5.4"),
    ],
)
def test_case_022_dsn_on_rcpt(parameters: str, reply: str) -> None:
    assert in_mail().said(f"RCPT TO:<b@b.test> {parameters}").startswith(reply)
    assert in_mail(offer=Extensions()).said(f"RCPT TO:<b@b.test> {parameters}").startswith("555")


def test_case_023_body_that_is_not_offered() -> None:
    assert greeted().said("MAIL FROM:<a@a.test> BODY=BINARYMIME").startswith("555 5.5.4")
    assert greeted().said("MAIL FROM:<a@a.test> BODY=9BIT").startswith("501")
    seven_bit = Extensions(eight_bit_mime=False)
    assert greeted(offer=seven_bit).said("MAIL FROM:<a@a.test> BODY=8BITMIME").startswith("555 5.5.4")


@pytest.mark.parametrize("line", ["XCLIENT ADDR=127.0.0.1", "XFORWARD ADDR=127.0.0.1"])
def test_case_024_nobody_names_another_client(line: str) -> None:
    assert greeted().said(line).startswith("550 5.7.0")


def test_case_024_proxy_header_from_a_client() -> None:
    core = Core()
    assert core.said("PROXY TCP4 127.0.0.1 127.0.0.1 1 25").startswith("550 5.7.0")
    assert core.session.closing
    binary = Core().feed(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(12))
    assert binary.session.closing
    assert 220 not in binary.codes[1:]
    assert 250 not in binary.codes


def test_case_025_what_a_reply_reflects_is_harmless() -> None:
    hostile = "x\r\n250 fine\x1b[2J\x85" + "y" * 1000
    for reply in (replies.MAILBOX_UNKNOWN.with_text(hostile), replies.OK.with_text(*[hostile] * 50)):
        for line in reply.encode().split(b"\r\n")[:-1]:
            assert len(line) <= 510
            assert line.decode("ascii").isprintable()
        assert reply.encode().count(b"\r\n") == len(reply.text) <= 40


@pytest.mark.parametrize(
    "line", ["GET / HTTP/1.1", "POST /x HTTP/1.0", "CONNECT mx.test:25 HTTP/1.1", "get x"]
)
def test_web_browsers_are_sent_away(line: str) -> None:
    core = Core()
    assert core.said(line).startswith("421 4.7.0")
    assert core.session.closing
    assert isinstance(core.events[-1], Answered)


# --- B, where it is not about smuggling sequences -------------------------------------------------------


def test_case_043_bdat_hides_nothing() -> None:
    content = b"x\r\n.\r\nMAIL FROM:<evil@e.test>\r\nRCPT TO:<v@b.test>\r\n"
    core = open_transaction(Core()).feed(b"BDAT %d LAST\r\n" % len(content) + content)
    (message,) = core.messages
    assert message.content == content
    assert core.codes[-1] == 250
    core = open_transaction(Core()).feed(b"BDAT 3 LAST\r\nx\ny")
    assert core.last.startswith("550 5.5.2")


@pytest.mark.parametrize("argument", ["-1", "abc", "1" * 21, "", "5 FIRST", "5 LAST x", "+5", "0x5"])
def test_case_044_bdat_without_a_size_is_the_last_command(argument: str) -> None:
    core = open_transaction(Core()).feed(f"BDAT {argument}\r\nRSET\r\n".encode())
    assert core.last.startswith("521 5.5.4")
    assert core.session.closing


def test_case_044_content_of_a_refused_bdat_is_no_command() -> None:
    content = b"RSET\r\nNOOP\r\n"
    bdat = b"BDAT %d LAST\r\n" % len(content) + content
    for core in (Core(), greeted(), in_mail()):
        before = len(core.codes)
        core.feed(bdat, b"NOOP\r\n")
        assert core.codes[before:] in ([503, 250], [554, 250])
    huge = greeted().feed(b"BDAT 99999999999999999999\r\n", b"x" * 100, b"NOOP\r\n")
    assert huge.codes[-1] == 503
    assert huge.session.buffered_bytes == 0


def test_case_044_data_and_bdat_do_not_mix() -> None:
    core = open_transaction(Core()).feed(b"BDAT 2\r\nx\r")
    assert core.said("DATA").startswith("503 5.5.1")
    assert core.said("RCPT TO:<c@b.test>").startswith("503 5.5.1")
    assert core.said("MAIL FROM:<c@b.test>").startswith("503 5.5.1")
    core.feed(b"BDAT 1 LAST\r\n\n")
    (message,) = core.messages
    assert message.content == b"x\r\n"


def test_case_044_a_refused_first_chunk_takes_the_others_with_it() -> None:
    refusing = Core(answers={ContentRequested: lambda _core, _event: replies.LOCAL_ERROR})
    core = open_transaction(refusing).feed(b"BDAT 3\r\nabcBDAT 4 LAST\r\nRSETNOOP\r\n")
    assert core.codes[-3:] == [451, 503, 250]
    assert core.messages == []


def test_case_046_dots_are_unstuffed_octet_by_octet() -> None:
    core = open_transaction(Core()).feed(b"DATA\r\n", b"..one\r\n...\r\n....\r\na.b\r\n..\r\n.\r\n")
    (message,) = core.messages
    assert message.content == b".one\r\n..\r\n...\r\na.b\r\n.\r\n"


@pytest.mark.parametrize("boundary", [4096, 65536])
def test_case_047_the_end_may_be_cut_anywhere(boundary: int) -> None:
    for shift in range(-6, 7):
        content = b"x" * (boundary - 5 + shift) + b"\r\n"
        octets = content + b".\r\n"
        core = open_transaction(Core(offer=Extensions())).feed(
            b"DATA\r\n", octets[:boundary], octets[boundary:]
        )
        (message,) = core.messages
        assert message.content == content


def test_case_048_commands_behind_the_dot_wait_their_turn() -> None:
    core = open_transaction(Core()).feed(b"DATA\r\nx\r\n.\r\nMAIL FROM:<c@c.test>\r\nNOOP\r\nQUIT\r\n")
    assert core.codes[-5:] == [354, 250, 250, 250, 221]
