"""The writing end: what is flushed is in the file, and no fault of the disk reaches the caller."""

import errno
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from clement.journal.frames import MAX_PAYLOAD_BYTES
from clement.journal.journal import Journal, JournalLimits
from clement.journal.recorder import Recorder
from clement.journal.records import GapRecord, SessionRecord
from clement.journal.segments import SegmentFiles, listed, opened, remove_finished
from clement.telemetry.metrics import JOURNAL_DROPPED, Metrics
from tests.journal.log_writers import ListLog
from tests.journal.samples import content_of, ids, payloads_in, session, transaction, wait_for_syncs

KIB = 1024


class Clock:
    def __init__(self) -> None:
        self.at_s = 100.0

    def __call__(self) -> float:
        return self.at_s


class FailingFiles(SegmentFiles):
    """Raises `failure` at the named operation, or takes only `octets` of each write."""

    def __init__(self) -> None:
        self.failure: OSError | None = None
        self.at = "write"
        self.octets = 1 << 30
        self.calls = 0

    def _fail(self, operation: str) -> None:
        if self.failure is not None and self.at == operation:
            raise self.failure

    def create(self, path: Path) -> int:
        self._fail("create")
        return super().create(path)

    def write(self, descriptor: int, content: bytearray) -> int:
        self.calls += 1
        self._fail("write")
        return super().write(descriptor, content[: self.octets])

    def sync(self, descriptor: int) -> None:
        self._fail("sync")
        super().sync(descriptor)

    def total_bytes(self, directory: Path) -> int:
        self._fail("measure")
        return super().total_bytes(directory)


def recorded(directory: Path, log: ListLog | None = None) -> ListLog:
    """A log with everything that a recorder finds in a directory, once finished segments are synced."""
    wait_for_syncs()
    log = log or ListLog()
    recorder = Recorder(directory, log, "mx1")
    while recorder.step():
        continue
    return log


def test_flushed_records_are_in_the_file(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "mx1")
    journal.append(transaction(1))
    assert content_of(tmp_path) == b""
    assert journal.flush()
    assert len(payloads_in(content_of(tmp_path))) == 1
    journal.close()


def test_a_flush_is_one_write(tmp_path: Path) -> None:
    files = FailingFiles()
    journal = Journal(tmp_path, "mx1", files=files)
    for number in range(10):
        journal.append(transaction(number))
    assert journal.flush()
    assert journal.flush()
    assert files.calls == 1
    journal.close()


def test_segments_rotate_and_keep_every_record(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "mx1", JournalLimits(rotate_bytes=4 * KIB))
    for number in range(100):
        journal.append(session(number))
        assert journal.flush()
    journal.close()
    assert len(listed(tmp_path)) > 10
    assert all(segment.size_bytes < 8 * KIB for segment in listed(tmp_path))
    assert sorted(ids(recorded(tmp_path).records)) == sorted(f"s{number}" for number in range(100))


def test_a_segment_is_finished_when_its_writer_is_gone(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "mx1")
    journal.append(transaction(1))
    journal.flush()
    (segment,) = listed(tmp_path)
    with opened(segment.path) as content:
        assert not content.finished
    assert not remove_finished(segment.path, segment.size_bytes)
    journal.close()
    with opened(segment.path) as content:
        assert content.finished
    assert not remove_finished(segment.path, segment.size_bytes - 1)
    assert remove_finished(segment.path, segment.size_bytes)


def test_a_segment_removed_before_it_was_locked_is_not_written_to(tmp_path: Path) -> None:
    class Raced(SegmentFiles):
        raced = False

        def create(self, path: Path) -> int:
            if not self.raced:
                self.raced = True
                path.touch()  # as a reader that looks at the empty segment would find it
                assert remove_finished(path, 0)
                descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
                os.close(descriptor)
            return super().create(path)

    journal = Journal(tmp_path, "mx1", files=Raced())
    journal.append(transaction(1))
    assert journal.flush()
    journal.close()
    assert ids(recorded(tmp_path).records) == ["s1-1"]


