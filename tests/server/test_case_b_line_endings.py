"""Hostile cases 26 to 48: what looks like the end of a message and is not, byte counts, and dots."""

import json
import re

import pytest

from tests.fixtures.places import ROOT
from tests.server.house import Server
from tests.server.talk import Talk, message

ANNA = "anna@local.example"
SMUGGLED = (
    b"MAIL FROM:<smuggler@sender.example>\r\nRCPT TO:<anna@local.example>\r\nDATA\r\n"
    b"Subject: smuggled\r\n\r\nx\r\n.\r\n"
)

# RFC 5321 §4.1.1.4: only CRLF.CRLF ends content. What else some server has taken for it (cases 26 to 41).
FALSE_ENDS = {
    26: b"\n.\n",
    27: b"\n.\r\n",
    28: b"\r\n.\n",
    29: b"\r.\r",
    30: b"\r.\r\n",
    31: b"\r.\n",
    32: b"\r\n.\r",
    33: b"\n.\r",
    34: b"\r\n.\r\r\n",
    35: b"\r\r\n.\r\r\n",
    36: b"\n\r.\n\r",
    37: b"\r\n\0.\r\n",
    38: b"\r\n.\0\r\n",
    39: b"\r\n\0.\0\r\n",
    40: b"\r\n. \r\n",
    41: b"\r\n..\r\n",
}
HARMLESS = {40, 41}
"""Lines that begin with a dot and go on: content like any other."""


def collected() -> dict[str, bytes]:
    """The sequences of published smuggling scanners, where they are at hand."""
    path = ROOT.parent / "shared" / "material" / "smtp_smuggling" / "end-of-data-sequences.json"
    if not path.exists():
        return {}
    facts = json.loads(path.read_text())
    texts = {
        *facts["the_login_scanner"],
        *facts["the_login_scanner_extended"],
        *facts["hannob_smtpsmug"].values(),
    }
    return {repr(text): text.encode("latin-1") for text in sorted(texts)}


def begin(client: Talk, subject: str) -> None:
    client.envelope(ANNA)
    assert client.ask("DATA").code == 354
    client.send(message(subject)[:-2])


@pytest.mark.parametrize("number", FALSE_ENDS)
def test_case_026_to_041_false_end_of_data(server: Server, number: int) -> None:
    with server.client() as client:
        begin(client, f"case-{number:03}")
        client.send(FALSE_ENDS[number] + SMUGGLED)
        answer = client.answer()
        client.silent()
        if number in HARMLESS:
            assert answer.code == 250
            server.copies += 1
            assert b"smuggler@" in server.read_back(f"case-{number:03}")
        else:
            assert answer.codes in ("550 5.5.2", "550 5.6.0")


@pytest.mark.parametrize(
    "name", collected() or [pytest.param("", marks=pytest.mark.skip("no ../shared/material"))]
)
def test_case_026_published_smuggling_sequences(server: Server, name: str) -> None:
    with server.client() as client:
        begin(client, "published")
        client.send(collected()[name])
        client.send(SMUGGLED)
        assert client.answer().codes in ("550 5.5.2", "550 5.6.0")
        client.silent()


@pytest.mark.parametrize("mark", ["\x0b", "\x0c", "\x1c", "\x1e", "\x85", "\u2028"], ids=repr)
def test_case_042_separators_of_python_are_content(server: Server, mark: str) -> None:
    subject = f"case-042-{ord(mark):x}"
    with server.client() as client:
        client.envelope(ANNA, words=" BODY=8BITMIME")
        client.ask("DATA")
        client.send(
            message(subject) + f"a{mark}.{mark}b\r\n{mark}.{mark}\r\n.{mark}\r\nQUIT\r\n.\r\n".encode()
        )
        client.expect("250")
        client.silent()
    server.copies += 1
    assert f"a{mark}.{mark}b\n{mark}.{mark}\n{mark}\nQUIT\n".encode() in server.read_back(subject)


def test_case_043_bdat_counts_octets(server: Server) -> None:
    content = message("case-043") + b"\r\n.\r\n" + SMUGGLED
    with server.client() as client:
        client.envelope(ANNA)
        client.send(b"BDAT %d LAST\r\n" % len(content) + content)
        client.expect("250")
        client.silent()
    server.copies += 1
    assert b"\n.\nMAIL FROM:<smuggler" in server.read_back("case-043")


def test_case_043_bare_line_feed_in_bdat(server: Server) -> None:
    content = message("case-043-lf") + b"a\nb\r\n"
    with server.client() as client:
        client.envelope(ANNA)
        client.send(b"BDAT %d LAST\r\n" % len(content) + content)
        client.expect("550 5.5.2")
        client.silent()


def test_case_043_chunks_make_one_message(server: Server) -> None:
    content = message("case-043-chunks", "one\r\ntwo")
    with server.client() as client:
        client.envelope(ANNA)
        for start in range(0, len(content), 7):
            piece = content[start : start + 7]
            client.send(b"BDAT %d\r\n" % len(piece) + piece)
            client.expect("250")
        client.send(b"BDAT 0 LAST\r\n")
        client.expect("250 2.0.0")
    server.copies += 1
    assert server.read_back("case-043-chunks").endswith(b"\n\none\ntwo\n")


