"""How full mailboxes are: quota that stays right when somebody else deletes the mail.

The Maildir itself is the only account: the names in it tell the sizes. Folders are counted again only when
their modification time has changed, and then only those; a total is believed for a minute, with what this
process has added to it. Nobody is ever refused on a remembered total: before that, it is counted afresh.
What other processes add within that minute may exceed a quota by so much; nothing is refused wrongly.

Not a `maildirsize` file (Maildir++): it is right only while every reader keeps it, and today's do not.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from clement.delivery.maildir_names import size_of
from clement.spool.filesystem import FileSystem

RECOUNT_AFTER_S = 60.0
_REMEMBERED = 10_000
# A folder changed again within one tick of the clock keeps its modification time.
_SETTLED_AFTER_NS = 2_000_000_000


class _Account:
    """What is known of one Maildir."""

    __slots__ = ("counted_at_s", "counted_bytes", "folders", "lock", "placed_bytes", "under_way_bytes")

    def __init__(self) -> None:
        self.lock = Lock()
        self.folders: dict[str, tuple[int, int]] = {}
        self.counted_at_s = float("-inf")
        self.counted_bytes = 0
        self.placed_bytes = 0
        self.under_way_bytes = 0

    def total_bytes(self) -> int:
        return self.counted_bytes + self.placed_bytes + self.under_way_bytes


class MailboxUsage:
    """The fill of the Maildirs that have a quota. Thread-safe. `clock` gives epoch seconds."""

    __slots__ = ("_accounts", "_clock", "_filesystem", "_lock")

    def __init__(self, filesystem: FileSystem, clock: Callable[[], float]) -> None:
        self._filesystem = filesystem
        self._clock = clock
        self._accounts: OrderedDict[str, _Account] = OrderedDict()
        self._lock = Lock()

    def known_room(self, maildir: str, quota_bytes: int) -> bool:
        """True when memory alone says that something still fits; False when it has to be counted."""
        account = self._accounts.get(maildir)
        return account is not None and self._is_fresh(account) and account.total_bytes() < quota_bytes

    def reserve(self, maildir: str, size_bytes: int, quota_bytes: int) -> bool:
        """Claim room for a message; False when it does not fit. Blocks. Raises OSError."""
        account = self._account(maildir)
        with account.lock:
            if not self._is_fresh(account) or account.total_bytes() + size_bytes > quota_bytes:
                self._count(maildir, account)
            if account.total_bytes() + size_bytes > quota_bytes:
                return False
            account.under_way_bytes += size_bytes
            return True

    def settle(self, maildir: str, size_bytes: int, *, placed: bool) -> None:
        """What was claimed has been placed, or not."""
        account = self._account(maildir)
        with account.lock:
            account.under_way_bytes -= size_bytes
            if placed:
                account.placed_bytes += size_bytes

    def _account(self, maildir: str) -> _Account:
        with self._lock:
            account = self._accounts.get(maildir)
            if account is None:
                account = self._accounts[maildir] = _Account()
            self._accounts.move_to_end(maildir)
            while len(self._accounts) > _REMEMBERED:
                self._accounts.popitem(last=False)
            return account

    def _is_fresh(self, account: _Account) -> bool:
        # The absolute difference: a clock set back must not make a total fresh for a year.
        return abs(self._clock() - account.counted_at_s) < RECOUNT_AFTER_S

    def _count(self, maildir: str, account: _Account) -> None:
        now_s = self._clock()
        account.placed_bytes = 0
        folders: dict[str, tuple[int, int]] = {}
        for folder in self._message_folders(maildir):
            modified_at_ns = self._filesystem.entry(folder).modified_at_ns
            before = account.folders.get(folder)
            if before is not None and before[0] == modified_at_ns:
                folders[folder] = before
                continue
            size_bytes = self._count_folder(folder)
            settled = now_s * 1e9 - modified_at_ns > _SETTLED_AFTER_NS
            folders[folder] = (modified_at_ns if settled else -1, size_bytes)
        account.folders = folders
        account.counted_bytes = sum(size_bytes for _, size_bytes in folders.values())
        account.counted_at_s = now_s

    def _message_folders(self, maildir: str) -> list[str]:
        """new/ and cur/ of the mailbox and of its Maildir++ folders, whose names begin with a dot."""
        try:
            names = self._filesystem.names(maildir)
        except FileNotFoundError:
            return []
        inside = [maildir, *(f"{maildir}/{name}" for name in names if name.startswith("."))]
        return [
            path for parent in inside for path in (f"{parent}/new", f"{parent}/cur") if self._exists(path)
        ]

    def _exists(self, path: str) -> bool:
        try:
            return self._filesystem.entry(path).is_folder
        except (FileNotFoundError, NotADirectoryError):
            return False

    def _count_folder(self, folder: str) -> int:
        total_bytes = 0
        for name in self._filesystem.names(folder):
            size_bytes = size_of(name)
            if size_bytes is None:
                try:
                    size_bytes = self._filesystem.entry(f"{folder}/{name}").size_bytes
                except FileNotFoundError:
                    # A reader moved or removed it while we counted.
                    size_bytes = 0
            total_bytes += size_bytes
        return total_bytes
