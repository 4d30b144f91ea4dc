"""LogWriters: a list that can be away, and a real SQLite file that forgives no repetition."""

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from clement.journal.ports import LogUnavailable, RecordRejected
from clement.journal.records import Record


class ListLog:
    """Keeps what it was given; `away` makes it raise, `refuses` names ids that it will never take."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.at: dict[str, int] = {}
        self.batches: list[int] = []
        self.away = False
        self.refuses: set[str] = set()

    def positions(self) -> dict[str, int]:
        self._must_be_there()
        return dict(self.at)

    def write(self, records: Sequence[Record], positions: Mapping[str, int]) -> None:
        self._must_be_there()
        if refused := [record.id for record in records if record.id in self.refuses]:
            raise RecordRejected(f"cannot take {refused[0]}")
        self.records += records
        self.at.update(positions)
        self.batches.append(len(records))

    def forget(self, segments: Sequence[str]) -> None:
        self._must_be_there()
        for name in segments:
            self.at.pop(name, None)

    def _must_be_there(self) -> None:
        if self.away:
            raise LogUnavailable("away")


class SqliteLog:
    """Rows and positions in one SQL transaction. A row that comes twice breaks its primary key."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, timeout=60, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("CREATE TABLE IF NOT EXISTS log (id TEXT PRIMARY KEY, record BLOB NOT NULL)")
        self._connection.execute("CREATE TABLE IF NOT EXISTS position (segment TEXT PRIMARY KEY, at INTEGER)")

    def positions(self) -> dict[str, int]:
        return dict(self._connection.execute("SELECT segment, at FROM position"))

    def write(self, records: Sequence[Record], positions: Mapping[str, int]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(
                "INSERT INTO log VALUES (?, ?)",
                [(record.id, msgspec.msgpack.encode(record)) for record in records],
            )
            self._connection.executemany("REPLACE INTO position VALUES (?, ?)", positions.items())
            self._connection.execute("COMMIT")
        except sqlite3.OperationalError as away:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise LogUnavailable(str(away)) from away

    def forget(self, segments: Sequence[str]) -> None:
        self._connection.executemany("DELETE FROM position WHERE segment = ?", [(name,) for name in segments])

    def ids(self) -> list[str]:
        return [row[0] for row in self._connection.execute("SELECT id FROM log")]