@pytest.mark.parametrize("size", [b"-1", b"abc", b"1" + b"0" * 20, b"", b"1 FIRST"])
def test_case_044_bdat_of_no_readable_size(server: Server, size: bytes) -> None:
    with server.client() as client:
        client.envelope(ANNA)
        client.send(b"BDAT " + size + b"\r\nMAIL FROM:<smuggler@sender.example>\r\nNOOP\r\n")
        answers = client.rest()
        assert len(answers) == 1
        assert answers[0].code in (501, 521)


def test_case_044_bdat_out_of_order_swallows_its_octets(server: Server) -> None:
    with server.client() as client:
        client.send(b"BDAT 6 LAST\r\nNOOP\r\n")
        client.expect("503 5.5.1")
        client.envelope("nobody@local.example")
        client.send(b"BDAT 6 LAST\r\nNOOP\r\n")
        assert client.answer().codes in ("503 5.5.1", "554 5.5.1")
        client.silent()
        client.ask("RSET")
        client.envelope(ANNA)
        client.send(b"BDAT 6\r\nA: b\r\n")
        client.expect("250")
        assert client.ask("DATA").codes == "503 5.5.1"


def test_case_045_what_is_handed_on_is_one_message(server: Server) -> None:
    body = "..\r\n.leading\r\n.\tdot\r\n...".replace("\r\n.", "\r\n..")
    with server.client() as client:
        client.envelope("anybody@relay.example")
        assert client.content(message("case-045", "." + body)).code == 250
    server.handed_on += 1
    assert server.hop.messages[-1].content.endswith(b"\r\n\r\n..\r\n.leading\r\n.\tdot\r\n...\r\n")


@pytest.mark.parametrize(
    ("sent", "kept"), [(b"..one", b".one"), (b"...", b".."), (b"..", b"."), (b".x", b"x")]
)
def test_case_046_dots_are_unstuffed_exactly(server: Server, sent: bytes, kept: bytes) -> None:
    subject = f"case-046-{sent.decode()}-"
    with server.client() as client:
        client.envelope(ANNA)
        client.ask("DATA")
        client.send(message(subject) + sent + b"\r\nmiddle." + sent + b"\r\n" + sent + b"\r\n.\r\n")
        client.expect("250")
    server.copies += 1
    assert server.read_back(subject).endswith(
        b"\nwords\n" + kept + b"\nmiddle." + sent + b"\n" + kept + b"\n"
    )


def test_case_047_end_of_data_octet_by_octet(server: Server) -> None:
    with server.client() as client:
        client.envelope(ANNA)
        client.ask("DATA")
        for octet in message("case-047") + b".\r\n":
            client.send(bytes([octet]))
        client.expect("250")
    server.copies += 1


@pytest.mark.parametrize("boundary", [4096, 65536, 262144])
def test_case_047_end_of_data_at_a_buffer_boundary(server: Server, boundary: int) -> None:
    with server.client() as client:
        for shift in range(-2, 3):
            head = message(f"case-047-{boundary}{shift:+}")
            lines = b"x" * 78 + b"\r\n"
            body = (lines * (boundary // 80 + 1))[: boundary - len(head) - 3 + shift - 2] + b"\r\n"
            client.envelope(ANNA)
            client.ask("DATA")
            client.send(re.sub(rb"\r(?!\n)|(?<!\r)\n", b"x", head + body) + b".\r\n")
            client.expect("250")
            server.copies += 1


def test_case_048_pipelined_commands_behind_the_end_wait(server: Server) -> None:
    following = b"MAIL FROM:<a@sender.example>\r\nRCPT TO:<nobody@local.example>\r\nRSET\r\nQUIT\r\n"
    with server.client() as client:
        begin(client, "case-048")
        client.send(b"\r\n.\r\n" + following)
        client.expect("250 2.0.0", "250 2.1.0", "550 5.1.1", "250 2.0.0", "221 2.0.0")
        assert client.rest() == []
    server.copies += 1


# --- One reply for each recipient -------------------------------------------------------------------------


def test_case_048_prdr_gives_each_recipient_its_reply(server: Server) -> None:
    with server.client() as client:
        client.envelope(ANNA, "bruno@local.example", words=" PRDR")
        assert client.ask("DATA").code == 354
        client.send(message("prdr") + b".\r\n")
        client.expect("353", "250", "250", "250")
        client.silent()
    server.copies += 2


def test_case_048_prdr_over_bdat(server: Server) -> None:
    content = message("prdr-bdat")
    with server.client() as client:
        client.envelope(ANNA, "bruno@local.example", words=" PRDR")
        client.send(b"BDAT %d LAST\r\n" % len(content) + content)
        client.expect("353", "250", "250", "250")
        client.silent()
    server.copies += 2
