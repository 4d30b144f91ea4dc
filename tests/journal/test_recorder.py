"""The recorder: every record once, whatever SQL does, and never silently behind."""

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from clement.journal.journal import Journal, JournalLimits
from clement.journal.lag import LagLimits
from clement.journal.reader import JournalReader
from clement.journal.recorder import Recorder, RecorderLimits, sole
from clement.journal.records import Record
from clement.journal.rejected import RejectedRecords
from clement.journal.segments import SUFFIX, Segment, listed
from clement.telemetry.metrics import (
    RECORDER_DAMAGED_BYTES,
    RECORDER_LAG_BYTES,
    RECORDER_LAG_RECORDS,
    RECORDER_LAG_SECONDS,
    RECORDER_REJECTED,
    Metrics,
)
from clement.telemetry.pace import Pace
from tests.journal.log_writers import ListLog
from tests.journal.samples import AT_S, framed, ids, session, transaction


def steps(recorder: Recorder) -> int:
    total = 0
    while written := recorder.step():
        total += written
    return total


def told(capfd: pytest.CaptureFixture[str]) -> list[str]:
    return [json.loads(line)["event"] for line in capfd.readouterr().err.splitlines()]


def test_an_empty_directory_is_no_work(tmp_path: Path) -> None:
    assert Recorder(tmp_path, ListLog(), "mx1").step() == 0


def test_records_are_moved_in_order_while_they_are_written(tmp_path: Path) -> None:
    journal, log = Journal(tmp_path, "mx1"), ListLog()
    recorder = Recorder(tmp_path, log, "mx1")
    for number in range(30):
        journal.append(transaction(number))
        journal.flush()
        if number % 3 == 0:
            recorder.step()
    recorder.step()
    assert log.records == [transaction(number) for number in range(30)]
    journal.close()


def test_a_batch_is_bounded(tmp_path: Path) -> None:
    journal, log = Journal(tmp_path, "mx1"), ListLog()
    for number in range(1200):
        journal.append(transaction(number))
    journal.close()
    recorder = Recorder(tmp_path, log, "mx1")
    assert [recorder.step() for _ in range(4)] == [500, 500, 200, 0]
    assert log.batches == [500, 500, 200]


def test_a_busy_writer_does_not_hold_up_another(tmp_path: Path) -> None:
    long, log = Journal(tmp_path, "a"), ListLog()
    for number in range(1000):
        long.append(transaction(number))
    long.flush()
    short = Journal(tmp_path, "b")
    short.append(transaction(5000))
    short.flush()
    recorder = Recorder(tmp_path, log, "mx1", RecorderLimits(batch_records=100))
    recorder.step()
    recorder.step()
    assert "s5000-1" in ids(log.records)
    assert steps(recorder) == 1001 - 200
    long.close()
    short.close()


def test_finished_segments_are_removed_and_forgotten(tmp_path: Path) -> None:
    log = ListLog()
    recorder = Recorder(tmp_path, log, "mx1")
    journal = Journal(tmp_path, "mx1", JournalLimits(rotate_bytes=3000))
    for number in range(100):
        journal.append(transaction(number))
        journal.flush()
    steps(recorder)
    assert log.at
    journal.close()
    recorder.step()
    recorder.step()
    assert listed(tmp_path) == []
    assert log.at == {}
    assert len(log.records) == 100


def test_a_new_recorder_goes_on_where_the_last_one_was(tmp_path: Path) -> None:
    journal, log = Journal(tmp_path, "mx1"), ListLog()
    for number in range(10):
        journal.append(transaction(number))
        journal.flush()
        Recorder(tmp_path, log, "mx1", RecorderLimits(batch_records=1)).step()
    journal.close()
    steps(Recorder(tmp_path, log, "mx1"))
    assert ids(log.records) == [f"s{number}-1" for number in range(10)]


def test_positions_of_segments_that_are_gone_are_forgotten(tmp_path: Path) -> None:
    log = ListLog()
    log.at = {"mx1-1-2-000003": 77}
    Recorder(tmp_path, log, "mx1").step()
    assert log.at == {}


