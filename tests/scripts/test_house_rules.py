from pathlib import Path

import pytest

from scripts.house_rules import ROOT, findings, misplaced_reply_codes, unexplained_length

SOMEWHERE = ROOT / "src" / "clement" / "somewhere.py"


@pytest.mark.parametrize(
    "literal", ['b"550"', '"451 4.3.0 try later"', 'b"250-SIZE"', 'f"554 {reason}"', '"220 "']
)
def test_a_reply_code_outside_replies_is_found(literal: str) -> None:
    assert list(misplaced_reply_codes(SOMEWHERE, f"x = 1\ny = {literal}\n")) != []


@pytest.mark.parametrize(
    "source", ['"""550 is explained here."""', 'x = "65536"', 'x = "5 minutes"', "x = 550", 'x = "600"']
)
def test_other_texts_are_left_alone(source: str) -> None:
    assert list(misplaced_reply_codes(SOMEWHERE, source)) == []


def test_a_long_file_must_say_why() -> None:
    assert list(unexplained_length(SOMEWHERE, "x = 1\n" * 400)) == []
    assert list(unexplained_length(SOMEWHERE, "x = 1\n" * 401)) != []
    assert list(unexplained_length(SOMEWHERE, "# Long because it is one table.\n" + "x = 1\n" * 401)) == []


def test_every_file_is_looked_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "bad.py").write_text('x = "550 no"\n')
    monkeypatch.setattr("scripts.house_rules.PACKAGE", tmp_path)
    monkeypatch.setattr("scripts.house_rules.ROOT", tmp_path)
    assert len(list(findings())) == 1
