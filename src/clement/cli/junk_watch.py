"""The steward's eye on junk folders: what people move there was unwanted, what they take out was wanted.

What is remembered of a mailbox stands in a file, written once its lessons are in SQL: a crash in between
teaches again what is then known already.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from clement.cli.lesson_files import Unreadable, lesson_from
from clement.delivery.junk_folders import UNSETTLED, JunkFolders, JunkMemory, Stamps, read_message
from clement.message.headers import MAX_HEADER_BYTES
from clement.policy.directory import Directory, LocalMailbox
from clement.policy.lesson import Lesson, Way
from clement.policy.study import ContentStudy
from clement.store.actions.teaching import teach_by_habit
from clement.store.learning.lessons import By, Whose

MOST_BYTES: Final = 10 * 1024 * 1024
MOVES_AT_ONCE: Final = 20
"""Of one mailbox in one look."""
ROUND_S: Final = 10.0
"""One look at all mailboxes may take so long; the next goes on where it ended."""

_MEMORY: Final = msgspec.msgpack.Decoder(JunkMemory)

Study = Callable[[bytes], ContentStudy | None]
"""What stands in a message (line ends of SMTP), None when it could not be read."""


class JunkWatch:
    """Watches the local mailboxes of this machine.

    folder: for what is remembered. flag_field: header field that says "YES" in mail which was tagged here:
    what a rule of the mailbox files away for that is nobody's word. per_day: lessons of one person.
    """

    def __init__(
        self,
        folders: JunkFolders,
        mail_root: str,
        folder: Path,
        study: Study,
        *,
        per_day: int,
        flag_field: str = "X-Spam-Flag",
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folders = folders
        self._mail_root = mail_root
        self._folder = folder
        self._study = study
        self._per_day = per_day
        self._flag = f"\n{flag_field}: yes".lower().encode() if flag_field else b""
        self._clock = clock
        self._monotonic = monotonic
        self._stamps: dict[int, Stamps] = {}
        self._next_id = 0

    def look(self, directory: Directory, stop: Callable[[], bool] = lambda: False) -> int:
        """Look at the mailboxes; how many messages were taught. Raises StoreUnavailable, OSError."""
        until_s = self._monotonic() + ROUND_S
        mailboxes = sorted(directory.stored_mailboxes(), key=lambda each: (each.id < self._next_id, each.id))
        taught = 0
        for mailbox in mailboxes:
            if stop() or self._monotonic() > until_s:
                self._next_id = mailbox.id
                return taught
            taught += self._look_at(mailbox, directory)
        self._next_id = 0
        return taught

    def _look_at(self, mailbox: LocalMailbox, directory: Directory) -> int:
        maildir = f"{self._mail_root}/{mailbox.maildir}"
        try:
            stamps = self._folders.stamps(maildir)
            if stamps == self._stamps.get(mailbox.id) and UNSETTLED not in stamps:
                return 0
            memory = self._remembered(mailbox.id)
            if memory is not None and stamps == memory.stamps and UNSETTLED not in stamps:
                self._stamps[mailbox.id] = stamps
                return 0
            seen = self._folders.look(maildir, memory, MOVES_AT_ONCE)
        except OSError:
            return 0  # not ours to read, or just going; another look will come
        lessons = [each for moved in seen.moved for each in self._lessons(moved.path, unwanted=moved.into)]
        if lessons:
            self._teach(mailbox, directory, lessons)
        if seen.memory != memory:
            self._remember(mailbox.id, seen.memory)
        self._stamps[mailbox.id] = seen.memory.stamps
        return len(lessons)

    def _lessons(self, path: str, *, unwanted: bool) -> Iterator[Lesson]:
        octets = read_message(path, MOST_BYTES)
        if octets is None or (unwanted and self._was_tagged(octets)):
            return
        try:
            yield lesson_from(octets, self._study, Way.JUNK, unwanted=unwanted)
        except Unreadable:
            return

    def _was_tagged(self, octets: bytes) -> bool:
        header = octets[:MAX_HEADER_BYTES].replace(b"\r\n", b"\n").partition(b"\n\n")[0]
        return bool(self._flag) and self._flag in b"\n" + header.lower()

    def _teach(self, mailbox: LocalMailbox, directory: Directory, lessons: list[Lesson]) -> None:
        domain = directory.domain(mailbox.address.rpartition("@")[2])
        whose = Whose(domain.group_id, domain.id, mailbox.id) if domain is not None else Whose()
        by = By(f"{mailbox.address} (junk folder)", mailbox.person_id or 0)
        if domain is not None:
            teach_by_habit(by, whose, lessons, per_day=self._per_day, clock=self._clock)

    # --- What is remembered -----------------------------------------------------------------------------

    def tidy(self, directory: Directory) -> None:
        """Forget mailboxes that are no more. Raises OSError."""
        known = {str(mailbox.id) for mailbox in directory.contents.mailboxes}
        if self._folder.is_dir():
            for path in self._folder.iterdir():
                if path.name not in known:
                    path.unlink()

    def _remembered(self, mailbox_id: int) -> JunkMemory | None:
        try:
            return _MEMORY.decode((self._folder / str(mailbox_id)).read_bytes())
        except (OSError, msgspec.MsgspecError):
            return None

    def _remember(self, mailbox_id: int, memory: JunkMemory) -> None:
        """Raises OSError."""
        path = self._folder / str(mailbox_id)
        fresh = path.with_suffix(".new")
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(msgspec.msgpack.encode(memory))
        fresh.replace(path)
