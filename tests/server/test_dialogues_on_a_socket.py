"""The golden dialogues and those of chasquid, which the protocol core is tested with, on a real socket."""

from __future__ import annotations

import ast
import re
from base64 import b64encode
from pathlib import Path

import pytest

from tests.dialogue import Dialogue, Send, parse, replay
from tests.fixtures.places import ROOT
from tests.server.furnish import PASSWORD
from tests.server.house import Builder, House, Server, still_serves
from tests.server.talk import Gone, Talk
from tests.smtp.test_chasquid_dialogues import CORRECTED, FILES, SEEDS, _compare, octets_of

GOLDEN = sorted((ROOT / "tests" / "smtp" / "dialogues").glob("*.dialogue"))

# The core's tests have passwords of their own; those of people here are longer.
OURS = {
    b64encode(b"\0bob@local.example\0secret"): b64encode(b"\0bob@local.example\0" + PASSWORD.encode()),
    b64encode(b"user@testserver\0user@testserver\0secretpassword"): b64encode(
        b"\0user@testserver.example\0" + PASSWORD.encode()
    ),
}


def in_our_words(octets: bytes) -> bytes:
    for theirs, ours in OURS.items():
        octets = octets.replace(theirs, ours)
    return octets.replace(b"@testserver>", b"@testserver.example>")


class SocketPeer:
    """A `tests.dialogue.Peer` at the other end of a socket."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self._lines: list[str] = []

    def send(self, octets: bytes) -> None:
        try:
            self.talk.send(in_our_words(octets))
        except OSError:
            return  # hung up already: what was said before is still to be read

    def read_line(self) -> str | None:
        if not self._lines:
            try:
                answer = self.talk.answer()
            except (Gone, ConnectionError):
                return None
            code = str(answer.code)
            words = [f"{answer.enhanced} {line}" if answer.enhanced else line for line in answer.lines]
            self._lines = [f"{code}-{line}" for line in words[:-1]] + [f"{code} {words[-1]}"]
        return self._lines.pop(0)


def kind_of(dialogue: Dialogue) -> str:
    service = dialogue.settings.get("service", "smtp")
    if dialogue.settings.get("tls") == "yes":
        return "submissions"
    return {"smtp": "mx", "submission": "submission", "lmtp": "lmtp"}[service]


def accepted_copies(dialogue: Dialogue) -> int:
    """How many copies a dialogue leaves: none of its messages is for more than it says."""
    return {"simple_message": 1, "pipelining": 1, "bdat": 1, "lmtp": 2}.get(dialogue.name, 0)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_dialogue(server: Server, path: Path) -> None:
    dialogue = parse(path)
    with server.talk(kind_of(dialogue)) as talk:
        replay(dialogue, SocketPeer(talk))
    server.copies += accepted_copies(dialogue)
    assert any(isinstance(step, Send) for step in dialogue.steps)


@pytest.mark.skipif(not FILES, reason="chasquid's dialogues are not beside the repository")
def test_dialogues_of_chasquid(build: Builder) -> None:
    house = build(tables={"limits": {"size_bytes": 1024 * 1024, "errors": 2}})
    for path in FILES:
        play(house, path)
    still_serves(house)


def play(house: House, path: Path) -> None:
    talk, said = house.talk(), ""
    for line in path.read_text("utf-8").split("\n"):
        match = re.fullmatch(r"c (tcp_connect|tls_connect|close|->|~>|<-|<~|<\.\.\.) ?(.*)", line)
        if match is None:
            continue
        act, text = match.groups()
        if act.endswith("_connect"):
            talk.socket.close()
            plain = "submission" if path.stem == "auth_not_tls" else "mx"
            talk = house.talk("submissions" if act == "tls_connect" else plain)
        elif act == "->":
            said = CORRECTED.get(text, text)
            talk.send(in_our_words(said.encode() + b"\r\n"))
        elif act == "~>":
            octets = octets_of(text)
            said = octets.decode().partition("\r\n")[0] if octets.endswith(b".\r\n") else said
            talk.send(octets)
        elif act != "close":
            _compare(path.stem, said, text, str(talk.answer()))
    talk.socket.close()


@pytest.mark.skipif(not SEEDS, reason="chasquid's fuzz seeds are not beside the repository")
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_fuzz_seeds_of_chasquid(server: Server, line_end: bytes) -> None:
    for path in SEEDS:
        (literal,) = re.findall(r'^\[\]byte\("(.*)"\)$', path.read_text("utf-8"), re.MULTILINE)
        octets: bytes = ast.literal_eval(f'"{literal}"').encode().replace(b"\n", line_end)
        with server.talk() as talk:
            talk.send(octets)
            talk.socket.shutdown(1)
            try:
                assert talk.rest()[0].code == 220
            except ConnectionError:
                continue
