"""Real processes, killed at random times or on a full disk: what was safe is read, and written once."""

import random
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from clement.journal.recorder import Recorder
from clement.journal.segments import listed
from tests.journal.log_writers import ListLog, SqliteLog
from tests.journal.samples import ids

ROOT = Path(__file__).resolve().parents[2]


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", f"tests.journal.{program}", *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def test_case_122_what_a_killed_writer_had_flushed_is_read(tmp_path: Path) -> None:
    chance = random.Random()  # the moment is the system's anyway
    for round_number in range(12):
        directory = tmp_path / str(round_number)
        directory.mkdir()
        writer = start("program_writer", directory, 0, 0, 20_000, chance.choice([1, 3, 10]))
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(chance.uniform(0, 0.15))
        writer.kill()
        safe = [int(line) for line in writer.stdout.read().split()]
        writer.wait()
        log = ListLog()
        recorder = Recorder(directory, log, "mx1")
        while recorder.step():
            continue
        told = ids(log.records)
        transactions = [name for name in told if name.endswith("-1")]
        assert transactions == [f"s{number}-1" for number in range(len(transactions))]
        assert max(safe, default=0) < len(transactions)
        assert len(told) == len(set(told))
        assert listed(directory) == [], "the segment of a dead writer is removed"


def test_case_122_a_recorder_killed_at_any_time_writes_every_record_once(tmp_path: Path) -> None:
    directory, database = tmp_path / "journal", tmp_path / "log.sqlite"
    directory.mkdir()
    SqliteLog(database)
    chance = random.Random()
    count = 3000
    writers = [start("program_writer", directory, first, count, 50_000, 10) for first in (0, 100_000)]
    for _ in range(8):
        recorder = start("program_recorder", directory, database)
        assert recorder.stdout is not None
        assert recorder.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0, 0.4))
        recorder.kill()
        recorder.wait()
        recorder.stdout.close()
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    log = SqliteLog(database)
    last = Recorder(directory, log, "mx1")
    while last.step():
        continue
    last.step()
    numbers = [*range(count), *range(100_000, 100_000 + count)]
    # The primary key saw to it that none came twice: a position behind its rows would have broken it.
    assert sorted(log.ids()) == sorted([f"s{n}" for n in numbers] + [f"s{n}-1" for n in numbers])
    assert listed(directory) == []
    assert log.positions() == {}


def test_case_120_a_disk_that_is_really_full_loses_only_what_is_counted(tmp_path: Path) -> None:
    mounted = shlex.join(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(tmp_path)])
    alone = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    if subprocess.run([*alone, mounted], check=False, capture_output=True).returncode:
        pytest.skip("no file system may be mounted here (unshare, user namespaces)")
    program = shlex.join([sys.executable, "-m", "tests.journal.program_full_disk", str(tmp_path)])
    done = subprocess.run(
        [*alone, f"{mounted} && {program}"], cwd=ROOT, check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "full\ndone\n"), done.stderr


def test_case_124_a_recorder_stops_on_sigterm_with_nothing_left(tmp_path: Path) -> None:
    directory, database = tmp_path / "journal", tmp_path / "log.sqlite"
    directory.mkdir()
    start("program_writer", directory, 0, 500, 50_000, 10).communicate()
    recorder = start("program_recorder", directory, database)
    assert recorder.stdout is not None
    assert recorder.stdout.readline() == "ready\n"
    recorder.send_signal(signal.SIGTERM)
    recorder.communicate(timeout=100)
    assert recorder.returncode == 0
    assert len(SqliteLog(database).ids()) == 1000
    assert listed(directory) == []
