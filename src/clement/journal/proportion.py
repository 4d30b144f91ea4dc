"""Records in proportion: a flood of refusals is counted, with its first and its last in full.

Stands between the sessions of a receiver and the journal. Each session that ended with something accepted,
or that the server wants told whatever happens, goes through `record`. Each session in which nothing was
accepted goes through `refused`, together with a function that builds its records. Of one client and reason,
the first `in_full` in a window of `window_s` are built and told, of a ban just the first; the others are only
counted, and of those just the last one's function is kept. So a counted session costs a look-up and two
stores, and the last in full is truly the last: it is built when the run is told.

A run is told when its window has ended, and every `update_s` before, so that a kill loses the counts of that
time at most. While a flood lasts, each further window tells one session in full and the run of the others.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

import msgspec

from clement.journal.journal import RecordLog
from clement.journal.records import Exchange, Outcome, RefusalRun, SessionRecord, TransactionRecord
from clement.policy.reason import Reason
from clement.telemetry import metrics
from clement.telemetry.metrics import Metrics

Told = tuple[SessionRecord, Sequence[TransactionRecord]]
"""A session with those of its transactions that are not in the journal yet."""

TELL_AT_ONCE: Final = 256
ALIKE: Final = frozenset({Reason.NETWORK_BANNED, Reason.NETWORK_UNWELCOME, Reason.SERVER_BANNED})
"""Reasons that are the same whatever the client says: one session in full tells all there is to tell.
Thousands of banned clients would otherwise fill the log with copies."""
_EVICTION_TRIES: Final = 16


class ProportionLimits(msgspec.Struct, frozen=True):
    """in_full: refusals of one client and reason told singly in a window. keys: how many are known."""

    in_full: int = 20
    window_s: float = 60.0
    update_s: float = 10.0
    keys: int = 10_000


class _Run:
    """One client and reason in the running window."""

    __slots__ = (
        "allowance",
        "build_last",
        "count",
        "first_at_s",
        "first_session_id",
        "key",
        "last_at_s",
        "started_s",
        "told_count",
    )

    def __init__(self, key: tuple[str, str], started_s: float, allowance: int) -> None:
        self.key = key
        self.started_s = started_s
        self.allowance = allowance  # sessions that this window still tells in full
        self.first_session_id = ""
        self.first_at_s = self.last_at_s = 0.0
        self.count = 0  # sessions that were counted instead
        self.told_count = 0  # as it stands in the journal
        self.build_last: Callable[[], Told] | None = None


@lru_cache(maxsize=4096)
def _network_of(address: str) -> str:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped) if mapped else f"{ipaddress.IPv6Address(int(parsed) >> 64 << 64)}/64"
    return str(parsed)


def client_key(address: str) -> str:
    """Return what stands for a client: its IPv4 address, or the /64 network of its IPv6 address."""
    return _network_of(address) if ":" in address else address


class RefusedConnection(msgspec.Struct, frozen=True):
    """The few facts there are of a connection refused at connect: give `told` to `Proportion.refused`."""

    session_id: str
    node: str
    service: str
    at_s: float
    client_address: str
    client_port: int
    reason: str
    reply: str

    def told(self) -> Told:
        """Return its record; the transcript is the greeting that refused it."""
        session = SessionRecord(
            id=self.session_id,
            node=self.node,
            service=self.service,
            started_at_s=self.at_s,
            duration_us=0,
            client_address=self.client_address,
            client_port=self.client_port,
            outcome=Outcome.REFUSED,
            reason=self.reason,
            ending="refused",
            bytes_sent=len(self.reply),
            transcript=(Exchange(0, 0, "", self.reply),),
        )
        return session, ()


class Proportion:
    """What a receiver's sessions hand their records to. One thread; `tick` once a second.

    Nothing here raises, unless a function that builds records does. Nothing here flushes but `tick` and
    `close`: call the log's `flush` when a record has to be safe.
    """

    __slots__ = ("_due", "_limits", "_log", "_metrics", "_next_update_s", "_node", "_now_s", "_runs")

    def __init__(
        self,
        log: RecordLog,
        node: str,
        limits: ProportionLimits | None = None,
        *,
        now_s: float,
        metrics_of_process: Metrics | None = None,
    ) -> None:
        self._log = log
        self._node = node
        self._limits = limits or ProportionLimits()
        self._metrics = metrics_of_process or Metrics.private()
        self._now_s = now_s
        self._next_update_s = now_s + self._limits.update_s
        self._runs: dict[tuple[str, str], _Run] = {}
        self._due: list[_Run] = []

    def record(self, session: SessionRecord, transactions: Sequence[TransactionRecord] = ()) -> None:
        """Tell a session in full, after those of its transactions that are not in the journal yet."""
        for transaction in transactions:
            self._log.append(transaction)
        self._log.append(session)

    def refused(self, client: str, reason: str, at_s: float, build: Callable[[], Told]) -> bool:
        """Tell or count a session in which nothing was accepted; True when it was only counted.

        client: from `client_key`. at_s: when it ended, Unix time. build: makes the session's records, now,
        later, or never; what it refers to must not change any more.
        """
        key = (client, reason)
        run = self._runs.get(key)
        if run is None or self._now_s - run.started_s >= self._limits.window_s:
            run = self._begin(key, run)
        if run.allowance > 0:
            self._tell_singly(run, at_s, build)
            return False
        run.count += 1
        run.last_at_s = at_s
        run.build_last = build
        return True

    def tick(self, now_s: float) -> None:
        """Tell the runs that are due at this monotonic time, and let the log do what is due."""
        self._now_s = now_s
        if not self._due and now_s >= self._next_update_s:
            self._next_update_s = now_s + self._limits.update_s
            self._due = list(self._runs.values())
            self._metrics.set(metrics.REFUSAL_KEYS, len(self._due))
        self._tell_due(TELL_AT_ONCE)
        self._log.tick(now_s)

    def close(self) -> None:
        """Tell every run; what comes afterwards begins anew."""
        for run in self._runs.values():
            self._tell(run)
        self._runs.clear()
        self._due.clear()
        self._log.flush()

    def _begin(self, key: tuple[str, str], ended: _Run | None) -> _Run:
        """Begin a window for this client and reason, after the one that has ended, if there was one."""
        if ended is None:
            self._make_room()
        else:
            self._tell(ended)
        run = self._runs[key] = _Run(key, self._now_s, self._allowance(key[1], ended))
        return run

    def _allowance(self, reason: str, ended: _Run | None) -> int:
        """How many sessions a window tells in full."""
        if reason in ALIKE or (ended is not None and ended.count):
            return 1
        return self._limits.in_full

    def _tell_singly(self, run: _Run, at_s: float, build: Callable[[], Told]) -> None:
        run.allowance -= 1
        session, transactions = build()
        if not run.first_session_id:
            run.first_session_id = session.id
            run.first_at_s = at_s
        self.record(session, transactions)

    def _tell(self, run: _Run) -> bool:
        """Tell how far a run has come; True when there was something new to tell."""
        if run.count == run.told_count or run.build_last is None:
            return False
        last, last_transactions = run.build_last()
        client, reason = run.key
        self._log.append(
            RefusalRun(
                id=f"{run.first_session_id}-run",
                node=self._node,
                client_address=client,
                reason=reason,
                count=run.count,
                first_at_s=run.first_at_s,
                last_at_s=run.last_at_s,
                first_session_id=run.first_session_id,
                last=last,
                last_transactions=tuple(last_transactions),
            )
        )
        self._metrics.add(metrics.REFUSALS_COUNTED, run.count - run.told_count)
        run.told_count = run.count
        return True

    def _tell_due(self, at_most: int) -> None:
        """Tell a bounded number of due runs: a flood of clients must not hold up the sessions."""
        told = 0
        while self._due and told < at_most:
            run = self._due.pop()
            told += self._tell(run)
            if self._now_s - run.started_s >= self._limits.window_s and self._runs.get(run.key) is run:
                self._end(run)

    def _end(self, run: _Run) -> None:
        """End a window. After a flood the next one follows at once, and stays until it ends without any."""
        if run.count:
            self._runs[run.key] = _Run(run.key, self._now_s, self._allowance(run.key[1], run))
        else:
            del self._runs[run.key]

    def _make_room(self) -> None:
        """Forget a client when too many are known: the oldest of those that are not flooding just now."""
        if len(self._runs) < self._limits.keys:
            return
        for _ in range(_EVICTION_TRIES):
            run = self._runs.pop(next(iter(self._runs)))
            if run.count == run.told_count:
                return
            self._runs[run.key] = run
        oldest = self._runs.pop(next(iter(self._runs)))
        self._tell(oldest)
