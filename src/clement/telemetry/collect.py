"""Adding up what all processes have counted, and writing it in Prometheus' text format.

What a dead process has counted is folded into a file of totals, so that no counter ever goes backwards. The
totals name the files that were folded into them: a kill between the new totals and the removal of those files
counts nothing twice. Totals and files go by the series' names, so those of an older Clement still add up.
"""

from __future__ import annotations

import fcntl
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from clement.telemetry.metrics import DESCRIBED, SERIES, SLOT_BYTES, SUFFIX, Series

TOTALS_NAME: Final = "totals.json"
LOCK_NAME: Final = "totals.lock"
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Totals(msgspec.Struct):
    """What processes that have ended had counted, by series. folded: their files, as far as still there."""

    counted: dict[str, int] = msgspec.field(default_factory=dict)
    folded: list[str] = msgspec.field(default_factory=list)


def collect(directory: Path) -> dict[str, int]:
    """Return every series with its value: living processes, and the counters of the dead. Raises OSError."""
    values: Counter[str] = Counter(dict.fromkeys(SERIES, 0))
    with _locked(directory, fcntl.LOCK_SH):
        totals = _read_totals(directory)
        values.update(totals.counted)
        for path in _files(directory, totals):
            content, alive = _content(path)
            _add(values, content if alive else _counters_of(content))
    return dict(values)


def of_living(directory: Path, series: Series) -> dict[str, int]:
    """What each living process says of one series, by its file's name. Raises OSError."""
    found = {}
    for path in directory.iterdir():
        if path.suffix == SUFFIX:
            with suppress(FileNotFoundError):  # it has died meanwhile, and was folded
                content, alive = _content(path)
                if alive:
                    found[path.name] = content.get(SERIES[series], 0)
    return found


def fold(directory: Path) -> int:
    """Fold the files of dead processes into the totals; returns how many there were. Raises OSError."""
    with _locked(directory, fcntl.LOCK_EX):
        totals = _read_totals(directory)
        for name in totals.folded:
            (directory / name).unlink(missing_ok=True)
        counted = Counter(totals.counted)
        dead = []
        for path in _files(directory, totals):
            content, alive = _content(path)
            if not alive:
                counted.update(_counters_of(content))
                dead.append(path.name)
        if dead:
            _write_totals(directory, Totals(dict(counted), dead))
            for name in dead:
                (directory / name).unlink(missing_ok=True)
    return len(dead)


def rendered(values: Mapping[str, int]) -> str:
    """Return the values in Prometheus' text exposition format 0.0.4, series that are no longer known last."""
    lines = []
    described = ""
    order = {series: at for at, series in enumerate(SERIES)}
    for series in sorted(values, key=lambda each: (order.get(each, len(order)), each)):
        name = series.partition("{")[0]
        metric = DESCRIBED.get(name)
        if metric is not None and name != described:
            described = name
            lines += [f"# HELP {name} {metric.description}", f"# TYPE {name} {metric.kind}"]
        lines.append(f"{series} {values[series]}")
    return "\n".join(lines) + "\n"


def _add(values: Counter[str], content: Mapping[str, int]) -> None:
    for series, value in content.items():
        metric = DESCRIBED.get(series.partition("{")[0])
        if metric is None or not metric.is_lowest or not values[series]:
            values[series] += value
        elif value:
            values[series] = min(values[series], value)


def _counters_of(content: Mapping[str, int]) -> dict[str, int]:
    """Leave out the gauges: the state of a dead process is no state."""
    return {
        series: value
        for series, value in content.items()
        if (metric := DESCRIBED.get(series.partition("{")[0])) is None or metric.kind == "counter"
    }


def _files(directory: Path, totals: Totals) -> list[Path]:
    folded = set(totals.folded)
    return [path for path in sorted(directory.glob(f"*{SUFFIX}")) if path.name not in folded]


def _content(path: Path) -> tuple[dict[str, int], bool]:
    """Return the values in a process's file, none if it is damaged, and whether the process lives."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            alive = False
        except BlockingIOError:
            alive = True
        content = file.read()
    slots_at = SLOT_BYTES + int.from_bytes(content[:SLOT_BYTES], "little")
    try:
        names = msgspec.json.decode(content[SLOT_BYTES:slots_at], type=list[str])
        slots = memoryview(content)[slots_at : slots_at + len(names) * SLOT_BYTES].cast("Q").tolist()
        return dict(zip(names, slots, strict=True)), alive
    except (msgspec.MsgspecError, TypeError, ValueError):
        return {}, alive


def _read_totals(directory: Path) -> Totals:
    try:
        return msgspec.json.decode((directory / TOTALS_NAME).read_bytes(), type=Totals)
    except (FileNotFoundError, msgspec.MsgspecError):  # Prometheus takes a smaller counter for a new start
        return Totals()


def _write_totals(directory: Path, totals: Totals) -> None:
    making = directory / f"{TOTALS_NAME}.new"
    with making.open("wb") as file:
        file.write(msgspec.json.encode(totals))
        file.flush()
        os.fsync(file.fileno())
    making.replace(directory / TOTALS_NAME)


@contextmanager
def _locked(directory: Path, how: int) -> Iterator[None]:
    descriptor = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)
