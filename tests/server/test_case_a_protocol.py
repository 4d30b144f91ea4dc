"""Hostile cases 1 to 25: commands in the wrong order, of the wrong form, and without end."""

import re
from email import message_from_bytes
from pathlib import Path

import pytest

from tests.server.house import Server
from tests.server.talk import Answer, Talk, message

ANNA = "anna@local.example"


def codes(answers: list[Answer]) -> list[str]:
    return [answer.codes for answer in answers]


def test_case_001_commands_out_of_order(server: Server) -> None:
    with server.client() as client:
        assert client.ask(f"RCPT TO:<{ANNA}>").codes == "503 5.5.1"
        assert client.ask("DATA").codes == "503 5.5.1"
        client.envelope()
        assert client.ask("DATA").codes in ("503 5.5.1", "554 5.5.1")
        assert client.ask("MAIL FROM:<other@sender.example>").codes == "503 5.5.1"
        client.silent()


def test_case_002_ehlo_drops_the_envelope(server: Server) -> None:
    with server.client() as client:
        client.envelope(ANNA)
        assert client.ask("EHLO client.sender.example").code == 250
        assert client.ask(f"RCPT TO:<{ANNA}>").codes == "503 5.5.1"


def test_case_003_null_reverse_path(server: Server) -> None:
    with server.client() as client:
        assert client.envelope(ANNA, sender="")[0].code == 250
        assert client.content(message("case-003")).code == 250
        server.copies += 1
        # What is refused to nobody generates no mail to nobody either.
        assert client.envelope("nobody@local.example", sender="")[0].codes == "550 5.1.1"
    assert server.read_back("case-003").startswith(b"Return-Path: <>\n")


def test_case_004_unknown_parameters(server: Server) -> None:
    with server.client() as client:
        assert client.ask("MAIL FROM:<a@sender.example> FOO=1").codes == "555 5.5.4"
        client.envelope()
        assert client.ask(f"RCPT TO:<{ANNA}> FOO=1").codes == "555 5.5.4"


@pytest.mark.parametrize(
    "line", ["MAIL FROM:<a@sender.example", "MAIL", "MAIL FROM:", "MAIL FROM:a b", "MAIL TO:<a@b.c>"]
)
def test_case_005_malformed_mail(server: Server, line: str) -> None:
    with server.client() as client:
        answer = client.ask(line)
        assert answer.code == 501
        assert answer.enhanced in ("5.5.4", "5.1.7")


@pytest.mark.parametrize(
    "address", ["Postmaster", "postmaster", "postmaster@local.example", "POSTMASTER@relay.example"]
)
def test_case_006_postmaster_is_always_reachable(server: Server, address: str) -> None:
    with server.client() as client:
        assert client.envelope(address, sender="anyone@unwanted.example")[0].code == 250


def test_case_006_postmaster_of_a_domain_without_one_is_ours(server: Server) -> None:
    with server.client() as client:
        assert client.envelope("postmaster@strict.example", sender="a@unresolvable.example")[0].code == 250
        assert client.content(message("case-006")).code == 250
        server.copies += 1
    assert b"Delivered-To: anna@local.example" in server.read_back("case-006")


@pytest.mark.parametrize("address", ["anna@LOCAL.EXAMPLE", "ANNA@local.example", "anna+box@Local.Example"])
def test_case_007_domains_have_no_case(server: Server, address: str) -> None:
    with server.client() as client:
        assert client.envelope(address)[0].code == 250


@pytest.mark.parametrize("size", ["1000001", "9" * 19, "9" * 20, "-1", "abc", ""])
def test_case_008_declared_size(server: Server, size: str) -> None:
    with server.client() as client:
        answer = client.ask(f"MAIL FROM:<a@sender.example> SIZE={size}")
        assert answer.codes in ("552 5.3.4", "501 5.5.4")


def test_case_008_declared_beyond_what_the_recipient_takes(server: Server) -> None:
    with server.client() as client:
        answers = client.envelope("emil@small.example", ANNA, words=" SIZE=100000")
        assert codes(answers) == ["552 5.3.4", "250 2.1.5"]


def test_case_009_content_beyond_the_limit_is_read_and_refused(server: Server) -> None:
    with server.client() as client:
        client.envelope(ANNA)
        line = b"x" * 998 + b"\r\n"
        assert client.content(message("case-009") + line * 1100).codes == "552 5.3.4"
        client.envelope(ANNA)
        assert client.content(message("case-009-after")).code == 250
        server.copies += 1


