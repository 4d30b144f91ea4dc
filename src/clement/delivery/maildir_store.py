"""Messages in Maildirs, step by step: tmp/, sync, new/, sync of the folder. All of it blocks.

The order is the promise: when `place` returns, bytes and name are on the disk. Whatever fails before that
is taken back, and no file is trusted again after a failed sync. What a crash can leave behind stands in
docs/decisions/0003.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from clement.delivery.final_content import chunks_to_store
from clement.delivery.line_endings import chunks_with_lf
from clement.delivery.maildir_names import MaildirNames, sized
from clement.spool.content import Content
from clement.spool.failure import StorageFailure, storage_failure
from clement.spool.filesystem import FileSystem
from clement.spool.folder_sync import FolderSync
from clement.spool.points import Point

# The three folders of a Maildir: being written, not seen by a reader yet, and the reader's own.
STAGING, ARRIVED, SEEN = "tmp", "new", "cur"

_REMEMBERED_FOLDERS = 10_000


class MaildirOptions(msgspec.Struct, frozen=True):
    """Where Maildirs lie and whose they are.

    mail_root: must exist; a missing one is a disk that is not mounted, and is never made.
    owner: uid and gid that files and folders are given to; None leaves them ours.
    """

    mail_root: str
    host_name: str
    folder_mode: int = 0o700
    file_mode: int = 0o600
    owner: tuple[int, int] | None = None


class StagedCopy(msgspec.Struct, frozen=True):
    """A complete, synced message in tmp/, with the place it is to take.

    known_as: how its name begins if it was placed once before, "" when every delivery is a new one.
    """

    staged_path: str
    final_path: str
    final_folder: str
    known_as: str = ""


class MaildirStore:
    """The Maildirs below one mail root. Thread-safe."""

    __slots__ = ("_durable", "_filesystem", "_folder_sync", "_names", "_options")

    def __init__(self, filesystem: FileSystem, options: MaildirOptions, names: MaildirNames) -> None:
        self._filesystem = filesystem
        self._options = options
        self._names = names
        self._folder_sync = FolderSync(filesystem)
        self._durable: OrderedDict[str, None] = OrderedDict()

    def path(self, maildir: str) -> str:
        """The absolute path of a Maildir that the directory names relative to the mail root.

        Raises StorageFailure when the name would lead out of it.
        """
        if not maildir or maildir.startswith("/") or "\0" in maildir or ".." in maildir.split("/"):
            raise StorageFailure("maildir leads out of the mail root")
        return f"{self._options.mail_root}/{maildir}"

    def stage(self, maildir: str, head: bytes, content: Content, delivery_id: str = "") -> StagedCopy:
        """Write a message to tmp/ and sync it. Raises StorageFailure; nothing is left then.

        delivery_id: `Envelope.delivery_id`.
        """
        folder = self.path(maildir)
        name = self._names.next()
        staged_path = f"{folder}/{STAGING}/{name}"
        try:
            descriptor = self._create(folder, staged_path)
            try:
                size_bytes = self._fill(descriptor, head, content)
            except BaseException:
                self._discard(staged_path)
                raise
        except OSError as error:
            raise storage_failure(error) from error
        known_as = self._names.of_delivery(delivery_id) if delivery_id else ""
        final_name = sized(known_as or name, size_bytes)
        arrived = f"{folder}/{ARRIVED}"
        return StagedCopy(staged_path, f"{arrived}/{final_name}", arrived, known_as)

    def place(self, copies: Sequence[StagedCopy]) -> None:
        """Make staged copies visible and durable: all of them, or none. Raises StorageFailure."""
        try:
            for copy in copies:
                if copy.known_as and self._is_there(copy):
                    self._discard(copy.staged_path)
                    continue
                self._filesystem.rename(copy.staged_path, copy.final_path, Point.MAILDIR_PLACED)
            for folder in {copy.final_folder for copy in copies}:
                self._folder_sync.sync(folder, Point.MAILDIR_FOLDER_SYNCED)
        except OSError as error:
            self.take_back(copies)
            raise storage_failure(error) from error

    def take_back(self, copies: Sequence[StagedCopy]) -> None:
        """Remove copies wherever they are by now. What cannot be removed stays as a duplicate."""
        for copy in copies:
            self._discard(copy.staged_path)
            self._discard(copy.final_path)

    def _is_there(self, copy: StagedCopy) -> bool:
        """Whether the copy was placed before, and lies where it was put or where its reader has seen it.

        A folder of its own to which the reader moved it in those moments is not looked into.
        """
        maildir = copy.final_folder.removesuffix(ARRIVED)
        return any(
            name.startswith(copy.known_as + ",")
            for folder in (ARRIVED, SEEN)
            for name in self._filesystem.names(maildir + folder)
        )

    def _discard(self, path: str) -> None:
        with suppress(OSError):
            self._filesystem.unlink(path, Point.MAILDIR_TAKEN_BACK)

    def _create(self, folder: str, staged_path: str) -> int:
        if folder not in self._durable:
            self._make(folder)
        try:
            return self._filesystem.open_new(staged_path, Point.MAILDIR_CREATED, mode=self._options.file_mode)
        except FileNotFoundError:
            # Somebody removed the mailbox since we last saw it.
            self._durable.pop(folder, None)
            self._make(folder)
            return self._filesystem.open_new(staged_path, Point.MAILDIR_CREATED, mode=self._options.file_mode)

    def _fill(self, descriptor: int, head: bytes, content: Content) -> int:
        filesystem = self._filesystem
        size_bytes = len(head)
        try:
            if self._options.owner is not None:
                filesystem.own(descriptor, *self._options.owner)
            for piece in chunks_with_lf(chunks_to_store(content)):
                octets = head + piece if head else piece
                head = b""
                filesystem.write(descriptor, octets, Point.MAILDIR_WRITTEN)
                size_bytes += len(piece)
            if head:
                filesystem.write(descriptor, head, Point.MAILDIR_WRITTEN)
            filesystem.sync(descriptor, Point.MAILDIR_SYNCED)
        finally:
            filesystem.close(descriptor)
        return size_bytes

    def _make(self, folder: str) -> None:
        """Make a Maildir, and every folder between it and the mail root; then sync the names of all of them.

        A Maildir that exists is synced too, once in the life of this process: whoever made it may have died
        before it reached the disk.
        """
        root = self._options.mail_root
        above = folder[len(root) + 1 :].split("/")
        chain = [root, *("/".join((root, *above[: depth + 1])) for depth in range(len(above)))]
        for path in [*chain[1:], *(f"{folder}/{part}" for part in (STAGING, ARRIVED, SEEN))]:
            made = self._filesystem.make_folder(path, Point.MAILDIR_MADE, mode=self._options.folder_mode)
            if made and self._options.owner is not None:
                self._filesystem.own_folder(path, *self._options.owner)
        for path in reversed(chain):
            self._filesystem.sync_folder(path, Point.MAILDIR_MADE_SYNCED)
        self._durable[folder] = None
        while len(self._durable) > _REMEMBERED_FOLDERS:
            self._durable.popitem(last=False)
