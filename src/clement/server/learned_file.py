"""The learned model as files: the key and the newest version, put there by the recorder, read by receivers.

The model is mapped into memory, so all processes share one copy of it; a newer version is another file under
the same name, and is opened by the clock, never by a message.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

import msgspec

from clement.learn.model import ModelError
from clement.policy.finding import Finding
from clement.policy.lesson import scopes_of
from clement.policy.ports import Weighing
from clement.policy.study import Features
from clement.telemetry import events as log_events
from clement.telemetry.log import Log
from clement.telemetry.pace import Pace

log = Log("server")

_Seen = tuple[int, int, int]
_READ_BYTES: Final = 1 << 20


class ModelPaths(msgspec.Struct, frozen=True):
    """Where the files lie."""

    folder: Path

    @property
    def model(self) -> Path:
        """The newest version."""
        return self.folder / "model"

    @property
    def key(self) -> Path:
        """What features are hashed with; secret."""
        return self.folder / "key"


class LearnedModel(Protocol):
    """A version of the model, opened (`clement.learn.model.Model`)."""

    @property
    def key(self) -> bytes:
        """What the features it knows are hashed with."""

    def weigh(self, features: Features, extra: Sequence[str], scopes: Sequence[str]) -> Weighing:
        """What it thinks of these features. extra: names of what other checks found."""


class LearnedFile:
    """Implements `policy.ports.Judge`. open_model: raises OSError, ModelError for a file that is none.

    of_findings: names of features that stand for the findings of other checks.
    """

    def __init__(
        self,
        paths: ModelPaths,
        open_model: Callable[[Path], LearnedModel],
        of_findings: Callable[[Sequence[Finding]], Sequence[str]],
    ) -> None:
        self._paths = paths
        self._open_model = open_model
        self._of_findings = of_findings
        self._model: LearnedModel | None = None
        self._seen: _Seen | None = None
        self._pace = Pace()
        self.key = b""
        """The site's key; b"" before there is one, and then nothing can be studied for features."""

    def refresh(self) -> bool:
        """Open a newer version, if there is one; True when one was opened.

        One that cannot be read changes nothing.
        """
        if not self.key:
            self.key = read_key(self._paths)
        try:
            status = self._paths.model.stat()
            seen = (status.st_ino, status.st_mtime_ns, status.st_size)
            if seen == self._seen:
                return False
            # Whatever comes of it, this file is not tried again.
            self._seen = seen
            self._model = self._open_model(self._paths.model)
        except FileNotFoundError:
            return False
        except (OSError, ModelError) as fault:
            if self._pace.due(log_events.MODEL_UNREADABLE):
                where = str(self._paths.model)
                log.error(log_events.MODEL_UNREADABLE, path=where, fault=str(fault)[:300])  # noqa: TRY400 - says all
            return False
        return True

    def weigh(
        self, features: Features, findings: Sequence[Finding], domain_id: int, mailbox_ids: Sequence[int]
    ) -> Weighing | None:
        """By the taste of the domain and, where the recipient is one mailbox, of that.

        Behind an alias stand several people; none of them judges for the others. To a model of another key
        all messages are strange: it is as none.
        """
        if self._model is None or self._model.key != self.key:
            return None
        mailbox_id = mailbox_ids[0] if len(mailbox_ids) == 1 else 0
        return self._model.weigh(features, self._of_findings(findings), scopes_of(domain_id, mailbox_id))


class Version(msgspec.Struct, frozen=True):
    """A version as it stands in SQL. sha256: of its file."""

    number: int
    sha256: str


class ModelStore(Protocol):
    """Where versions come from; every method raises `unavailable` when that is away."""

    def key(self) -> bytes:
        """The site's key."""

    def newest(self) -> Version | None:
        """The newest version; None before there is one."""

    def fetch(self, version: Version, path: Path) -> None:
        """Write it to a file, whole or not at all. Raises OSError, ValueError when it came damaged."""

    def hold(self, version: Version) -> None:
        """Tell the other nodes that we have it."""


class ModelKeeper:
    """Keeps a node's files up to date. let_go: gives up a connection that has failed."""

    def __init__(
        self,
        paths: ModelPaths,
        store: ModelStore,
        unavailable: type[Exception],
        let_go: Callable[[], None] = lambda: None,
    ) -> None:
        self._paths = paths
        self._store = store
        self._unavailable = unavailable
        self._let_go = let_go
        self._held = 0
        self._key_is_there = False
        self._pace = Pace()

    def step(self) -> bool:
        """Bring the key and a newer version, if there is one; True when one came.

        What fails is tried again.
        """
        try:
            return self._bring()
        except self._unavailable as fault:
            self._tell(fault)
            self._let_go()
        except (OSError, ValueError) as fault:
            self._tell(fault)
        return False

    def _bring(self) -> bool:
        if not self._key_is_there:
            # Once in a process: a database made anew has another key than the one before.
            key = self._store.key()
            if read_key(self._paths) != key:
                write_key(self._paths, key)
            self._key_is_there = True
        version = self._store.newest()
        if version is None or version.number == self._held:
            return False
        # After a restart the file may be that of the newest version already.
        is_newer = _digest(self._paths.model) != version.sha256
        if is_newer:
            self._store.fetch(version, self._paths.model)
        self._store.hold(version)
        self._held = version.number
        self._pace.over(log_events.MODEL_UNAVAILABLE)
        return is_newer

    def _tell(self, fault: Exception) -> None:
        if self._pace.due(log_events.MODEL_UNAVAILABLE):
            log.warning(log_events.MODEL_UNAVAILABLE, fault=str(fault)[:300])


def read_key(paths: ModelPaths) -> bytes:
    """The site's key as the keeper wrote it; b"" when there is none that can be read."""
    try:
        return paths.key.read_bytes()
    except OSError:
        return b""


def write_key(paths: ModelPaths, key: bytes) -> None:
    """Put the key where receivers read it, and nobody else may. Raises OSError."""
    paths.folder.mkdir(parents=True, exist_ok=True)
    fresh = paths.key.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(paths.key)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while octets := file.read(_READ_BYTES):
                digest.update(octets)
    except FileNotFoundError:
        return ""
    return digest.hexdigest()
