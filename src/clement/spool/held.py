"""Held messages on the disk: content and manifest, staged, synced, and named at once. All of it blocks.

The order is the promise, as with a Maildir: both files are written and synced under other names, then get
their own, the content first, and the folder is synced. An entry is there when its manifest is: a content
without one is what a crash left, and is swept. The files are the truth; SQL is an index that can be made
anew from them.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from itertools import count
from typing import Final, Protocol

import msgspec

from clement.spool.content import HEADER_LIMIT_BYTES, Content
from clement.spool.failure import StorageFailure, storage_failure
from clement.spool.filesystem import FileSystem
from clement.spool.folder_sync import FolderSync
from clement.spool.held_entry import (
    CONTENT,
    KEPT,
    KINDS,
    MANIFEST,
    MANIFEST_VERSION,
    RELEASED,
    Manifest,
    entry_and_number,
    folder_of,
    is_entry,
)
from clement.spool.points import Point

MANIFEST_LIMIT_BYTES: Final = 8 << 20
STAGING: Final = "tmp"

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Manifest).decode


class _Digest(Protocol):
    def update(self, octets: bytes, /) -> None: ...


class HeldMissing(Exception):
    """The entry, or its content, is not here."""


class HeldDamaged(Exception):
    """The files are not what was written; nobody is given them."""


class StagedEntry(msgspec.Struct, frozen=True):
    """A complete, synced entry under its first names."""

    id: str
    folder: str
    staged_path: str


class HeldStore:
    """The held messages of this machine. Thread-safe; several processes may use one folder.

    writer: tells this process's staged files from those of others.
    """

    __slots__ = ("_durable", "_filesystem", "_folder", "_folder_sync", "_numbers", "_writer")

    def __init__(self, filesystem: FileSystem, folder: str, writer: str) -> None:
        self._filesystem = filesystem
        self._folder = folder
        self._writer = writer
        self._folder_sync = FolderSync(filesystem)
        self._numbers = count(1)
        self._durable: set[str] = set()

    # --- Keeping ----------------------------------------------------------------------------------------

    def stage(self, manifest: Manifest, content: Content) -> StagedEntry:
        """Write and sync both files; `content_hash` is filled in here.

        Raises StorageFailure; nothing is left then.
        """
        return self._stage(manifest, content.chunks())

    def adopt(self, manifest: Manifest, pieces: Iterator[bytes]) -> None:
        """Take an entry that was kept elsewhere. Raises HeldDamaged for other octets, StorageFailure."""
        staged = self._stage(manifest, pieces, must_be=manifest.content_hash)
        self.place([staged])

    def _stage(self, manifest: Manifest, pieces: Iterator[bytes], must_be: bytes = b"") -> StagedEntry:
        name = manifest.facts.id
        try:
            folder = self._folder_of(name)
            staged_path = f"{self._folder}/{STAGING}/{self._writer}-{next(self._numbers)}-{name}"
            self._make(folder)
            digest = sha256()
            try:
                self._write(staged_path + CONTENT, _hashed(pieces, digest))
                whole = msgspec.structs.replace(manifest, content_hash=digest.digest())
                if must_be not in (b"", whole.content_hash):
                    raise HeldDamaged("the content is not what was received")
                self._write(staged_path + MANIFEST, (_encode(whole),))
            except BaseException:
                self._discard(staged_path + CONTENT)
                self._discard(staged_path + MANIFEST)
                raise
        except OSError as error:
            raise storage_failure(error) from error
        except ValueError as error:
            raise StorageFailure(str(error)) from error
        return StagedEntry(name, folder, staged_path)

    def bytes_needed(self, manifest: Manifest, content: Content) -> int:
        """Octets that an entry will take on the disk."""
        whole = msgspec.structs.replace(manifest, content_hash=bytes(sha256().digest_size))
        return content.size_bytes + len(_encode(whole))

    def place(self, entries: Sequence[StagedEntry]) -> None:
        """Give staged entries their names for good: all of them, or none. Raises StorageFailure."""
        try:
            for entry in entries:
                for suffix in (CONTENT, MANIFEST):
                    final_path = f"{entry.folder}/{entry.id}{suffix}"
                    self._filesystem.rename(entry.staged_path + suffix, final_path, Point.HELD_PLACED)
            for folder in {entry.folder for entry in entries}:
                self._folder_sync.sync(folder, Point.HELD_FOLDER_SYNCED)
        except OSError as error:
            self.take_back(entries)
            raise storage_failure(error) from error

    def take_back(self, entries: Sequence[StagedEntry]) -> None:
        """Remove entries wherever they are by now, the manifest first. What cannot be removed stays held."""
        for entry in entries:
            for suffix in (MANIFEST, CONTENT):
                self._discard(entry.staged_path + suffix)
                self._discard(f"{entry.folder}/{entry.id}{suffix}")

    # --- Looking ----------------------------------------------------------------------------------------

    def manifest(self, entry: str) -> Manifest:
        """The manifest of an entry. Raises HeldMissing, HeldDamaged, StorageFailure."""
        descriptor, size_bytes = self._open(entry, MANIFEST)
        try:
            if size_bytes > MANIFEST_LIMIT_BYTES:
                raise HeldDamaged("the manifest is too large")
            octets = self._filesystem.read(descriptor, size_bytes, 0, Point.RELEASE_READ)
        except OSError as error:
            raise storage_failure(error) from error
        finally:
            self._filesystem.close(descriptor)
        return decode_manifest(octets, entry)

    def content(self, entry: str) -> Content:
        """The content of an entry, to be discarded after use. Raises HeldMissing, StorageFailure."""
        descriptor, size_bytes = self._open(entry, CONTENT)
        try:
            head = self._filesystem.read(descriptor, HEADER_LIMIT_BYTES, 0, Point.RELEASE_READ)
        except OSError as error:
            self._filesystem.close(descriptor)
            raise storage_failure(error) from error
        return Content.on_disk(self._filesystem, descriptor, size_bytes, head)

    def whole_content(self, manifest: Manifest) -> Content:
        """The content, compared with its hash first. Raises HeldMissing, HeldDamaged, StorageFailure."""
        content = self.content(manifest.facts.id)
        digest = sha256()
        try:
            for piece in content.chunks():
                digest.update(piece)
            if digest.digest() != manifest.content_hash:
                raise HeldDamaged("the content is not what was received")
        except BaseException:
            content.discard()
            raise
        return content

    def has(self, entry: str) -> bool:
        """Whether the entry is here. Raises StorageFailure when the disk does not say."""
        return self._size_of(entry, MANIFEST) is not None

    def ids(self, kind: str, group: str, day: str, *, without_kept: bool = False) -> list[str]:
        """The entries of a day, the oldest first; all, or those that nobody wants kept. Raises OSError."""
        names = set(self._names(f"{self._folder}/{kind}/{group}/{day}"))
        entries = (name.removesuffix(MANIFEST) for name in names if name.endswith(MANIFEST))
        return sorted(
            entry for entry in entries if is_entry(entry) and not (without_kept and f"{entry}{KEPT}" in names)
        )

    def days(self, kind: str, group: str) -> list[str]:
        """The days of which a group has entries, the oldest first. Raises OSError."""
        return sorted(self._names(f"{self._folder}/{kind}/{group}"))

    def groups(self, kind: str) -> list[str]:
        """The groups that have, or had, entries of a kind. Raises OSError."""
        return sorted(self._names(f"{self._folder}/{kind}"))

    def all_days(self) -> Iterator[tuple[str, str, str]]:
        """Kind, group and day of every folder with entries. Raises OSError."""
        for kind in KINDS:
            for group in self.groups(kind):
                for day in self.days(kind, group):
                    yield kind, group, day

    def size_bytes(self, entry: str) -> int:
        """Octets that an entry takes on the disk, 0 when it is gone. Raises StorageFailure."""
        return sum(self._size_of(entry, suffix) or 0 for suffix in (CONTENT, MANIFEST))

    # --- Release, removal -------------------------------------------------------------------------------

    def mark_released(self, recipient: str) -> None:
        """Note durably, beside the entry, that this recipient has it. Raises StorageFailure, ValueError."""
        entry, _number = entry_and_number(recipient)
        folder = self._folder_of(entry)
        try:
            try:
                descriptor = self._filesystem.open_new(
                    f"{folder}/{recipient}{RELEASED}", Point.RELEASE_MARKED
                )
                self._filesystem.close(descriptor)
            except FileExistsError:
                pass
            self._folder_sync.sync(folder, Point.RELEASE_MARK_SYNCED)
        except OSError as error:
            raise storage_failure(error) from error

    def was_released(self, recipient: str) -> bool:
        """Whether `mark_released` has noted it. Raises StorageFailure, ValueError."""
        entry, _number = entry_and_number(recipient)
        return self._stat(f"{self._folder_of(entry)}/{recipient}{RELEASED}") is not None

    def mark_kept(self, entry: str, *, kept: bool) -> None:
        """Note durably that an entry must not make room for others, or may.

        Raises HeldMissing, StorageFailure, ValueError.
        """
        folder = self._folder_of(entry)
        mark = f"{folder}/{entry}{KEPT}"
        try:
            if not kept:
                self._filesystem.unlink(mark, Point.HELD_REMOVED)
            elif self._stat(mark) is None:
                self._filesystem.close(self._filesystem.open_new(mark, Point.HELD_KEPT))
            self._folder_sync.sync(folder, Point.HELD_KEPT_SYNCED)
        except FileNotFoundError as error:
            raise HeldMissing(f"{entry} is not here") from error
        except OSError as error:
            raise storage_failure(error) from error

    def is_kept(self, entry: str) -> bool:
        """Whether `mark_kept` has noted it. Raises StorageFailure, ValueError."""
        return self._stat(f"{self._folder_of(entry)}/{entry}{KEPT}") is not None

    def remove(self, entry: str, recipients: int) -> int:
        """Remove an entry for good, the manifest first; the octets freed. Raises StorageFailure."""
        folder = self._folder_of(entry)
        freed = self.size_bytes(entry)
        marks = [f"{entry}.{number}{RELEASED}" for number in range(1, recipients + 1)]
        try:
            for name in (entry + MANIFEST, entry + CONTENT, entry + KEPT, *marks):
                self._filesystem.unlink(f"{folder}/{name}", Point.HELD_REMOVED)
        except OSError as error:
            raise storage_failure(error) from error
        return freed

    def sweep_day(self, kind: str, group: str, day: str, older_than_s: float) -> int:
        """Remove contents and marks without a manifest, untouched since; how many. Raises OSError."""
        folder = f"{self._folder}/{kind}/{group}/{day}"
        names = set(self._filesystem.names(folder))
        swept = 0
        for name in names:
            entry = name.partition(".")[0]
            if f"{entry}{MANIFEST}" in names or name.endswith(MANIFEST):
                continue
            with suppress(FileNotFoundError):
                if self._filesystem.entry(f"{folder}/{name}").modified_at_ns / 1e9 < older_than_s:
                    self._filesystem.unlink(f"{folder}/{name}", Point.HELD_REMOVED)
                    swept += 1
        return swept

    def sweep_staging(self, older_than_s: float) -> int:
        """Remove entries that were never named, untouched since; how many files. Raises OSError."""
        swept, folder = 0, f"{self._folder}/{STAGING}"
        for name in self._names(folder):
            with suppress(FileNotFoundError):
                if self._filesystem.entry(f"{folder}/{name}").modified_at_ns / 1e9 < older_than_s:
                    self._filesystem.unlink(f"{folder}/{name}", Point.HELD_REMOVED)
                    swept += 1
        return swept

    def is_mounted(self) -> bool:
        """Whether this is the folder that was written to, and not its empty place. Raises OSError."""
        return STAGING in self._names(self._folder)

    # --- Steps ------------------------------------------------------------------------------------------

    def _folder_of(self, entry: str) -> str:
        return "/".join((self._folder, *folder_of(entry)))

    def _make(self, folder: str) -> None:
        """Make the folders between ours and this one, and sync their names; once in the life of a process."""
        if folder in self._durable:
            return
        self._filesystem.make_folder(f"{self._folder}/{STAGING}", Point.HELD_MADE)
        path, above = self._folder, []
        for part in folder.removeprefix(self._folder + "/").split("/"):
            above.append(path)
            path = f"{path}/{part}"
            self._filesystem.make_folder(path, Point.HELD_MADE)
        for each in reversed(above):
            self._filesystem.sync_folder(each, Point.HELD_MADE_SYNCED)
        if len(self._durable) > 1000:
            self._durable.clear()
        self._durable.add(folder)

    def _write(self, path: str, pieces: Iterator[bytes] | Sequence[bytes]) -> None:
        descriptor = self._filesystem.open_new(path, Point.HELD_CREATED)
        try:
            for piece in pieces:
                self._filesystem.write(descriptor, piece, Point.HELD_WRITTEN)
            self._filesystem.sync(descriptor, Point.HELD_SYNCED)
        finally:
            self._filesystem.close(descriptor)

    def _open(self, entry: str, suffix: str) -> tuple[int, int]:
        try:
            path = f"{self._folder_of(entry)}/{entry}{suffix}"
            size_bytes = self._filesystem.entry(path).size_bytes
            return self._filesystem.open_existing(path, Point.RELEASE_READ), size_bytes
        except FileNotFoundError as error:
            raise HeldMissing(f"{entry}{suffix} is not here") from error
        except OSError as error:
            raise storage_failure(error) from error
        except ValueError as error:
            raise HeldMissing(str(error)) from error

    def _size_of(self, entry: str, suffix: str) -> int | None:
        return self._stat(f"{self._folder_of(entry)}/{entry}{suffix}")

    def _stat(self, path: str) -> int | None:
        try:
            return self._filesystem.entry(path).size_bytes
        except FileNotFoundError:
            return None
        except OSError as error:
            raise storage_failure(error) from error

    def _names(self, path: str) -> list[str]:
        try:
            return self._filesystem.names(path)
        except OSError as error:
            if error.errno == errno.ENOENT:
                return []
            raise

    def _discard(self, path: str) -> None:
        with suppress(OSError):
            self._filesystem.unlink(path, Point.HELD_TAKEN_BACK)


def _hashed(pieces: Iterator[bytes], digest: _Digest) -> Iterator[bytes]:
    for piece in pieces:
        digest.update(piece)
        yield piece


def encode_manifest(manifest: Manifest) -> bytes:
    """A manifest as it stands in its file."""
    return _encode(manifest)


def decode_manifest(octets: bytes, entry: str) -> Manifest:
    """The manifest of an entry. Raises HeldDamaged."""
    try:
        found = _decode(octets)
    except msgspec.DecodeError as error:
        raise HeldDamaged(f"the manifest cannot be read: {error}") from error
    if found.version > MANIFEST_VERSION or found.facts.id != entry:
        raise HeldDamaged("the manifest is of another entry or of a newer program")
    return found
