"""Counters survive their process, are never counted twice, and never go backwards."""

import subprocess
import sys
from pathlib import Path

import pytest

from clement.telemetry import collect, metrics
from clement.telemetry.collect import TOTALS_NAME, fold, of_living, rendered
from clement.telemetry.collect import collect as collected
from clement.telemetry.metrics import (
    DIRECTORY_VERSION,
    JOURNAL_DROPPED,
    JOURNAL_RECORDS,
    RECORDER_LAG_BYTES,
    SERIES,
    Metrics,
)

RECORDS = SERIES[JOURNAL_RECORDS]
LAG = SERIES[RECORDER_LAG_BYTES]

COUNT_AND_DIE = """
import os, signal, sys
from pathlib import Path
from clement.telemetry.metrics import JOURNAL_RECORDS, RECORDER_LAG_BYTES, Metrics
counted = Metrics.open(Path(sys.argv[1]), "receiver")
counted.add(JOURNAL_RECORDS, 7)
counted.set(RECORDER_LAG_BYTES, 1000)
os.kill(os.getpid(), signal.SIGKILL)
"""


def killed_process(directory: Path) -> None:
    subprocess.run([sys.executable, "-c", COUNT_AND_DIE, directory], check=False)


def files(directory: Path) -> list[Path]:
    return list(directory.glob("*.metrics"))


def test_what_is_counted_is_seen_by_others(tmp_path: Path) -> None:
    one, two = Metrics.open(tmp_path, "receiver"), Metrics.open(tmp_path, "receiver")
    one.add(JOURNAL_RECORDS)
    two.add(JOURNAL_RECORDS, 5)
    one.set(RECORDER_LAG_BYTES, 12.9)
    values = collected(tmp_path)
    assert (values[RECORDS], values[LAG]) == (6, 12)
    assert one.get(JOURNAL_RECORDS) == 1
    one.close()
    two.close()


def test_of_versions_in_use_the_oldest_counts_and_each_process_can_be_asked(tmp_path: Path) -> None:
    processes = [Metrics.open(tmp_path, name) for name in ("receiver-0", "receiver-1", "recorder")]
    for process, version in zip(processes, (8, 7), strict=False):
        process.set(DIRECTORY_VERSION, version)
    assert collected(tmp_path)[SERIES[DIRECTORY_VERSION]] == 7
    assert sorted(of_living(tmp_path, DIRECTORY_VERSION).values()) == [0, 7, 8]
    processes[1].close()
    assert collected(tmp_path)[SERIES[DIRECTORY_VERSION]] == 8
    assert sorted(of_living(tmp_path, DIRECTORY_VERSION).values()) == [0, 8]
    for process in processes:
        process.close()


def test_a_gauge_is_never_below_zero() -> None:
    one = Metrics.private()
    one.set(RECORDER_LAG_BYTES, -5)
    assert one.get(RECORDER_LAG_BYTES) == 0


def test_what_a_killed_process_counted_stays_and_its_gauges_go(tmp_path: Path) -> None:
    killed_process(tmp_path)
    values = collected(tmp_path)
    assert (values[RECORDS], values[LAG]) == (7, 0)
    assert fold(tmp_path) == 1
    assert collected(tmp_path) == values
    assert files(tmp_path) == []
    assert fold(tmp_path) == 0


def test_a_living_process_is_not_folded(tmp_path: Path) -> None:
    one = Metrics.open(tmp_path, "receiver")
    one.add(JOURNAL_RECORDS)
    assert fold(tmp_path) == 0
    one.add(JOURNAL_RECORDS)
    assert collected(tmp_path)[RECORDS] == 2
    one.close()
    assert fold(tmp_path) == 1
    assert collected(tmp_path)[RECORDS] == 2


def test_a_fold_that_was_killed_before_it_removed_the_files_counts_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_process(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *_args, **_kwargs: None)
        fold(tmp_path)
    assert len(files(tmp_path)) == 1
    assert collected(tmp_path)[RECORDS] == 7
    killed_process(tmp_path)
    assert fold(tmp_path) == 1
    assert collected(tmp_path)[RECORDS] == 14
    assert files(tmp_path) == []


def test_counters_of_an_older_version_still_add_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as older:
        older.setattr(metrics, "SERIES", ["clement_gone_total", RECORDS])
        process = Metrics.open(tmp_path, "old")
        process.add(metrics.Series(0), 3)
        process.add(metrics.Series(1), 4)
        process.close()
    values = collected(tmp_path)
    assert (values["clement_gone_total"], values[RECORDS]) == (3, 4)
    fold(tmp_path)
    assert collected(tmp_path) == values


@pytest.mark.parametrize("content", [b"", b"\0" * 8, b"\xff" * 64, b"\x10\0\0\0\0\0\0\0not json at all."])
def test_a_damaged_file_counts_nothing_and_stops_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x-1-1.metrics").write_bytes(content)
    (tmp_path / TOTALS_NAME).write_bytes(content)
    assert collected(tmp_path)[RECORDS] == 0
    assert fold(tmp_path) == 1


def test_the_text_format_names_and_describes_each_metric_once(tmp_path: Path) -> None:
    one = Metrics.open(tmp_path, "receiver")
    one.add(JOURNAL_DROPPED["session"], 3)
    text = rendered(collected(tmp_path))
    lines = text.splitlines()
    assert 'clement_journal_dropped_total{kind="session"} 3' in lines
    assert lines.count("# TYPE clement_journal_dropped_total counter") == 1
    assert lines.count("# TYPE clement_recorder_lag_bytes gauge") == 1
    described = [line.split()[2] for line in lines if line.startswith("# HELP")]
    with_series = {series.partition("{")[0] for series in SERIES}  # the configuration names those of others
    assert sorted(described) == sorted(with_series)
    assert with_series <= metrics.DESCRIBED.keys()
    one.close()


def test_series_are_unique_and_named_by_the_rules() -> None:
    assert len(SERIES) == len(set(SERIES))
    for metric in metrics.DESCRIBED.values():
        assert metric.name.startswith("clement_")
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert metric.description
    assert collect.CONTENT_TYPE.startswith("text/plain")
