"""evaluate: let the filter learn the corpora beside the repository, and show how far it tells tastes apart.

    .venv/bin/python -m scripts.evaluate

Prints what `clement evaluate` says of the SpamAssassin corpus, interleaved and in the order of the calendar.
Then three people with one list: the filter knows the site's mail; the first is told by each issue that he
corrects that he does not want it, the second that he does, the third never says anything.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from clement.learn.corpus import Corpus, Entry, read_index
from clement.learn.evaluation import KEY, THRESHOLD, features_of
from clement.learn.trainer import Trainer
from clement.policy.study import Features

ROOT = Path(__file__).resolve().parents[1]
MATERIAL = ROOT.parent / "shared" / "material"
CLEMENT = Path(sys.executable).with_name("clement")

SITE_MESSAGES = 2000
ISSUES = range(1000, 1100)
CORRECTIONS = 5
ANNA, BERT, CLARA = ("d:1", "m:1"), ("d:1", "m:2"), ("d:2", "m:3")


def main() -> None:
    corpus = MATERIAL / "spamassassin"
    if not corpus.exists():
        print(f"skipped: there is no {corpus}")
        return
    for order in ("index.interleaved", "index"):
        print(f"== spamassassin, {order}", flush=True)
        subprocess.run([CLEMENT, "evaluate", corpus / order], check=True)
        print()
    letters = MATERIAL / "list_linux-man_2022_2024H1"
    if not letters.exists():
        print(f"two tastes skipped: there is no {letters}")
        return
    print("== two tastes: share of the next issues of a list that is judged unwanted, and the mean log-odds")
    for line in two_tastes(corpus / "index.interleaved", letters / "index"):
        print(line, flush=True)


def two_tastes(mail: Path, letters: Path) -> list[str]:
    trainer = Trainer(KEY)
    known = read_index(mail)
    for entry, features in _features(mail, known[:SITE_MESSAGES]):
        trainer.learn(features, unwanted=entry.unwanted)
    issues = [features for _, features in _features(letters, read_index(letters)[: ISSUES.stop])]
    ham = [
        features
        for entry, features in _features(mail, known[SITE_MESSAGES : SITE_MESSAGES + 300])
        if not entry.unwanted
    ]
    lines = [_row(trainer, issues, ham, "before")]
    for number in range(CORRECTIONS):
        trainer.learn(issues[2 * number * 37], (), ANNA, unwanted=False)
        trainer.learn(issues[(2 * number + 1) * 37], (), BERT, unwanted=True)
        lines.append(_row(trainer, issues, ham, f"after {number + 1} of each"))
    return lines


def _row(trainer: Trainer, issues: list[Features], ham: list[Features], title: str) -> str:
    cells = []
    for name, scopes in (("wants it", ANNA), ("does not", BERT), ("silent", CLARA)):
        odds = np.array([trainer.weigh(issues[n], (), scopes).log_odds for n in ISSUES])
        cells.append(f"{name} {np.mean(odds >= THRESHOLD):4.0%} ({odds.mean():+.1f})")
    own = [trainer.weigh(features, (), BERT).log_odds >= THRESHOLD for features in ham]
    return f"{title:<16} {'   '.join(cells)}   other ham of who does not, lost: {sum(own)} of {len(own)}"


def _features(index: Path, entries: list[Entry]) -> list[tuple[Entry, Features]]:
    corpus = Corpus(index, entries, None)
    return [(entry, features_of(corpus.message(entry))) for entry in entries]


if __name__ == "__main__":
    main()
