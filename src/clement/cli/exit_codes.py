"""Exit codes of `clement`, the same for every verb; and the exception that ends a verb with one."""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path


class ExitCode(IntEnum):
    """What the exit code says. 78 is EX_CONFIG of sysexits.h, 130 what a shell says of Ctrl-C."""

    OK = 0
    NEGATIVE = 1
    USAGE = 2
    NOT_FOUND = 3
    DATABASE_AWAY = 4
    CONFIGURATION = 78
    INTERRUPTED = 130


MEANINGS: dict[ExitCode, str] = {
    ExitCode.OK: "done, or the answer is yes",
    ExitCode.NEGATIVE: "refused, or the answer is no; standard error says why",
    ExitCode.USAGE: "the command was used wrongly",
    ExitCode.NOT_FOUND: "no such group, domain, mailbox, session...",
    ExitCode.DATABASE_AWAY: "the database cannot be reached, or is not the one this version needs",
    ExitCode.CONFIGURATION: "clement.toml is wrong; every mistake is named with its line",
    ExitCode.INTERRUPTED: "interrupted with Ctrl-C",
}


class Failure(Exception):
    """Ends a verb: `text` goes to standard error (escaped), `code` to the shell."""

    def __init__(self, code: ExitCode, text: str) -> None:
        self.code = code
        self.text = text
        super().__init__(text)


def unreadable(file: Path, error: OSError | UnicodeDecodeError) -> Failure:
    """For a file that was named on the command line."""
    why = error.strerror if isinstance(error, OSError) else error
    return Failure(ExitCode.USAGE, f"cannot read {file}: {why}")
