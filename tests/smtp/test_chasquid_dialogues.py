"""The dialogues that chasquid (Apache-2.0) is tested with, replayed on the core.

Codes are compared, words are not.  Where we answer otherwise, `DISAGREEMENTS` says why.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from clement.smtp import Extensions, ProtocolLimits
from tests.smtp.core import Core, CorePeer

FOLDER = (
    Path(__file__).resolve().parents[2]
    / ".."
    / "shared"
    / "material"
    / "smtp_chasquid"
    / "t-12-minor_dialogs"
)
FILES = sorted(FOLDER.glob("*.cmy"))

OFFER = Extensions(size_limit_bytes=1024 * 1024, starttls=True, auth_mechanisms=("PLAIN", "LOGIN"))
# chasquid hangs up at the third error.
LIMITS = ProtocolLimits(errors=2)

# Sent without angle brackets there.  Path = "<" [ A-d-l ":" ] Mailbox ">" (RFC 5321 §4.1.2) has no form
# without them, and what is refused in a relay test must not be accepted here.
CORRECTED = {"RCPT TO: user@testserver": "RCPT TO: <user@testserver>"}


@dataclass(frozen=True)
class Disagreement:
    """In `file`, to what was said last, chasquid answers `theirs` and we `ours`."""

    file: str
    said: str
    theirs: str
    ours: str
    because: str


DISAGREEMENTS = [
    Disagreement("auth_multi_dialog", "AUTH SOMETHINGELSE", "534", "504 5.5.4",
                 "RFC 4954 §4: 504 for a mechanism that is not known; 534 is for one too weak"),
    Disagreement("auth_not_tls", "AUTH PLAIN", "503", "538 5.7.11",
                 "RFC 4954 §6: 538 5.7.11 when the mechanism needs encryption"),
    Disagreement("bad_data", ".", "554", "250 2.0.0",
                 "whether content is well-formed is for the server around the core to say"),
    Disagreement("bad_data_dot", "xxx", "521", "550 5.5.2",
                 "RFC 7504 §1: 521 is for hosts that take no mail; the message is at fault, not the session"),
    Disagreement("bad_data_dot_2", "", "521", "550 5.5.2", "as for bad_data_dot"),
    Disagreement("bad_data_dot_on_message_too_big", ".", "521", "552 5.3.4",
                 "two faults, either could be named; the size was known first"),
    Disagreement("bad_mail_from", "MAIL LALA: <>", "500", "501 5.5.4",
                 "RFC 5321 §4.2.4: the verb is known, its argument is wrong"),
    Disagreement("bad_mail_from", "MAIL FROM:", "500", "501 5.5.4", "likewise"),
    Disagreement("bad_rcpt_to", "RCPT LALA: <>", "500", "501 5.5.4", "likewise"),
    Disagreement("bad_rcpt_to", "RCPT TO:", "500", "501 5.5.4", "likewise"),
    Disagreement("bad_rcpt_to", "RCPT TO:<henry\u2163@testserver>", "550", "553 5.6.7",
                 "RFC 6531 §3.5: 553 5.6.7 for an address that needs SMTPUTF8"),
    Disagreement("line_too_long", "HELO aaaaaaaaa1", "554", "501 5.5.4",
                 "RFC 5321 §4.5.3.1.2: the name is too long, the line is not"),
    Disagreement("wrong_proto", "GET /evil HTTP/1.1", "502", "421 4.7.0",
                 "the session ends, and 421 says so"),
    Disagreement("wrong_proto", "POST /evil HTTP/1.1", "502", "421 4.7.0", "likewise"),
    Disagreement("wrong_proto", "CONNECT www.evil.com:80 HTTP/1.1", "502", "421 4.7.0", "likewise"),
]  # fmt: skip


def octets_of(expression: str) -> bytes:
    """The Python expressions of the dialogues: literals, repeated at most."""
    literal, _, factor = expression.partition(" * ") if expression.startswith("'") else ("", "", "")
    if not expression.startswith("("):
        if not factor:
            return str(ast.literal_eval(expression)).encode()
        count, _, tail = factor.partition(" + ")
        return str(ast.literal_eval(literal)).encode() * int(count) + str(ast.literal_eval(tail)).encode()
    inner, _, factor = expression[1:].rpartition(") * ")
    return octets_of(inner) * int(factor)


def answered(peer: CorePeer, text: str) -> str:
    """The next reply; of several lines, the last."""
    line = peer.read_line()
    while line is not None and line[3:4] == "-":
        line = peer.read_line()
    assert line is not None, f"closed; {text} was expected"
    return line


def disagreement(file: str, said: str, theirs: str) -> Disagreement | None:
    for item in DISAGREEMENTS:
        if item.file == file and item.theirs == theirs and said[: len(item.said)] == item.said:
            return item
    return None


@pytest.mark.skipif(not FILES, reason="chasquid's dialogues are not beside the repository")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_dialogue_of_chasquid(path: Path) -> None:
    core, said = Core(), ""
    peer = CorePeer(core)
    for line in path.read_text("utf-8").split("\n"):
        match = re.fullmatch(r"c (tcp_connect|tls_connect|close|->|~>|<-|<~|<\.\.\.) ?(.*)", line)
        if match is None:
            assert not line or line.startswith("#"), line
            continue
        act, text = match.groups()
        if act.endswith("_connect"):
            core = Core(offer=OFFER, limits=LIMITS, tls_active=act == "tls_connect")
            peer = CorePeer(core)
        elif act == "->":
            said = CORRECTED.get(text, text)
            peer.send(said.encode() + b"\r\n")
        elif act == "~>":
            octets = octets_of(text)
            said = octets.decode().partition("\r\n")[0] if octets.endswith(b".\r\n") else said
            peer.send(octets)
        elif act != "close":
            _compare(path.stem, said, text, answered(peer, text))


def _compare(file: str, said: str, text: str, line: str) -> None:
    theirs = text[:3]
    if (other := disagreement(file, said, theirs)) is not None and not line.startswith(theirs):
        assert line.startswith(other.ours), other
    else:
        assert line.startswith(theirs), f"{file}: {said!r} was answered {line!r}, not {text!r}"


SEEDS = sorted((FOLDER.parent / "internal" / "smtpsrv" / "testdata" / "fuzz" / "FuzzConnection").glob("*"))


@pytest.mark.skipif(not SEEDS, reason="chasquid's fuzz seeds are not beside the repository")
@pytest.mark.parametrize("path", SEEDS, ids=lambda path: path.stem[:8])
def test_fuzz_seed_of_chasquid(path: Path) -> None:
    (literal,) = re.findall(r'^\[\]byte\("(.*)"\)$', path.read_text("utf-8"), re.MULTILINE)
    octets: bytes = ast.literal_eval(f'"{literal}"').encode()
    for line_end in (b"\n", b"\r\n"):
        core = Core().feed(octets.replace(b"\n", line_end)).eof()
        assert core.session.closing
        assert core.sent.endswith(b"\r\n")
