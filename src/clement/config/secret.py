"""Secrets: never in clement.toml itself, only the place where one stands.

A world-readable file is refused: it would be a secret in name only (hostile case 128).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

import msgspec


class Secret(msgspec.Struct, frozen=True):
    """A place that holds a secret: an environment variable or a file. Shows itself without revealing it."""

    variable: str = ""
    file: Path | None = None

    def __str__(self) -> str:
        """`env:NAME` or `file:PATH`."""
        return f"file:{self.file}" if self.file is not None else f"env:{self.variable}"

    def reveal(self, environment: Mapping[str, str] = os.environ) -> str:
        """The secret, without the newline an editor leaves behind. Raises ValueError saying why not."""
        if self.file is None:
            if self.variable not in environment:
                raise ValueError(f"the environment has no variable {self.variable}")
            return environment[self.variable]
        require_private(self.file)
        try:
            return self.file.read_text("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            raise ValueError(f"{self.file} is not UTF-8 text") from None
        except OSError as error:
            raise ValueError(f"cannot read {self.file}: {error.strerror}") from None


def parse_secret(text: str, folder: Path) -> Secret:
    """Read `env:NAME` or `file:PATH`. Raises ValueError; its text never repeats what may be a secret."""
    kind, mark, rest = text.partition(":")
    if mark and rest and kind == "env":
        return Secret(variable=rest)
    if mark and rest and kind == "file":
        return Secret(file=folder / rest)
    raise ValueError('expected "file:PATH" or "env:NAME"; a secret itself does not belong in this file')


def require_private(path: Path) -> None:
    """Raise ValueError unless `path` is a file that others cannot read."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from None
    if not stat.S_ISREG(mode):
        raise ValueError(f"{path} is not a file")
    if mode & stat.S_IROTH:
        raise ValueError(f"{path} can be read by everybody on this machine: chmod o= {path}")
