"""Hostile cases 102 and 105 as a client meets them: names that hide what they are, and archive bombs."""

import pytest

from tests.message.attachments import bombs
from tests.message.attachments.furnish import PE, message, nested, zipped
from tests.server.house import Server
from tests.server.talk import Answer

ANNA = "anna@local.example"
TOP = b"From: <a@sender.example>\r\nSubject: case-f\r\nMIME-Version: 1.0\r\n"


def offer(server: Server, *files: tuple[str, bytes]) -> Answer:
    """Send these files; no process dies of them, and nothing of theirs is left on the disk."""
    with server.client() as client:
        assert client.envelope(ANNA)[0].code == 250
        answer = client.content(TOP + message(*files))
        client.silent()
    server.copies += answer.code == 250
    server.house.wait_until_tidy()
    return answer


@pytest.mark.parametrize(
    "name",
    [
        "invoice.pdf.exe",
        "invoice.pdf                    .exe",
        "invoice\u202efdp.exe",
        "invoice.exe. .",
        "../../etc/cron.d/x",
        "a" * 60_000 + ".exe",
        "x\x1b[2J\x07.exe",
    ],
)
def test_case_102_names_are_judged_for_what_they_are_and_shown_escaped(server: Server, name: str) -> None:
    answer = offer(server, (name, b"MZ"))
    assert answer.codes == "554 5.7.1", answer
    assert "attach" in answer.text
    assert "\x1b" not in answer.text
    assert len(answer.text) < 500


def test_case_102_a_program_under_the_name_of_a_document(server: Server) -> None:
    answer = offer(server, ("invoice.pdf", PE))
    assert answer.codes == "554 5.7.1", answer
    assert "invoice.pdf (named .pdf, but is a Windows program)" in answer.text


@pytest.mark.parametrize(
    ("name", "octets"),
    [
        ("42.zip", bombs.forty_two(levels=4)),
        ("overlap.zip", bombs.overlapping(count=40, size_bytes=5_000_000)),
        ("quoted.zip", bombs.quoting(count=40, size_bytes=5_000_000)),
        ("r.zip", bombs.endless(30)),
        ("entries.zip", bombs.many_entries(5000)),
        ("zeros.gz", bombs.gzip_of_zeros(20 << 20)),
        ("zeros.xz", bombs.xz_of_zeros(20 << 20)),
        ("deep.zip", nested(b"x", "a.txt", 6)),
    ],
)
def test_case_105_bombs_are_refused_without_unpacking_them(server: Server, name: str, octets: bytes) -> None:
    answer = offer(server, (name, octets))
    assert answer.codes == "554 5.7.1", answer
    assert name in answer.text


def test_case_105_a_program_in_an_archive_in_an_archive_is_named(server: Server) -> None:
    answer = offer(server, ("outer.zip", zipped({"inner.zip": zipped({"run.exe": PE})})))
    assert answer.codes == "554 5.7.1", answer
    assert "outer.zip/inner.zip/run.exe" in answer.text


def test_ordinary_archives_pass(server: Server) -> None:
    assert offer(server, ("letters.zip", zipped({"a.txt": b"hello", "b/c.txt": b"world"}))).code == 250
