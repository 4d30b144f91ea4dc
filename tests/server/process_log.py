"""The log of a Clement under test: a line of JSON an event, of which the last may be half written."""

import json
from pathlib import Path
from typing import Any


def read_lines(log: Path, start: int = 0) -> tuple[list[dict[str, Any]], int]:
    """The complete lines from an octet on, and the octet behind the last of them."""
    octets = log.read_bytes()
    end = octets.rfind(b"\n") + 1
    return [_line(line) for line in octets[start:end].splitlines()], end


def _line(line: bytes) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(line)
    except ValueError:
        found = {"event": "unreadable", "level": "error", "line": line.decode(errors="replace")}
    return found
