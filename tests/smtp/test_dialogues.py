"""The golden dialogues, replayed on the core: at once, in small pieces, and byte by byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from clement.smtp import Service
from tests.dialogue import Dialogue, Expect, Send, parse, replay
from tests.smtp.core import Core, CorePeer

FILES = sorted((Path(__file__).parent / "dialogues").glob("*.dialogue"))


def core_for(dialogue: Dialogue) -> Core:
    return Core(
        service=Service(dialogue.settings.get("service", "smtp")),
        tls_active=dialogue.settings.get("tls") == "yes",
    )


class CutPeer(CorePeer):
    """A peer that gets its octets a few at a time."""

    def __init__(self, core: Core, segment_octets: int) -> None:
        super().__init__(core)
        self._segment_octets = segment_octets

    def send(self, octets: bytes) -> None:
        for at in range(0, len(octets), self._segment_octets):
            super().send(octets[at : at + self._segment_octets])


@pytest.mark.parametrize("segment_octets", [1, 7, 1 << 20])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_dialogue(path: Path, segment_octets: int) -> None:
    dialogue = parse(path)
    if path.stem == "starttls_injection" and segment_octets < 1 << 20:
        pytest.skip("what comes later than the answer to STARTTLS is the business of the TLS handshake")
    replay(dialogue, CutPeer(core_for(dialogue), segment_octets))


def test_the_reader_reads_every_kind_of_step(tmp_path: Path) -> None:
    path = tmp_path / "all.dialogue"
    path.write_text('# remark\n\n@service lmtp\nS: 220 a.b\nC: X\nC< "a\\r\\n"\nS* 250\nS! closed\n', "utf-8")
    dialogue = parse(path)
    assert dialogue.settings == {"service": "lmtp"}
    greeting, send, raw, reply, _ = dialogue.steps
    assert isinstance(greeting, Expect)
    assert greeting.pattern.fullmatch("220 a.b")
    assert not greeting.pattern.fullmatch("220 axb")
    assert send == Send(b"X\r\n", 5)
    assert raw == Send(b"a\r\n", 6)
    assert isinstance(reply, Expect)
    assert reply.whole


@pytest.mark.parametrize("text", ["X: what", "S? x"])
def test_the_reader_refuses_what_it_does_not_know(text: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.dialogue"
    path.write_text(text, "utf-8")
    with pytest.raises(ValueError, match="line 1"):
        parse(path)


def test_a_dialogue_that_goes_another_way_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "other.dialogue"
    path.write_text("S~ 220 .*\nC: NOOP\nS: 251 no\n", "utf-8")
    with pytest.raises(AssertionError, match="other:3"):
        replay(parse(path), CorePeer(Core()))
