"""Clement's own log: one JSON object a line on stderr, which journald or a terminal takes.

Values are bounded and escaped here, whoever logs them: a client's text can neither forge a line nor move a
cursor. Keys that name a secret never show it. structlog is imported with the first event, because most
processes and commands log nothing and would pay for it at their start.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Mapping, MutableMapping
from functools import cache
from typing import Any, Final

import msgspec

VALUE_MAX_CHARS: Final = 500
_ITEMS_MAX: Final = 50
_TRACE_LINES_MAX: Final = 40
_SECRET_WORDS: Final = (
    "password",
    "passphrase",
    "secret",
    "token",
    "credential",
    "authorization",
    "private_key",
)
_PRIORITIES: Final = {"debug": b"<7>", "info": b"<6>", "warning": b"<4>", "error": b"<3>", "critical": b"<2>"}


class Log:
    """The log of one part. Events are constants of `telemetry.events`; values are numbers and texts."""

    __slots__ = ("_part",)

    def __init__(self, part: str) -> None:
        self._part = part

    def info(self, event: str, **values: object) -> None:
        """Something worth knowing."""
        _logger().info(event, part=self._part, **values)

    def warning(self, event: str, **values: object) -> None:
        """Something that may need a person soon."""
        _logger().warning(event, part=self._part, **values)

    def error(self, event: str, **values: object) -> None:
        """Something that is broken or lost. exc_info=True: with the trace of the exception being handled."""
        _logger().error(event, part=self._part, **values)


class _Line:
    """The end of the chain: one write(2) a line. A log that cannot be written stops nothing."""

    __slots__ = ()

    def msg(self, line: bytes) -> None:
        try:
            os.write(2, line + b"\n")
        except OSError:
            return

    debug = info = warning = error = critical = msg


def escaped(text: str, max_chars: int = VALUE_MAX_CHARS) -> str:
    """Return the text bounded, with everything escaped that is not printable (controls, bidi, surrogates)."""
    shown = text if len(text) <= max_chars else text[:max_chars] + "…"
    if shown.isprintable():
        return shown
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in shown)


def tamed(value: object, depth: int = 0) -> object:
    """Return a value that is safe to show: bounded, escaped, of types that JSON has."""
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return escaped(value)
        case bytes():
            return escaped(value[: VALUE_MAX_CHARS + 1].decode("utf-8", "backslashreplace"))
        case Mapping() if depth < 2:
            items = list(value.items())[:_ITEMS_MAX]
            return {escaped(str(key)): _shown(str(key), inner, depth + 1) for key, inner in items}
        case list() | tuple() if depth < 2:
            return [tamed(item, depth + 1) for item in value[:_ITEMS_MAX]]
        case BaseException():
            return escaped(f"{type(value).__name__}: {value}")
        case _:
            return escaped(str(value))


def _shown(key: str, value: object, depth: int = 0) -> object:
    lowered = key.lower()
    return "…" if any(word in lowered for word in _SECRET_WORDS) else tamed(value, depth)


def _tame(_logger: object, _method: str, values: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: _shown(key, value) for key, value in values.items()}


def _trace(_logger: object, _method: str, values: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Put in the place of `exc_info=True` where the fault came from; its last lines say most."""
    if values.pop("exc_info", False):
        values["trace"] = [escaped(line) for line in traceback.format_exc().splitlines()[-_TRACE_LINES_MAX:]]
    return values


def _render(_logger: object, _method: str, values: MutableMapping[str, Any]) -> bytes:
    line = msgspec.json.encode(values)
    # journald reads the priority from the start of the line.
    return _PRIORITIES.get(str(values.get("level")), b"") + line if _journald_listens() else line


def _journald_listens() -> bool:
    """Whether stderr is the stream that systemd has named, by device and inode (systemd.exec(5)).

    Whoever redirects our output hands the name on all the same.
    """
    named = os.environ.get("JOURNAL_STREAM")
    if not named:
        return False
    try:
        ours = os.fstat(2)
    except OSError:
        return False
    return named == f"{ours.st_dev}:{ours.st_ino}"


@cache
def _logger() -> Any:  # noqa: ANN401 (structlog's loggers are duck-typed)
    import structlog  # noqa: PLC0415 (0.1 s, paid with the first event)

    return structlog.wrap_logger(
        _Line(),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            _tame,
            _trace,
            _render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
    )
