"""Only CRLF.CRLF ends content: the sequences that have smuggled mail through other servers do not here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clement.smtp import BareLineEndings, ContentDefects
from tests.smtp.core import Core, open_transaction

MATERIAL = Path(__file__).resolve().parents[2] / ".." / "shared" / "material" / "smtp_smuggling"
SEQUENCES_FILE = MATERIAL / "end-of-data-sequences.json"

SECOND_MESSAGE = b"MAIL FROM:<mallory@evil.test>\r\nRCPT TO:<victim@b.test>\r\nDATA\r\nsmuggled\r\n.\r\n"

# hostile cases 26 to 41, by number.
BARE = {
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
}
NOT_BARE = {
    37: b"\r\n\0.\r\n",
    38: b"\r\n.\0\r\n",
    39: b"\0\r\n.\0\r\n",
    40: b"\r\n. \r\n",
    41: b"\r\n.\v\r\n",
}


def smuggle(sequence: bytes, bare_line_endings: BareLineEndings = BareLineEndings.REJECT) -> Core:
    core = open_transaction(Core(bare_line_endings=bare_line_endings))
    before = len(core.codes)
    core.feed(b"DATA\r\n", b"first\r\nx" + sequence + SECOND_MESSAGE)
    # 354, and one reply to the one message there is.
    assert len(core.codes) - before == 2
    return core


def at_every_cut(sequence: bytes) -> list[Core]:
    cores = []
    octets = b"x" + sequence + SECOND_MESSAGE
    for cut in range(len(octets)):
        core = open_transaction(Core()).feed(b"DATA\r\n", octets[:cut], octets[cut:])
        cores.append(core)
    return cores


@pytest.mark.parametrize(("case", "sequence"), BARE.items(), ids=repr)
def test_case_026_to_036_bare_line_endings_end_nothing(case: int, sequence: bytes) -> None:
    core = smuggle(sequence)
    assert core.last.startswith("550 5.5.2"), case
    assert core.messages == []
    assert all(len(other.codes) == len(core.codes) for other in at_every_cut(sequence))


@pytest.mark.parametrize(("case", "sequence"), NOT_BARE.items(), ids=repr)
def test_case_037_to_041_near_misses_are_content(case: int, sequence: bytes) -> None:
    core = smuggle(sequence)
    refused = b"\0" in sequence
    assert core.last.startswith("550 5.6.0" if refused else "250"), case
    assert len(core.messages) == (0 if refused else 1)


@pytest.mark.parametrize("sequence", BARE.values(), ids=repr)
def test_normalising_makes_one_message_of_it_all(sequence: bytes) -> None:
    core = smuggle(sequence, BareLineEndings.NORMALISE)
    (message,) = core.messages
    assert message.defects & (ContentDefects.BARE_CR | ContentDefects.BARE_LF)
    content = message.content
    assert b"MAIL FROM:<mallory@evil.test>\r\n" in content
    assert content.replace(b"\r\n", b"").isascii()
    assert b"\r" not in content.replace(b"\r\n", b"")
    assert b"\n" not in content.replace(b"\r\n", b"")


def test_case_042_line_breaks_of_python_are_data() -> None:
    for char in ("\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"):
        octets = char.encode("utf-8")
        core = open_transaction(Core())
        core.feed(b"DATA\r\n", b"a" + octets + b"." + octets + b"MAIL FROM:<x@y.test>\r\n.\r\n")
        (message,) = core.messages
        assert message.content == b"a" + octets + b"." + octets + b"MAIL FROM:<x@y.test>\r\n"


def test_case_041_double_dot_before_commands_is_content() -> None:
    core = open_transaction(Core()).feed(b"DATA\r\n", b"..\r\n" + SECOND_MESSAGE)
    (message,) = core.messages
    assert message.content == b".\r\n" + SECOND_MESSAGE.removesuffix(b".\r\n")


def sequences_of_the_scanners() -> list[bytes]:
    if not SEQUENCES_FILE.exists():
        return []
    table = json.loads(SEQUENCES_FILE.read_text())
    texts = {
        *table["the_login_scanner"],
        *table["the_login_scanner_extended"],
        *table["hannob_smtpsmug"].values(),
    }
    return sorted(text.encode("latin-1") for text in texts)


@pytest.mark.skipif(
    not SEQUENCES_FILE.exists(), reason="the scanners' sequences are not beside the repository"
)
@pytest.mark.parametrize("sequence", sequences_of_the_scanners(), ids=repr)
def test_sequences_of_the_scanners(sequence: bytes) -> None:
    core = smuggle(sequence)
    assert core.messages == []
    assert core.codes[-1] == 550
