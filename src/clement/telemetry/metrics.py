"""The numbers that Clement keeps about itself: each named and described once, here.

A process counts in a small file of its own that it maps into memory: a row of unsigned 64-bit slots, one a
series, behind a list of the series' names. Counting is one addition, without a system call or a lock; what
the process had counted when it was killed stays in the file. `telemetry.collect` adds the files up.

A slot belongs to one thread: two threads of one process must not count the same series.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import re
import time
from pathlib import Path
from typing import Final, NamedTuple, NewType

import msgspec

Series = NewType("Series", int)
"""One line of the exposition, as the index of its slot: a metric with fixed label values."""

SLOT_BYTES: Final = 8
SUFFIX: Final = ".metrics"
_MAX_SLOT: Final = (1 << 64) - 1
_OUTSIDE_NAME: Final = re.compile(r"[^A-Za-z0-9._]")


class Metric(msgspec.Struct, frozen=True):
    """A named number. kind: "counter" only ever grows, "gauge" is the state now.

    is_lowest: of the processes that have set it the lowest counts, where others are summed.
    """

    name: str
    kind: str
    description: str
    is_lowest: bool = False


DESCRIBED: Final[dict[str, Metric]] = {}
"""Every metric by its name."""

SERIES: Final[list[str]] = []
"""Every series as it stands in the exposition, `name{label="value"}`; the index is its slot."""


def _series(name: str, kind: str, description: str, /, **labels: str) -> Series:
    DESCRIBED.setdefault(name, Metric(name, kind, description))
    inner = ",".join(f'{label}="{value}"' for label, value in labels.items())
    SERIES.append(f"{name}{{{inner}}}" if inner else name)
    return Series(len(SERIES) - 1)


def _described(name: str, kind: str, description: str) -> tuple[str, str, str]:
    """A metric whose series the configuration names."""
    DESCRIBED[name] = Metric(name, kind, description)
    return name, kind, description


def _counter(name: str, description: str, /, **labels: str) -> Series:
    return _series(name, "counter", description, **labels)


def _counters(name: str, description: str, label: str, values: tuple[str, ...]) -> dict[str, Series]:
    return {value: _series(name, "counter", description, **{label: value}) for value in values}


def _gauge(name: str, description: str, *, is_lowest: bool = False) -> Series:
    DESCRIBED[name] = Metric(name, "gauge", description, is_lowest)
    return _series(name, "gauge", description)


_OUTCOMES: Final = ("accepted", "refused", "deferred", "nothing", "held")

# --- sessions -----------------------------------------------------------------------------------------

SESSIONS: Final = _counters("clement_sessions_total", "Sessions that ended, by outcome", "outcome", _OUTCOMES)
RECIPIENTS: Final = _counters(
    "clement_recipients_total", "Recipients whose content was judged, by outcome", "outcome", _OUTCOMES
)

GREYLISTING: Final = _counters(
    "clement_greylisting_total",
    "Recipients for whom greylisting was asked: first contacts, early retries, returned, known, spared",
    "turn",
    ("first", "early", "returned", "known", "spared"),
)

# --- directory ----------------------------------------------------------------------------------------

DIRECTORY_VERSION: Final = _gauge(
    "clement_directory_version",
    "Version of the directory that receivers go by: the oldest of theirs",
    is_lowest=True,
)

# --- held mail -----------------------------------------------------------------------------------------

_HELD_KINDS: Final = ("quarantine", "refused-copy")
HELD: Final = _counters("clement_held_total", "Messages that were held, by kind", "kind", _HELD_KINDS)
HELD_FULL: Final = _counters(
    "clement_held_full_total",
    "Messages that were not held because the bound was reached: deferred, or copies not kept",
    "kind",
    _HELD_KINDS,
)
HELD_GAVE_WAY: Final = _counter(
    "clement_held_gave_way_total", "Refused copies that were removed before their time to make room"
)
HELD_COPIES_LOST: Final = _counter(
    "clement_held_copies_lost_total", "Refused messages of which no copy could be kept"
)
HELD_RELEASES: Final = _counters(
    "clement_held_releases_total",
    "Tries to deliver held mail that somebody has released, by what came of them",
    "outcome",
    ("released", "known", "deferred", "refused"),
)
HELD_EXPIRED: Final = _counter("clement_held_expired_total", "Held messages that were removed for their age")
HELD_BYTES: Final = _gauge("clement_held_bytes", "Octets of held mail on the disk")

# --- journal ------------------------------------------------------------------------------------------

JOURNAL_RECORDS: Final = _counter("clement_journal_records_total", "Records appended to the journal")
JOURNAL_BYTES: Final = _counter("clement_journal_bytes_total", "Octets written to the journal")
JOURNAL_FAILURES: Final = _counter("clement_journal_failures_total", "Writes that the journal's disk refused")
JOURNAL_DROPPED: Final = _counters(
    "clement_journal_dropped_total",
    "What is missing from the log because the journal had no room for it",
    "kind",
    ("transcript", "session", "refusals", "transaction"),
)
REFUSALS_COUNTED: Final = _counter(
    "clement_refusals_counted_total", "Sessions that were counted in a refusal run instead of told one by one"
)
REFUSAL_KEYS: Final = _gauge("clement_refusal_keys", "Clients and reasons whose refusals are being counted")

# --- recorder -----------------------------------------------------------------------------------------

RECORDER_RECORDS: Final = _counter("clement_recorder_records_total", "Records that reached SQL")
RECORDER_BATCHES: Final = _counter("clement_recorder_batches_total", "SQL transactions of the recorder")
RECORDER_UNAVAILABLE: Final = _counter(
    "clement_recorder_unavailable_total", "Times that SQL could not take the records"
)
RECORDER_REJECTED: Final = _counter(
    "clement_recorder_rejected_total", "Records set aside because they could not be read or SQL refused them"
)
RECORDER_DAMAGED_BYTES: Final = _counter(
    "clement_recorder_damaged_bytes_total", "Octets of the journal that belong to no valid record"
)
RECORDER_LAG_BYTES: Final = _gauge(
    "clement_recorder_lag_bytes", "Octets of the journal that are not in SQL yet"
)
RECORDER_LAG_SECONDS: Final = _gauge(
    "clement_recorder_lag_seconds", "Age of the oldest record that is not in SQL yet"
)
RECORDER_LAG_RECORDS: Final = _gauge(
    "clement_recorder_lag_records", "Records that are not in SQL yet, estimated from their mean size"
)

# --- content ------------------------------------------------------------------------------------------

CONTENT_STUDIED: Final = _counters(
    "clement_content_studies_total",
    "Contents that were read: by the receiver itself, a checker, a checker for large ones",
    "where",
    ("inline", "checker", "large"),
)
CONTENT_FAILED: Final = _counters(
    "clement_content_failures_total",
    "Contents that were not read: a checker died over it, it took too long, too many waited, no checker "
    "was there, its answer was nonsense, it failed before",
    "why",
    ("struck", "late", "busy", "away", "nonsense", "repeated"),
)
CONTENT_WAITING: Final = _gauge("clement_content_waiting", "Contents that wait for a checker or are with one")

# --- DNS lists ----------------------------------------------------------------------------------------

_LIST_ANSWERS: Final = _described(
    "clement_dns_list_answers_total", "counter", "Answers of a DNS list, by outcome; not those remembered"
)
_LIST_OUT_OF_USE: Final = _described(
    "clement_dns_list_out_of_use", "gauge", "Receivers that do not ask a DNS list, by why"
)


class DnsListSeries(NamedTuple):
    """The series of one list. out_of_use: by why."""

    listed: Series
    failed: Series
    out_of_use: dict[str, Series]


_list_series: dict[str, DnsListSeries] = {}


def dns_list_series(zone: str, whys: tuple[str, ...]) -> DnsListSeries:
    """The series of a list of the configuration; to be made before the process opens its file."""
    if zone not in _list_series:
        answers = {
            outcome: _series(*_LIST_ANSWERS, list=zone, outcome=outcome) for outcome in ("listed", "failed")
        }
        out_of_use = {why: _series(*_LIST_OUT_OF_USE, list=zone, why=why) for why in whys}
        _list_series[zone] = DnsListSeries(answers["listed"], answers["failed"], out_of_use)
    return _list_series[zone]


class Metrics:
    """The slots of this process, in a file of `directory`, or in memory only (`Metrics.private`)."""

    __slots__ = ("_mapping", "_slots")

    def __init__(self, slots: memoryview, mapping: mmap.mmap | None = None) -> None:
        self._slots = slots
        self._mapping = mapping  # holds the file open, and so its lock, which says that this process is alive

    @classmethod
    def private(cls) -> Metrics:
        """Numbers that nobody collects: for programs of one process, and for parts that are tried alone."""
        return cls(memoryview(bytearray(len(SERIES) * SLOT_BYTES)).cast("Q"))

    @classmethod
    def open(cls, directory: Path, process: str) -> Metrics:
        """Make this process's file in `directory`, which must exist. Call it after fork. Raises OSError."""
        name = f"{_OUTSIDE_NAME.sub('_', process)[:60]}-{os.getpid()}-{time.time_ns():019d}{SUFFIX}"
        names = msgspec.json.encode(SERIES)
        # The names are padded with blanks, which JSON ignores, so that the slots are aligned.
        names += b" " * (-(len(names) + SLOT_BYTES) % SLOT_BYTES)
        start = SLOT_BYTES + len(names)
        size_bytes = start + len(SERIES) * SLOT_BYTES
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        # Made under a name that is not collected: until it is locked, it looks like that of a dead process.
        making = directory / f"{name}.new"
        descriptor = os.open(making, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.write(descriptor, len(names).to_bytes(SLOT_BYTES, "little") + names)
            os.posix_fallocate(descriptor, 0, size_bytes)  # a full disk says so here, not by SIGBUS later
            mapping = mmap.mmap(descriptor, size_bytes)  # with a descriptor of its own
        finally:
            os.close(descriptor)
        making.rename(directory / name)
        return cls(memoryview(mapping)[start:].cast("Q"), mapping)

    def add(self, series: Series, amount: int = 1) -> None:
        """Count."""
        self._slots[series] += amount

    def set(self, series: Series, value: float) -> None:
        """Set a gauge; what is below 0 is 0."""
        self._slots[series] = min(max(int(value), 0), _MAX_SLOT)

    def get(self, series: Series) -> int:
        """Return what this process has counted."""
        return self._slots[series]

    def close(self) -> None:
        """Give the file up: from now on this process is taken for dead, and what it counts for nothing."""
        if self._mapping is not None:
            counted, self._slots = self._slots, memoryview(bytearray(self._slots)).cast("Q")
            counted.release()
            self._mapping.close()
            self._mapping = None