def test_two_journals_of_one_process_use_different_segments(tmp_path: Path) -> None:
    first, second = Journal(tmp_path, "mx1"), Journal(tmp_path, "mx1")
    first.append(transaction(1))
    second.append(transaction(2))
    assert first.flush()
    assert second.flush()
    first.close()
    second.close()
    assert sorted(ids(recorded(tmp_path).records)) == ["s1-1", "s2-1"]


def test_a_directory_that_cannot_be_written_is_an_error_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Journal(tmp_path / "missing", "mx1")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG, errno.EROFS])
def test_case_120_a_refused_write_keeps_the_records_and_tries_again(tmp_path: Path, code: int) -> None:
    files, clock = FailingFiles(), Clock()
    journal = Journal(tmp_path, "mx1", files=files, monotonic=clock)
    journal.append(transaction(1))
    assert journal.flush()
    files.failure = OSError(code, "refused")
    journal.append(transaction(2))
    assert not journal.flush()
    calls = files.calls
    assert not journal.flush()
    assert files.calls == calls, "tried again at once"
    files.failure = None
    clock.at_s += 1.1
    journal.append(session(3))
    assert journal.flush()
    journal.close()
    assert ids(recorded(tmp_path).records) == ["s1-1", "s2-1", "s3"]


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.ENOMEM])
def test_case_120_a_new_segment_that_cannot_be_opened_is_waited_for(tmp_path: Path, code: int) -> None:
    files, clock = FailingFiles(), Clock()
    journal = Journal(tmp_path, "mx1", JournalLimits(rotate_bytes=1), files=files, monotonic=clock)
    files.failure, files.at = OSError(code, "refused"), "create"
    journal.append(transaction(1))
    assert journal.flush()
    journal.append(transaction(2))
    assert not journal.flush()
    files.failure = None
    clock.at_s += 1.1
    journal.tick(clock.at_s)
    journal.close()
    assert ids(recorded(tmp_path).records) == ["s1-1", "s2-1"]


@pytest.mark.parametrize("octets", [100, 180, 400, 401])
def test_case_120_a_short_write_loses_and_doubles_nothing(tmp_path: Path, octets: int) -> None:
    files, clock = FailingFiles(), Clock()
    journal = Journal(tmp_path, "mx1", files=files, monotonic=clock)
    for number in range(10):
        journal.append(transaction(number))
    files.octets = octets
    journal.flush()
    files.octets = 1 << 30
    clock.at_s += 1.1
    assert journal.flush()
    journal.close()
    assert sorted(ids(recorded(tmp_path).records)) == [f"s{number}-1" for number in range(10)]


def test_case_120_a_failing_sync_or_measure_stops_nothing(tmp_path: Path) -> None:
    files = FailingFiles()
    journal = Journal(tmp_path, "mx1", JournalLimits(rotate_bytes=1), files=files)
    files.failure = OSError(errno.EIO, "refused")
    for number, operation in enumerate(["sync", "measure"]):
        files.at = operation
        journal.append(transaction(number))
        assert journal.flush()
        journal.tick(1000.0 * number)
    files.at = "sync"
    journal.append(transaction(2))
    journal.close()
    assert len(recorded(tmp_path).records) == 3


