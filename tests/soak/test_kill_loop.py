"""A few rounds of what `make soak` does for long."""

from pathlib import Path

import pytest

from tests.soak import kill_loop, sql_outage


@pytest.mark.timeout(600)
def test_case_122_processes_die_under_load(short_folder: Path) -> None:
    outcome = kill_loop.run(short_folder, rounds=5)
    print(outcome.table())
    assert outcome.faults == []
    assert outcome.result.accepted > 0


@pytest.mark.peer
@pytest.mark.timeout(600)
def test_case_113_postgresql_is_stopped_under_load(short_folder: Path) -> None:
    outcome = sql_outage.run(short_folder, outage_s=8)
    print(outcome.table())
    assert outcome.faults == []


@pytest.mark.timeout(600)
def test_case_113_sqlite_is_locked_under_load(short_folder: Path) -> None:
    outcome = sql_outage.run(short_folder, outage_s=14, sqlite=True)
    print(outcome.table())
    assert outcome.faults == []