def test_case_010_recipients_beyond_the_limit(server: Server) -> None:
    with server.client() as client:
        answers = client.envelope(*(f"anna+{number}@local.example" for number in range(102)))
        assert codes(answers) == ["250 2.1.5"] * 100 + ["452 4.5.3"] * 2
        assert client.content(message("case-010")).code == 250
        server.copies += len([path for path in server.house.stored() if b"case-010" in path.read_bytes()])
    assert 1 <= server.copies <= 100


def test_case_011_pieces_of_a_long_line_are_no_commands(server: Server) -> None:
    with server.client() as client:
        client.send(b"NOOP".ljust(512, b" ") * 128 + b"\r\n")
        answer = client.answer()
        assert answer.codes in ("500 5.5.2", "421 4.7.0")
        if answer.code == 421:
            assert client.rest() == []
        else:
            client.silent()


def resident_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss_Anon:"))


def test_case_012_a_line_without_end(server: Server) -> None:
    pid = server.house.process("receiver-0")
    before = resident_bytes(pid)
    with server.talk() as client:
        client.expect("220")
        piece = b"x" * 65536
        try:
            for _ in range(128):
                client.send(piece)
        except OSError:
            pass
        assert resident_bytes(pid) - before < 1_000_000
        # Who hangs up on octets that nobody has read may take his last word with them.
        assert {answer.codes for answer in client.rest()[-1:]} <= {"500 5.5.2", "421 4.7.0"}


@pytest.mark.parametrize(
    "line",
    [
        b"NOOP\rNOOP",
        b"NOOP \x0bNOOP",
        b"NOOP \x0cNOOP",
        b"NOOP \x1cNOOP",
        b"NOOP \x1eNOOP",
        b"NOOP \xc2\x85NOOP",
        b"NOOP \xe2\x80\xa8NOOP",
        b"NOOP \x00NOOP",
        b"VRFY a\x1b[2J",
    ],
    ids=repr,
)
def test_case_013_strange_separators_make_no_second_command(server: Server, line: bytes) -> None:
    with server.client() as client:
        answer = client.ask(line)
        assert answer.code in (250, 252, 500, 501)
        client.silent()
        assert client.ask("NOOP").code == 250


def test_case_013_bare_line_feed_between_commands(server: Server) -> None:
    with server.client() as client:
        client.send(b"NOOP\nNOOP\r\n")
        assert client.rest()[0].codes == "500 5.5.2"


@pytest.mark.parametrize("local_part", [b"an\0na", b"\xc3\xa4nna", b"\xff\xfe", b'"an\0na"'], ids=repr)
def test_case_014_nul_and_eight_bit_addresses(server: Server, local_part: bytes) -> None:
    with server.client() as client:
        client.envelope()
        answer = client.ask(b"RCPT TO:<" + local_part + b"@local.example>")
        assert answer.code in (500, 501, 553)


@pytest.mark.parametrize(
    "name", [b"", b" ", b" b\xc3\xbccher.example", b" " + b"x" * 5000, b" a\x1bb", b" a b"]
)
def test_case_015_hello_that_is_no_name(server: Server, name: bytes) -> None:
    with server.talk() as client:
        client.expect("220")
        answer = client.ask(b"EHLO" + name)
        assert answer.codes in ("501 5.5.4", "500 5.5.2")
        assert client.ask("MAIL FROM:<a@sender.example>").codes == "503 5.5.1"


def test_case_016_too_many_errors(server: Server) -> None:
    with server.client() as client:
        client.send(b"FOO\r\n" * 30)
        answers = client.rest()
    assert codes(answers) == ["500 5.5.1"] * 20 + ["421 4.7.0"]


def test_case_016_too_many_commands_without_mail(server: Server) -> None:
    with server.client() as client:
        client.send(b"NOOP\r\n" * 300)
        answers = client.rest()
    assert codes(answers[-1:]) == ["421 4.7.0"]
    assert set(codes(answers[:-1])) == {"250 2.0.0"}
    assert len(answers) == 201


def test_case_017_early_talker_is_answered_in_order(server: Server) -> None:
    with server.talk(before=b"EHLO client.sender.example\r\nNOOP\r\n") as client:
        client.expect("220", "250", "250 2.0.0")
        client.silent()


def test_case_018_pipelined_data_after_unknown_recipients(server: Server) -> None:
    with server.client() as client:
        client.send(b"MAIL FROM:<a@sender.example>\r\nRCPT TO:<nobody@local.example>\r\nDATA\r\n")
        client.expect("250", "550 5.1.1", "554 5.5.1")
        client.silent()


