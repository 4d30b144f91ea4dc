"""Hostile cases 100 to 104 as a client meets them: content built to be slow, ambiguous, or fatal to read.

Each gets one reply, a decision and no fault of ours; no process dies of it, and the server serves on.
"""

import base64

import pytest

from tests.server.house import Server
from tests.server.talk import Answer, message

ANNA = "anna@local.example"
DECISIONS = {250, 550, 554}


def offer(server: Server, octets: bytes) -> Answer:
    """Send it as it stands; what must hold of any such content is checked here."""
    checkers = [server.house.process(name) for name in ("checker-0", "checker-large")]
    with server.client() as client:
        assert client.envelope(ANNA)[0].code == 250
        answer = client.content(octets)
        client.silent()
        assert client.ask("QUIT").code == 221
    assert answer.code in DECISIONS, answer
    assert [server.house.process(name) for name in ("checker-0", "checker-large")] == checkers
    server.copies += answer.code == 250
    return answer


def mail(*lines: str | bytes, header: str = "") -> bytes:
    """A message with these lines behind From, Subject and MIME-Version."""
    top = f"From: <a@sender.example>\r\nSubject: case-f\r\nMIME-Version: 1.0\r\n{header}"
    encoded = [line.encode() if isinstance(line, str) else line for line in lines]
    return top.encode() + b"\r\n".join(encoded) + b"\r\n"


def nested(depth: int) -> bytes:
    """Multiparts in one another."""
    lines = []
    for level in range(depth):
        lines += [f"Content-Type: multipart/mixed; boundary=b{level}", "", f"--b{level}"]
    return mail(*lines, "Content-Type: text/plain", "", "at last")


def enclosed(depth: int) -> bytes:
    """Messages in one another."""
    return mail(*["Content-Type: message/rfc822", ""] * depth, "Subject: innermost", "", "at last")


def many_parts(count: int) -> bytes:
    return mail("Content-Type: multipart/mixed; boundary=b", "", *["--b", "", "x"] * count, "--b--")


@pytest.mark.parametrize(
    "octets",
    [
        nested(1000),
        enclosed(10_000),
        many_parts(20_000),
        mail(f"Content-Type: multipart/mixed; boundary={'b' * 10_000}", "", "--" + "b" * 900, "", "x"),
        mail('Content-Type: multipart/mixed; boundary=""', "", "--", "", "x", "----"),
        mail("Content-Type: multipart/mixed; boundary=a; boundary=b", "", "--a", "", "x", "--b", "", "y"),
        mail("Content-Type: multipart/mixed; boundary=b", "", *["--b" + " " * 500] * 1500),
        mail("Content-Type: multipart/mixed; boundary=-", "", *["-" * number for number in range(900)]),
    ],
    ids=["deep", "rfc822", "parts", "long", "empty", "two", "blanks", "dashes"],
)
def test_case_100_structures_beyond_measure(server: Server, octets: bytes) -> None:
    offer(server, octets)


def of_parts(*parts: str | bytes, after: str = "--b--") -> bytes:
    lines: list[str | bytes] = ["Content-Type: multipart/mixed; boundary=b", ""]
    for part in parts:
        lines += ["--b", part]
    return mail(*lines, after)


@pytest.mark.parametrize(
    "octets",
    [
        of_parts("Content-Transfer-Encoding: base64, quoted-printable\r\n\r\nPGI+PQ=="),
        of_parts("Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\n<script>1</script>"),
        of_parts("Content-Disposition: attachment; filename*0=a.e; filename*1=xe\r\n\r\nMZ"),
        of_parts("\r\nno end", after=""),
        of_parts("\r\ntext", after="--b--\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\nepilogue"),
        mail("", "begin 644 a.exe", "#0V%T", "`", "end"),
        mail(
            "", "=ybegin line=128 size=3 name=a.bin", b"\x6b\x6c\x6d", "=yend size=3", header="X-Y: yEnc\r\n"
        ),
        of_parts(
            "Content-Type: application/ms-tnef; name=winmail.dat\r\n"
            "Content-Transfer-Encoding: base64\r\n\r\n"
            + base64.b64encode(b"\x78\x9f\x3e\x22" + b"\xff" * 60).decode()
        ),
    ],
    ids=["encodings", "types", "sections", "no-end", "epilogue", "uuencode", "yenc", "tnef"],
)
def test_case_101_messages_with_several_readings(server: Server, octets: bytes) -> None:
    offer(server, octets)
    assert server.clamd.seen[-1].endswith(octets), "the whole raw message goes to clamd"


@pytest.mark.parametrize(
    "octets",
    [
        mail("X: 1", header="Subject: " + "=?a=?b?" * 15_000 + "\r\n"),
        mail("", "x", header="To: " + "(" * 20_000 + "\r\n"),
        mail("", "x", header='Content-Type: text/plain; name="' + "\\a" * 15_000 + '"\r\n'),
        mail("", "x", header="Content-Type: " + "text/plain;" * 10_000 + "\r\n"),
        mail("Content-Type: text/html", "", "<a href='" * 50_000),
        mail("Content-Type: text/html", "", "<div>" * 60_000),
        mail("Content-Type: text/html", "", "&amp" * 100_000),
        mail("", "http://" + "a." * 200_000),
        mail("", "@" * 400_000),
        mail("Content-Type: text/html; charset=utf-7", "", "+ADw-script+AD4-" * 20_000),
    ],
    ids=["words", "comments", "pairs", "parameters", "quotes", "nesting", "entities", "host", "at", "utf7"],
)
def test_case_103_texts_that_are_slow_to_read(server: Server, octets: bytes) -> None:
    offer(server, octets)


@pytest.mark.parametrize(
    "octets",
    [
        mail("", "x", header='To: alice@example.org)"<mallory@sender.example>\r\n'),
        mail("", "x", header="Subject: =?utf-8?q?a=0D=0ABcc=3A_all=40local.example?=\r\n"),
        mail("", "x", header="Subject: " + "a" * 900 + "\r\n " + ("b" * 900 + "\r\n ") * 200 + "c\r\n"),
        mail("", "x", header="References: " + "<" * 30_000 + "\r\n"),
        mail('Content-Type: text/plain; charset="\xff\xfe"', "", "x"),
        mail("Content-Type: text/plain; charset=rot13", "", "x"),
        mail("Content-Type: text/plain; charset=../../etc/passwd", "", "x"),
        mail("Content-Type: text/plain; charset=undefined", "", "x"),
        mail("Content-Type: text/plain; charset=idna", "", "x" * 5000 + "." * 5000),
    ],
    ids=["parseaddr", "newline", "folding", "ids", "octets", "rot13", "path", "undefined", "idna"],
)
def test_case_104_what_the_standard_library_stumbled_over(server: Server, octets: bytes) -> None:
    offer(server, octets)


def test_case_104_no_decoded_line_end_adds_a_field(server: Server) -> None:
    octets = message("case-104-bcc").replace(
        b"Subject: case-104-bcc", b"Subject: case-104-bcc\r\nX-A: =?utf-8?q?a=0D=0AX-Injected=3A_1?="
    )
    assert offer(server, octets).code == 250
    assert b"\nX-Injected" not in server.read_back("case-104-bcc")