def test_case_113_sql_away_for_a_while(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    journal, log = Journal(tmp_path, "mx1"), ListLog()
    log.away = True
    recorder = Recorder(tmp_path, log, "mx1", now=lambda: AT_S + 20)
    for number in range(20):
        journal.append(transaction(number))
        journal.flush()
        assert recorder.step() == 0
        if number == 10:  # back for long enough to tell the positions only
            log.away = False
            assert recorder.step() == 11
            log.away = True
    log.away = False
    assert steps(recorder) == 9
    assert ids(log.records) == [f"s{number}-1" for number in range(20)]
    assert told(capfd) == ["log-unavailable", "log-available"] * 2
    journal.close()


def test_the_same_call_is_repeated_until_it_succeeds(tmp_path: Path) -> None:
    journal, log = Journal(tmp_path, "mx1"), ListLog()
    recorder = Recorder(tmp_path, log, "mx1")
    journal.append(transaction(1))
    journal.flush()
    recorder.step()
    log.away = True
    journal.append(transaction(2))
    journal.flush()
    recorder.step()
    journal.append(transaction(3))
    journal.flush()
    log.away = False
    assert [recorder.step(), recorder.step()] == [1, 1]
    journal.close()


def test_pauses_grow_while_sql_is_away(tmp_path: Path) -> None:
    log, slept = ListLog(), [0.0]
    log.away = True
    looks: list[float] = []

    class Away(ListLog):
        def positions(self) -> dict[str, int]:
            looks.append(slept[0])
            return log.positions()

    def sleep(seconds: float) -> None:
        slept[0] += seconds

    limits = RecorderLimits(pause_s=0.25, patience_s=4.0)
    recorder = Recorder(tmp_path, Away(), "mx1", limits, monotonic=lambda: slept[0])
    recorder.run(lambda: slept[0] > 20, sleep)
    pauses = [round(after - before, 2) for before, after in pairwise(looks)]
    assert pauses[:6] == [0.25, 0.5, 1.0, 2.0, 4.0, 4.0]


def test_a_rejected_record_is_set_aside_and_the_others_go_on(tmp_path: Path) -> None:
    journal, log, metrics = Journal(tmp_path, "mx1"), ListLog(), Metrics.private()
    log.refuses = {"s7-1", "s8-1", "s99-1"}
    for number in range(100):
        journal.append(transaction(number))
    journal.close()
    steps(Recorder(tmp_path, log, "mx1", metrics_of_process=metrics))
    assert ids(log.records) == [f"s{n}-1" for n in range(100) if f"s{n}-1" not in log.refuses]
    assert metrics.get(RECORDER_REJECTED) == 3
    kept = [json.loads(path.read_text()) for path in sorted((tmp_path / "rejected").iterdir())]
    assert {each["reason"] for each in kept} == {"cannot take s7-1", "cannot take s8-1", "cannot take s99-1"}
    assert listed(tmp_path) == []


def test_a_record_of_an_unknown_kind_is_set_aside(tmp_path: Path) -> None:
    later = framed(
        [
            msgspec.msgpack.encode(transaction(1)),
            msgspec.msgpack.encode({"type": "from-a-later-version", "id": 1}),
            b"\xc1",
            msgspec.msgpack.encode(transaction(2)),
        ]
    )
    (tmp_path / f"mx1-1-0000000000000000001-000001{SUFFIX}").write_bytes(later)
    log = ListLog()
    steps(Recorder(tmp_path, log, "mx1"))
    assert ids(log.records) == ["s1-1", "s2-1"]
    assert len(list((tmp_path / "rejected").iterdir())) == 2


@pytest.mark.parametrize("refused", [{0}, {99}, {49, 50}, set(range(100)), {3, 4, 5, 77}])
def test_sql_going_away_between_rejections_loses_and_doubles_nothing(
    tmp_path: Path, refused: set[int]
) -> None:
    class Shaky(ListLog):
        calls = 0

        def write(self, records: Sequence[Record], positions: Mapping[str, int]) -> None:
            self.calls += 1
            self.away = self.calls % 3 == 0
            super().write(records, positions)

    journal, log = Journal(tmp_path, "mx1"), Shaky()
    log.refuses = {f"s{number}-1" for number in refused}
    for number in range(100):
        journal.append(transaction(number))
    journal.close()
    recorder = Recorder(tmp_path, log, "mx1")
    while listed(tmp_path):
        log.away = False
        recorder.step()
    assert ids(log.records) == [f"s{number}-1" for number in range(100) if number not in refused]
    assert len(list((tmp_path / "rejected").iterdir())) == len(refused)


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    names = ["notes.journal", "mx1-1-2-3~x.journal", "rejected", "x.new.journal", "~.journal"]
    for name in names:
        (tmp_path / name).write_bytes(b"not a segment")
    assert Recorder(tmp_path, ListLog(), "mx1", RecorderLimits(journal_limit_bytes=1)).step() == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


def test_a_torn_end_and_a_damage_are_skipped_and_said(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    metrics, log = Metrics.private(), ListLog()
    one, two = (framed([msgspec.msgpack.encode(transaction(number))]) for number in (1, 2))
    (tmp_path / f"mx1-1-0000000000000000001-000001{SUFFIX}").write_bytes(one + b"noise" + two + one[:50])
    steps(Recorder(tmp_path, log, "mx1", metrics_of_process=metrics, now=lambda: AT_S))
    assert ids(log.records) == ["s1-1", "s2-1"]
    assert metrics.get(RECORDER_DAMAGED_BYTES) == 55
    assert "journal-damaged" in told(capfd)
    assert listed(tmp_path) == []


def test_a_segment_that_cannot_be_opened_does_not_hold_up_the_others(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    journal = Journal(tmp_path, "mx1")
    journal.append(transaction(1))
    journal.close()
    pace = Pace()
    reader = JournalReader(
        RejectedRecords(tmp_path / "rejected", Metrics.private(), pace), Metrics.private(), pace
    )
    segments = [Segment("a", tmp_path / "gone", 10), *listed(tmp_path)]
    for _ in range(3):
        batch = reader.collect(segments, {}, 100, 10_000)
        assert [entry.record.id for entry in batch.entries] == ["s1-1"]
    assert told(capfd) == ["journal-unreadable"], "once a while"


def test_what_is_no_file_does_not_hold_up_the_others(tmp_path: Path) -> None:
    (tmp_path / f"a-1-0000000000000000001-000001{SUFFIX}").mkdir()
    (tmp_path / f"b-1-0000000000000000001-000001{SUFFIX}").symlink_to("/dev/zero")
    journal, log = Journal(tmp_path, "mx1"), ListLog()
    journal.append(transaction(1))
    journal.close()
    steps(Recorder(tmp_path, log, "mx1"))
    assert ids(log.records) == ["s1-1"]


def test_being_behind_is_measured_and_said_and_so_is_catching_up(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    journal, log, metrics = Journal(tmp_path, "mx1"), ListLog(), Metrics.private()
    limits = RecorderLimits(batch_records=10, lag=LagLimits(seconds=30, size_bytes=1 << 30))
    recorder = Recorder(tmp_path, log, "mx1", limits, metrics_of_process=metrics, now=lambda: AT_S + 100)
    for number in range(100):
        journal.append(session(number))
    journal.flush()
    recorder.step()
    assert metrics.get(RECORDER_LAG_SECONDS) == 99
    assert metrics.get(RECORDER_LAG_BYTES) == listed(tmp_path)[0].size_bytes
    assert 20 < metrics.get(RECORDER_LAG_RECORDS) < 500
    assert told(capfd) == ["recorder-behind"]
    steps(recorder)
    assert told(capfd) == ["recorder-caught-up"]
    assert [metrics.get(each) for each in (RECORDER_LAG_SECONDS, RECORDER_LAG_BYTES)] == [0, 0]
    journal.close()


def test_case_125_a_clock_that_jumps_back_is_no_lag(tmp_path: Path) -> None:
    journal, metrics = Journal(tmp_path, "mx1"), Metrics.private()
    recorder = Recorder(tmp_path, ListLog(), "mx1", metrics_of_process=metrics, now=lambda: AT_S - 31_536_000)
    journal.append(transaction(1))
    journal.close()
    assert recorder.step() == 1
    assert metrics.get(RECORDER_LAG_SECONDS) == 0


def test_told_to_stop_it_empties_the_journal_first(tmp_path: Path) -> None:
    journal, log = Journal(tmp_path, "mx1"), ListLog()
    for number in range(1200):
        journal.append(transaction(number))
    journal.close()
    Recorder(tmp_path, log, "mx1").run(lambda: True)
    assert len(log.records) == 1200


def test_told_to_stop_it_does_not_empty_a_long_journal(tmp_path: Path) -> None:
    journal, log, looks = Journal(tmp_path, "mx1"), ListLog(), iter(range(1000))
    for number in range(100):
        journal.append(transaction(number))
    journal.close()
    limits = RecorderLimits(batch_records=1, drain_s=10)
    Recorder(tmp_path, log, "mx1", limits, monotonic=lambda: float(next(looks))).run(lambda: True)
    assert 0 < len(log.records) < 100


def test_there_is_one_recorder_a_directory(tmp_path: Path) -> None:
    with sole(tmp_path, lambda: False) as first:
        assert first
        waits: list[float] = []
        with sole(tmp_path, lambda: len(waits) == 3, waits.append) as second:
            assert not second
    with sole(tmp_path, lambda: True) as third:
        assert third
