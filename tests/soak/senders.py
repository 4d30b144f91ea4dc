"""Clients that send mail all the time, and the ledger of what they were told."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.crash.furnish import EVERYBODY, LOCAL, RELAYED, STORED_ELSEWHERE
from tests.crash.mta import Letter, attempt, letter

WAYS: Sequence[tuple[tuple[str, ...], tuple[str, ...]]] = (
    (LOCAL[:1], LOCAL[:1]),
    (LOCAL[1:2], LOCAL[1:2]),
    ((EVERYBODY,), LOCAL),
    (LOCAL, LOCAL),
    ((RELAYED,), (RELAYED,)),
    ((STORED_ELSEWHERE,), (STORED_ELSEWHERE,)),
)
SIZES_BYTES = (600, 600, 4_000, 40_000)
PAUSE_S = 0.05
GIVE_UP_AFTER_S = 90.0


@dataclass
class Entry:
    """A letter, where it must be found, and how long each answer took."""

    letter: Letter
    places: tuple[str, ...]
    took_s: list[float] = field(default_factory=list)


@dataclass
class Senders:
    """`number` threads; each sends letter after letter and tries each until it is answered for good."""

    mx: tuple[str, int]
    number: int
    pause_s: float = 0.0
    ledger: list[Entry] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        self._threads = [threading.Thread(target=self._send, args=(each,)) for each in range(self.number)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End when every letter under way has been answered."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _send(self, sender: int) -> None:
        chance = random.Random(sender)
        for number in range(1_000_000):
            if self._stop.is_set():
                return
            recipients, places = chance.choice(WAYS)
            sent = letter(f"s{sender:02d}n{number:06d}x", recipients, chance.choice(SIZES_BYTES))
            entry = Entry(sent, places)
            self.ledger.append(entry)
            self._until_answered(entry, f"127.0.1.{sender + 1}")
            time.sleep(self.pause_s)

    def _until_answered(self, entry: Entry, source: str) -> None:
        until_s = time.monotonic() + GIVE_UP_AFTER_S
        while entry.letter.waiting and time.monotonic() < until_s:
            began_s = time.monotonic()
            attempt(self.mx, entry.letter, source)
            entry.took_s.append(time.monotonic() - began_s)
            if entry.letter.waiting:
                time.sleep(PAUSE_S)


@dataclass(frozen=True)
class Audit:
    """What the ledger says against what is there."""

    accepted: int
    copies: int
    unanswered: int
    lost: list[str]
    duplicates: int
    inexplicable: list[str]
    unsettled: list[str]


def audit(ledger: Sequence[Entry], copies_of: Callable[[str, str], int]) -> Audit:
    """`copies_of(token, place)`: how often it is there."""
    accepted = copies = unanswered = duplicates = 0
    lost, inexplicable, unsettled = [], [], []
    for entry in ledger:
        sent = entry.letter
        told = [heard for each in sent.heard.values() for heard in each]
        silent = max((sum(heard.code == 0 for heard in each) for each in sent.heard.values()), default=0)
        unanswered += silent
        if sent.waiting or any(heard.refused for heard in told):
            unsettled.append(f"{sent.token}: {_last_heard(sent)}")
            continue
        accepted += 1
        for place in entry.places:
            found = copies_of(sent.token, place)
            copies += found
            if found == 0:
                lost.append(f"{sent.token} at {place}")
            duplicates += max(0, found - 1)
            if found > 1 + silent:
                inexplicable.append(f"{sent.token} at {place}: {found} copies, {silent} times no answer")
    return Audit(accepted, copies, unanswered, lost, duplicates, inexplicable, unsettled)


def _last_heard(sent: Letter) -> str:
    """What each recipient's client was told last, where it is no acceptance."""
    last = {recipient: heard[-1] for recipient, heard in sent.heard.items() if heard}
    return "; ".join(
        f"{recipient} after {len(sent.heard[recipient])} attempts {heard.code} {heard.text}"
        for recipient, heard in last.items()
        if not heard.accepted
    )
