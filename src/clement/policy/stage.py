"""The stages of an SMTP session at which evidence is gathered and a verdict may fall."""

from __future__ import annotations

from enum import IntEnum


class Stage(IntEnum):
    """Stages in the order in which a session passes them (house vocabulary, RFC 5321 §3)."""

    CONNECT = 0
    HELO = 1
    AUTH = 2
    MAIL = 3
    RCPT = 4
    DATA = 5
    CONTENT = 6
