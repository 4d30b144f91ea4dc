"""The evaluation: its figures, its corpora, and a guard on how well the filter learns real mail."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from clement.cli.evaluate import evaluate
from clement.cli.exit_codes import Failure
from clement.learn.corpus import Corpus, read_index
from clement.learn.evaluation import Example, features_of, judged, report
from clement.learn.figures import bands, figures
from clement.learn.trainer import Trainer
from tests.fixtures.places import shared
from tests.learn.mail import KEY, message

CLEMENT = Path(sys.executable).with_name("clement")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Ham and spam in turn, with an index."""
    lines = []
    for number in range(60):
        kind = "spam" if number % 2 else "ham"
        path = tmp_path / kind / f"{number}.eml"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(message(kind, number))
        lines.append(f"{kind} {kind}/{number}.eml 2026-11-26T10:00:00Z\n")
    (tmp_path / "index").write_text("".join(lines))
    return tmp_path


def test_the_area_is_exact_with_ties_counted_half() -> None:
    found = figures([-2, -1, 0, 3, 0, 1, 2], [False, False, False, False, True, True, True], threshold=1)
    # of 12 pairs: 3 in which the ham at 3 is above a spam, and one tie
    assert found.roca_percent == pytest.approx(100 * 3.5 / 12)
    assert (found.ham_lost, found.spam_missed) == (1, 1)
    assert found.missed_at_1_percent == 100.0


def test_what_cannot_be_divided_is_left_open() -> None:
    assert figures([], [], 0).roca_percent is None
    assert figures([1.0], [True], 0).ham_lost_percent is None


def test_bands_tell_what_was_said_and_what_was_true() -> None:
    (low, high) = bands([-2.0, -2.1, 2.0, 2.1], [False, False, True, False])
    assert (low.messages, low.unwanted, high.messages, high.unwanted) == (2, 0.0, 2, 0.5)


def test_each_message_is_judged_before_it_is_learned() -> None:
    examples = [Example(features_of(message("spam", 1), KEY), unwanted=True)] * 2
    first, second = judged(examples, Trainer(KEY, 18))
    assert first == 0 < second


def test_it_tells_figures_to_people_and_programs(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evaluate(corpus / "index", warm_up=20)
    told = capsys.readouterr().out
    assert "all: 30 ham, 30 spam" in told
    assert "after 20: 20 ham, 20 spam" in told
    evaluate(corpus / "index", warm_up=20, json=True)
    (line,) = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    assert found["after"]["roca_percent"] == 0
    assert found["all"]["messages"] == 60
    assert found["messages_per_second"] > 0


def test_it_needs_no_site(corpus: Path, tmp_path: Path) -> None:
    command = [CLEMENT, "evaluate", corpus / "index", "--json"]
    done = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, timeout=100, check=True)
    assert json.loads(done.stdout)["all"]["spam"] == 30


def test_an_archive_is_read_like_a_folder(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("packed")
    with tarfile.open(other / "corpus.tar.xz", "w:xz") as archive:
        for kind in ("ham", "spam"):
            archive.add(corpus / kind, f"./{kind}")
    (other / "index").write_bytes((corpus / "index").read_bytes())
    entries = read_index(other / "index")
    for root in (None, other / "corpus.tar.xz"):
        packed = Corpus(other / "index", entries, root)
        plain = Corpus(corpus / "index", entries, corpus)
        assert all(packed.message(entry) == plain.message(entry) for entry in entries)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("junk a.eml", ":3: expected one of spam, unwanted, ham, wanted, found 'junk'"),
        ("spam", ":3: expected the path of a message after 'spam'"),
        ("spam nowhere.eml", ":3: nowhere.eml"),
    ],
)
def test_mistakes_in_an_index_are_told_with_their_line(corpus: Path, line: str, complaint: str) -> None:
    index = corpus / "index"
    index.write_text(f"# labels\n\n{line}\n" + index.read_text())
    with pytest.raises(Failure) as failure:
        evaluate(index, corpus)
    assert failure.value.text.startswith(str(index))
    assert complaint in failure.value.text.replace(f"{corpus}/", "")


@pytest.mark.parametrize(
    ("index", "root", "complaint"),
    [
        ("no-index", None, "No such file"),
        ("index", "no", "no such folder"),
        ("index", "index", "tar archive"),
        ("empty", None, "no line names a message"),
    ],
)
def test_what_is_not_there_is_told(corpus: Path, index: str, root: str | None, complaint: str) -> None:
    (corpus / "empty").write_text("# nothing\n")
    with pytest.raises(Failure) as failure:
        evaluate(corpus / index, corpus / root if root else None)
    assert complaint in failure.value.text


def test_real_mail_is_told_apart() -> None:
    index = shared("material/spamassassin") / "index.interleaved"
    entries = read_index(index)[:900]
    corpus = Corpus(index, entries, None)
    examples = (Example(features_of(corpus.message(entry)), entry.unwanted) for entry in entries)
    log_odds = list(judged(examples, Trainer(b"evaluation")))
    found = report(log_odds, [entry.unwanted for entry in entries], 300, 1.6)
    assert found.all.roca_percent is not None
    assert found.all.roca_percent < 0.15
    assert found.after.ham_lost <= 2
    assert found.after.spam_missed_percent is not None
    assert found.after.spam_missed_percent < 12
