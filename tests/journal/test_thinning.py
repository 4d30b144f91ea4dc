"""The journal's limit: transcripts go first, transactions last, and everything is accounted for."""

import os
import shutil
from pathlib import Path

from clement.journal.journal import Journal, JournalLimits
from clement.journal.recorder import Recorder, RecorderLimits
from clement.journal.records import GapRecord, SessionRecord, TransactionRecord
from clement.journal.segments import level_of, listed, remove_finished
from tests.journal.log_writers import ListLog
from tests.journal.samples import session, transaction, wait_for_syncs

KIB = 1024
LIMIT = 200 * KIB


def size(directory: Path) -> int:
    return sum(segment.size_bytes for segment in listed(directory))


def write(journal: Journal, first: int, count: int) -> None:
    for number in range(first, first + count):
        journal.append(transaction(number))
        journal.append(session(number))
        journal.flush()


def recorder_of(directory: Path, log: ListLog) -> Recorder:
    return Recorder(directory, log, "mx1", RecorderLimits(journal_limit_bytes=LIMIT))


def accounted(log: ListLog) -> tuple[int, int]:
    """Sessions and transactions: those told and those that the gaps tell of."""
    gaps = [record for record in log.records if isinstance(record, GapRecord)]
    sessions = {record.id for record in log.records if isinstance(record, SessionRecord)}
    transactions = {record.id for record in log.records if isinstance(record, TransactionRecord)}
    return (
        len(sessions) + sum(gap.sessions for gap in gaps),
        len(transactions) + sum(gap.transactions for gap in gaps),
    )


def test_the_oldest_transcripts_go_first(tmp_path: Path) -> None:
    journal, log = Journal(tmp_path, "mx1", JournalLimits(8 * KIB, LIMIT)), ListLog()
    log.away = True
    recorder = recorder_of(tmp_path, log)
    while size(tmp_path) < LIMIT // 2 + 10 * KIB:
        write(journal, size(tmp_path), 1)
    wait_for_syncs()
    for _ in range(4):
        recorder.step()
    thinned = [segment for segment in listed(tmp_path) if level_of(segment.name)]
    assert thinned
    assert thinned == listed(tmp_path)[: len(thinned)], "the oldest ones"
    journal.close()
    log.away = False
    while recorder.step():
        continue
    told = [record for record in log.records if isinstance(record, SessionRecord)]
    bare = [record for record in told if not record.transcript]
    assert 0 < len(bare) < len(told)
    assert max(record.started_at_s for record in bare) < min(r.started_at_s for r in told if r.transcript)
    gaps = [record for record in log.records if isinstance(record, GapRecord)]
    assert sum(gap.transcripts for gap in gaps) == len(bare)
    assert {gap.cause for gap in gaps} == {"thinned"}


def test_a_long_outage_stays_within_the_limit_and_accounts_for_everything(tmp_path: Path) -> None:
    journal, log = Journal(tmp_path, "mx1", JournalLimits(8 * KIB, LIMIT)), ListLog()
    log.away = True
    recorder = recorder_of(tmp_path, log)
    count = 2000
    for number in range(count):
        write(journal, number, 1)
        if number % 4 == 0:
            wait_for_syncs()
            recorder.step()
        assert size(tmp_path) < LIMIT
    journal.close()
    log.away = False
    while recorder.step():
        continue
    recorder.step()
    assert accounted(log) == (count, count)
    kept_transactions = sum(isinstance(record, TransactionRecord) for record in log.records)
    kept_sessions = sum(isinstance(record, SessionRecord) for record in log.records)
    assert kept_sessions < kept_transactions
    assert log.at == {}
    assert listed(tmp_path) == []


def test_only_what_is_not_in_sql_yet_is_written_again(tmp_path: Path) -> None:
    journal, log = Journal(tmp_path, "mx1", JournalLimits(LIMIT, LIMIT)), ListLog()
    recorder = recorder_of(tmp_path, log)
    write(journal, 0, 10)
    recorder.step()
    write(journal, 10, 100)
    journal.close()
    log.away = True
    recorder.step()  # thinned before it was tried
    log.away = False
    while recorder.step():
        continue
    assert len([record for record in log.records if isinstance(record, TransactionRecord)]) == 110
    assert accounted(log) == (110, 110)


def test_a_kill_between_the_new_segment_and_the_removal_of_the_old_one(tmp_path: Path) -> None:
    """Both are there: the old one goes, and SQL knows each record once by its id."""
    directory, aside = tmp_path / "journal", tmp_path / "aside"
    directory.mkdir()
    journal, log = Journal(directory, "mx1", JournalLimits(LIMIT, LIMIT)), ListLog()
    write(journal, 0, 120)
    journal.close()
    shutil.copytree(directory, aside)
    log.away = True
    recorder_of(directory, log).step()
    (thin,) = listed(directory)
    assert level_of(thin.name) == 1
    (old,) = listed(aside)
    shutil.copy(old.path, directory)
    write(again := Journal(directory, "mx1", JournalLimits(LIMIT, LIMIT)), 1000, 10)
    recorder_of(directory, log).step()
    assert old.name not in [segment.name for segment in listed(directory)]
    again.close()


def test_thinning_that_finds_no_room_loses_nothing(tmp_path: Path) -> None:
    journal, log = Journal(tmp_path, "mx1", JournalLimits(LIMIT, LIMIT)), ListLog()
    write(journal, 0, 100)
    journal.close()
    (segment,) = listed(tmp_path)
    (tmp_path / f"{segment.name}~1.new").mkdir()  # in the way of the file that it would make
    recorder = recorder_of(tmp_path, log)
    while recorder.step():
        continue
    assert accounted(log) == (100, 100)
    assert not any(isinstance(record, GapRecord) for record in log.records)


def test_a_removed_segment_cannot_be_removed_twice(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "mx1")
    write(journal, 0, 1)
    journal.close()
    (segment,) = listed(tmp_path)
    os.utime(segment.path)
    assert remove_finished(segment.path, segment.size_bytes)
    assert listed(tmp_path) == []