def test_case_019_vrfy_and_expn_tell_nothing(server: Server) -> None:
    with server.client() as client:
        known, unknown = client.say("VRFY anna", "VRFY nobody")
        assert known == unknown
        assert known.codes == "252 2.1.5"
        assert client.ask("EXPN everybody").codes == "502 5.5.1"


def test_case_020_arguments_nobody_asked_for(server: Server) -> None:
    with server.client() as client:
        client.envelope(ANNA)
        assert codes(client.say("DATA foo", "RSET x", "QUIT x")) == ["501 5.5.4"] * 3
        assert client.ask("QUIT").code == 221


def test_case_021_the_client_leaves_without_quit(server: Server) -> None:
    with server.client() as client:
        client.envelope(ANNA)
        assert client.content(message("case-021")).code == 250
    server.copies += 1


def test_case_021_quit_while_a_reply_is_pending(server: Server) -> None:
    with server.client() as client:
        client.envelope(ANNA)
        client.ask("DATA")
        client.send(message("case-021-quit") + b".\r\nQUIT\r\n")
        client.expect("250", "221")
        server.copies += 1
        assert client.rest() == []


def test_case_021_half_closed_client_still_hears_the_answer(server: Server) -> None:
    with server.client() as client:
        client.envelope(ANNA)
        client.ask("DATA")
        client.send(message("case-021-half") + b".\r\n")
        client.socket.shutdown(1)
        client.expect("250")
        server.copies += 1
        # At once, not when an idle client is sent away, for whom there would be a last word.
        assert client.rest() == []


@pytest.mark.parametrize("words", ["NOTIFY=NEVER", "RET=HDRS", "ORCPT=rfc822;a+ZZ"])
def test_case_022_dsn_parameters_when_dsn_is_not_offered(server: Server, words: str) -> None:
    with server.talk() as client:
        client.expect("220")
        assert "DSN" not in client.ask("EHLO client.sender.example").lines
        if words.startswith("RET"):
            assert client.ask(f"MAIL FROM:<a@sender.example> {words}").codes == "555 5.5.4"
        else:
            client.envelope()
            assert client.ask(f"RCPT TO:<{ANNA}> {words}").codes == "555 5.5.4"


def test_case_023_body_binarymime_is_not_offered(server: Server) -> None:
    with server.client() as client:
        assert client.ask("MAIL FROM:<a@sender.example> BODY=BINARYMIME").codes in ("555 5.5.4", "501 5.5.4")
        assert client.ask("MAIL FROM:<a@sender.example> BODY=8BITMIME").code == 250


@pytest.mark.parametrize(
    "line", ["XCLIENT ADDR=192.0.2.1", "XFORWARD ADDR=192.0.2.1", "PROXY TCP4 192.0.2.1 192.0.2.2 1 25"]
)
def test_case_024_nobody_changes_his_address(server: Server, line: str) -> None:
    with server.client() as client:
        assert client.ask(line).codes == "550 5.7.0"


@pytest.mark.parametrize(
    "header", [b"PROXY TCP4 192.0.2.10 192.0.2.2 1 25\r\n", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(12)]
)
def test_case_024_proxy_header_from_an_untrusted_peer(server: Server, header: bytes) -> None:
    for kind in ("mx", "behind"):
        with server.talk(kind, before=header) as client:
            # Who hangs up on octets that nobody has read may take his last word with them.
            answers = client.rest()
            assert not answers or answers[-1].code >= 421
            assert not any(answer.code == 250 for answer in answers)


def test_case_025_what_is_reflected_is_harmless(server: Server) -> None:
    with server.client() as client:
        client.envelope()
        for local_part in (b"x" * 64, b'"\x1b[31m"', b'"a\\\r\\b"', b'"%s%n{detail}"', b"{0}"):
            answer = client.ask(b"RCPT TO:<" + local_part + b"@local.example>")
            assert answer.code in (500, 501, 550, 553)
            assert re.fullmatch(r"[ -~]*", str(answer))
        client.silent()


@pytest.mark.parametrize("name", ["[127.0.0.1]", "<script>alert(1)</script>", "a(b;c", "x" * 250])
def test_case_025_the_trace_field_shows_hello_harmlessly(server: Server, name: str) -> None:
    with Talk(server.house.address()) as client:
        client.open(f"HELO {name}")
        client.envelope(ANNA)
        subject = f"case-025-{len(name)}"
        assert client.content(message(subject)).code == 250
        server.copies += 1
    header = message_from_bytes(server.read_back(subject))
    assert len(header.get_all("Received", [])) == 1
    assert header.get_all("From") == ["<author@sender.example>"]
    assert not header.defects