@contextmanager
def file_size_limit(size_bytes: int) -> Iterator[None]:
    """The kernel's own refusal: beyond this size, write(2) is short, then fails with EFBIG."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_case_120_a_file_size_limit_of_the_kernel_loses_nothing(tmp_path: Path) -> None:
    clock = Clock()
    journal = Journal(tmp_path, "mx1", monotonic=clock)
    with file_size_limit(5000):
        for number in range(100):
            journal.append(transaction(number))
            clock.at_s += 1.1
            if not journal.flush():
                clock.at_s += 1.1
                assert journal.flush()
    journal.close()
    assert all(segment.size_bytes <= 5000 for segment in listed(tmp_path))
    assert sorted(ids(recorded(tmp_path).records)) == sorted(f"s{number}-1" for number in range(100))


def test_records_that_wait_are_bounded_and_sessions_go_first(tmp_path: Path) -> None:
    files, clock, metrics = FailingFiles(), Clock(), Metrics.private()
    limits = JournalLimits(waiting_limit_bytes=20 * KIB)
    journal = Journal(tmp_path, "mx1", limits, files=files, monotonic=clock, metrics_of_process=metrics)
    files.failure = OSError(errno.ENOSPC, "full")
    for number in range(200):
        journal.append(transaction(number))
        journal.append(session(number))
        journal.flush()
    files.failure = None
    clock.at_s += 61
    journal.tick(clock.at_s)
    journal.close()
    records = recorded(tmp_path).records
    sessions = sum(isinstance(record, SessionRecord) for record in records)
    gaps = [record for record in records if isinstance(record, GapRecord)]
    transactions = len(records) - sessions - len(gaps)
    assert 0 < sessions < transactions < 200
    assert {gap.cause for gap in gaps} == {"disk"}
    assert sum(gap.sessions for gap in gaps) == 200 - sessions
    assert sum(gap.transactions for gap in gaps) == 200 - transactions
    assert metrics.get(JOURNAL_DROPPED["session"]) == 200 - sessions
    assert content_of(tmp_path) == b""


def test_beyond_its_limit_the_journal_drops_sessions_and_says_how_many(tmp_path: Path) -> None:
    clock = Clock()
    limits = JournalLimits(rotate_bytes=4 * KIB, limit_bytes=40 * KIB)
    journal = Journal(tmp_path, "mx1", limits, monotonic=clock)
    for number in range(300):
        journal.append(session(number))
        assert journal.flush()
    assert sum(segment.size_bytes for segment in listed(tmp_path)) < 40 * KIB
    journal.append(transaction(1000))
    assert journal.flush()
    log = recorded(tmp_path)  # makes room
    clock.at_s += 100
    journal.tick(clock.at_s)
    journal.append(session(2000))
    journal.close()
    records = recorded(tmp_path, log).records
    (gap,) = [record for record in records if isinstance(record, GapRecord)]
    assert gap.cause == "limit"
    kept = [record.id for record in records if isinstance(record, SessionRecord)]
    assert len(kept) + gap.sessions == 301
    assert "s2000" in kept
    assert "s1000-1" in ids(records)


def test_at_twice_the_pressure_transactions_go_too_and_the_bound_holds(tmp_path: Path) -> None:
    limits = JournalLimits(rotate_bytes=4 * KIB, limit_bytes=40 * KIB)
    journal = Journal(tmp_path, "mx1", limits)
    for number in range(1000):
        journal.append(transaction(number))
        journal.flush()
    journal.close()
    assert sum(segment.size_bytes for segment in listed(tmp_path)) < 42 * KIB
    assert sum(r.transactions for r in recorded(tmp_path).records if isinstance(r, GapRecord)) > 500


def test_a_session_too_large_for_a_frame_is_told_without_its_transcript(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "mx1")
    journal.append(session(1, exchanges=MAX_PAYLOAD_BYTES // 50))
    journal.append(transaction(2, subject="x" * (MAX_PAYLOAD_BYTES + 1)))
    journal.append(transaction(3))
    journal.close()
    first, gap, third = sorted(recorded(tmp_path).records, key=lambda record: record.id)[0:3]
    by_id = {record.id: record for record in (first, gap, third)}
    assert isinstance(by_id["s1"], SessionRecord)
    assert by_id["s1"].transcript == ()
    (gap_record,) = [record for record in by_id.values() if isinstance(record, GapRecord)]
    assert (gap_record.cause, gap_record.transcripts, gap_record.transactions) == ("record", 1, 1)
    assert "s3-1" in by_id


def test_case_117_a_record_that_cannot_be_encoded_decides_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "mx1")
    journal.append(transaction(1, subject="lone surrogate \udc80"))
    journal.append(transaction(2, subject="'; DROP TABLE \0 %s \\ \U0001f4a9"))
    assert journal.flush()
    journal.close()
    log = recorded(tmp_path)
    assert ids(log.records)[0] == "s2-1"


def test_names_survive_any_node_name(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "../../mx-1 \N{SNOWMAN}" * 20)
    journal.append(transaction(1))
    journal.close()
    (segment,) = listed(tmp_path)
    assert segment.name.isascii()
    assert len(segment.name) <= 120
    assert ids(recorded(tmp_path).records) == ["s1-1"]
