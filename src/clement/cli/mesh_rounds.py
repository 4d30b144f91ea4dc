"""The steward's part in the mesh: say what we have learnt, hear what peers say, and weigh it.

One thread of the steward's; every step looks at SQL and the clock, and nothing that could not be lost is
remembered between two steps.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable
from ipaddress import ip_network
from secrets import token_bytes
from typing import Final

from clement.cli.mesh_parts import roster_of
from clement.cli.mesh_weighing import Weighing
from clement.cli.paths import Paths
from clement.config.mesh import MeshPeerSettings
from clement.config.settings import Settings
from clement.journal.records import MeshRecord
from clement.net.mesh_client import ExchangeFailed, Heard, HeardEntry, Ourselves, exchange
from clement.policy.mesh.acceptance import may_be_asserted
from clement.policy.mesh.assertion import MAX_CAUSES, Evidence
from clement.policy.mesh.key import KeyId, PrivateKey, parse_public_key
from clement.policy.mesh.snapshot import MeshSnapshot
from clement.policy.network import ListOrigin, Standing
from clement.server.mesh_file import write_mesh
from clement.store.access import mesh as access
from clement.store.access.actor import shell_actor
from clement.store.access.server_list import by_hand, in_effect, last_change
from clement.store.actions import mesh as actions
from clement.store.list_records import ListedRow
from clement.telemetry import events as log_events
from clement.telemetry.log import Log

log = Log("steward")

LONGEST_PAUSE_S: Final = 3600.0
ROUND_EVERY_S: Final = 60.0
LONG_WRITE_S: Final = 0.2
LONGEST_WAIT_S: Final = 60.0
PAGE_ROWS: Final = 1000
STEWARD: Final = shell_actor("steward (mesh)")

# Our counts by the names that docs/mesh.md gives them; those that are missing speak against nobody.
CAUSES: Final = {
    "virus": "virus",
    "unknown-recipient": "recipients",
    "unruly": "protocol",
    "login-failed": "login",
    "refused": "policy",
    "unwanted": "content",
    "complaint": "complaint",
}


class MeshRounds:
    """Works for one site."""

    def __init__(
        self,
        settings: Settings,
        key: PrivateKey,
        now: Callable[[], float] = time.time,
        random_share: Callable[[], float] = random.random,
    ) -> None:
        mesh = settings.mesh
        self._settings = settings
        self._mesh = mesh
        self._key = key
        self._roster = roster_of(mesh, key)
        self._known = {self._key.public.id, *(peer.id for peer in self._roster.peers)}
        self._weighing = Weighing(mesh, self._roster)
        self._path = Paths.of(settings).mesh
        self._now = now
        self._random_share = random_share
        self._log = MeshSnapshot()
        self._written: tuple[int, object] | None = None
        self._next_round_s = self._write_at_s = 0.0
        self._weighed = self._published = -1

    def step(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Do what is due. Raises StoreUnavailable, django.db.Error, OSError."""
        now_s = self._now()
        is_time = now_s >= self._next_round_s
        if is_time:
            self._next_round_s = now_s + min(ROUND_EVERY_S, self._mesh.interval_s)
            actions.tidy(self._known, now_s)
        self._publish(now_s, is_time=is_time)
        self._write_snapshot(now_s)
        self._call_those_due(stop)
        self._weigh(is_time=is_time)
        self._write_snapshot(self._now())

    # --- What we say ------------------------------------------------------------------------------------

    def _publish(self, now_s: float, *, is_time: bool) -> None:
        """When the lists have changed, and now and then: what we said ends, and must be said again."""
        newest = last_change(STEWARD)
        if is_time or newest != self._published:
            actions.publish(self._key, self._own_bans(now_s), self._mesh.life_s, now_s)
            self._published = newest

    def _own_bans(self, now_s: float) -> list[actions.OwnBan]:
        """What we have learnt ourselves; never what the mesh brought about, or it would feed on itself."""
        found = [row for row in _all_in_effect(int(now_s)) if row.origin is ListOrigin.HISTORY]
        if self._mesh.share_manual:
            found += by_hand(STEWARD, Standing.BANNED)
        bans = []
        for row in found:
            network = ip_network(row.network)
            is_over = row.expires_at_s and row.expires_at_s <= now_s
            if may_be_asserted(network) and not is_over:
                bans.append(actions.OwnBan(network, row.expires_at_s, _evidence(row, int(now_s))))
        return bans

    def _write_snapshot(self, now_s: float) -> None:
        """Put the log where receivers read it, when there is anything new in it.

        One that takes long to write is written less often.
        """
        if now_s < self._write_at_s:
            return
        state = (access.last_number(), access.have())
        if state != self._written or not self._path.exists():
            self._log = access.snapshot(now_s)
            write_mesh(self._path, self._log)
            self._written = state
            took_s = max(0.0, self._now() - now_s)
            self._write_at_s = now_s + min(took_s * 20, LONGEST_WAIT_S) if took_s > LONG_WRITE_S else 0.0

    # --- What we hear -----------------------------------------------------------------------------------

    def _call_those_due(self, stop: Callable[[], bool]) -> None:
        remembered = access.peers(STEWARD, self._now())
        for configured in self._mesh.peer:
            known = remembered.get(parse_public_key(configured.public_key).id)
            if not configured.host or stop():
                continue
            if known is None or known.next_call_at_s <= self._now():
                self._call(configured, known.have if known else 0, known.failures if known else 0)

    def _call(self, configured: MeshPeerSettings, after: int, failures: int) -> None:
        peer_id = parse_public_key(configured.public_key).id
        peer = self._roster.get(peer_id)
        if peer is None:
            return  # it is ourselves
        now_s = self._now()
        most = min(peer.quotas.per_session, peer.quotas.per_day - actions.taken_today(now_s).get(peer_id, 0))
        ours = Ourselves(
            self._settings.site.hostname,
            self._key,
            self._roster,
            self._log,
            self._now,
            token_bytes,
        )
        try:
            heard = asyncio.run(exchange(configured.host, configured.port, peer, ours, after, max(0, most)))
        except ExchangeFailed as failure:
            heard = Heard(after, failure=str(failure))
        if heard.entries or heard.until > after:
            records = [self._record(peer_id, each) for each in heard.entries]
            actions.take(records, peer_id, heard.until, self._now())
        self._note(configured, heard, failures)

    def _record(self, peer_id: KeyId, heard: HeardEntry) -> MeshRecord:
        """The same as a receiver writes of what is pushed to it."""
        return MeshRecord(
            node=self._settings.site.node_name,
            at_s=self._now(),
            peer=peer_id,
            position=heard.entry.position,
            hops=heard.entry.hops,
            assertion="" if heard.refusal else heard.entry.text,
            refusal=heard.refusal or "",
        )

    def _note(self, configured: MeshPeerSettings, heard: Heard, failures: int) -> None:
        now_s, interval_s = self._now(), self._mesh.interval_s
        pause_s = interval_s
        if heard.failure:
            pause_s = max(interval_s, min(interval_s * 2.0 ** min(failures, 20), LONGEST_PAUSE_S))
            log.warning(log_events.MESH_CALL_FAILED, peer=configured.name, why=heard.failure[:300])
        # Not all at the same moment, or peers that began together would go on together.
        next_at_s = now_s + pause_s * (0.9 + 0.2 * self._random_share())
        peer_id = parse_public_key(configured.public_key).id
        actions.note_call(actions.Call(peer_id, now_s, next_at_s, heard.failure))

    # --- What it is worth -------------------------------------------------------------------------------

    def _weigh(self, *, is_time: bool) -> None:
        """When something new has come, and now and then: claims end, and our own history goes on."""
        last = access.last_number()
        if is_time or last != self._weighed:
            self._weighing.weigh(self._now())
            self._weighed = last


def _all_in_effect(now_s: int) -> Iterable[ListedRow]:
    after_id = 0
    while page := in_effect(STEWARD, Standing.BANNED, now_s, after_id=after_id, limit=PAGE_ROWS):
        yield from page
        after_id = page[-1].id


def _evidence(row: ListedRow, now_s: int) -> Evidence:
    """What we counted, in the words of the mesh; a person's own decision counts once."""
    counts: dict[str, int] = {}
    for cause, count in row.evidence.counts.items():
        if cause in CAUSES and count > 0:
            counts[CAUSES[cause]] = counts.get(CAUSES[cause], 0) + count
    if row.origin is ListOrigin.HAND or not counts:
        counts = {"manual" if row.origin is ListOrigin.HAND else "policy": 1}
    most = sorted(sorted(counts, key=lambda cause: -counts[cause])[:MAX_CAUSES])
    first_s = row.evidence.first_seen_s or row.made_at_s or now_s
    last_s = max(first_s, row.evidence.last_seen_s or now_s)
    return Evidence(tuple((cause, counts[cause]) for cause in most), min(first_s, now_s), min(last_s, now_s))
