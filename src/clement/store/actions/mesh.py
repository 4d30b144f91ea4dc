"""What the steward and the administrator do to the mesh: say, take, weigh, forget."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

import msgspec
from django.db import transaction
from msgspec.structs import replace

from clement.journal.records import MeshRecord
from clement.policy.mesh.assertion import Evidence, Kind, Statement, parse_assertion, sign
from clement.policy.mesh.key import KeyId, PrivateKey
from clement.policy.mesh.standing import DAY_S, FULL, HEARD_FROM, Fault, Standing
from clement.policy.network import Network
from clement.store import models
from clement.store.access.actor import Actor, NotFound
from clement.store.actions.change import NOT_NOW, StoreUnavailable, require_root
from clement.store.mesh_records import MeshEntryRow
from clement.store.mesh_writer import Numbers, charge, note_event, settle

KEPT_EVENTS = 10_000


class OwnBan(msgspec.Struct, frozen=True):
    """What we have learnt ourselves. expires_at_s: Unix seconds."""

    network: Network
    expires_at_s: int
    evidence: Evidence


class Call(msgspec.Struct, frozen=True):
    """How a call to a peer ended, and when the next is due. failure: "" when it went well."""

    peer: KeyId
    at_s: float
    next_at_s: float
    failure: str = ""


@contextmanager
def mesh_change() -> Iterator[None]:
    """One SQL transaction. Raises StoreUnavailable when the database cannot take it."""
    try:
        with transaction.atomic():
            yield
    except NOT_NOW as reason:
        raise StoreUnavailable(f"the database cannot take a change now: {reason}") from reason


def publish(key: PrivateKey, bans: Sequence[OwnBan], life_s: float, now_s: float) -> int:
    """Say what is new, take back what no longer holds; returns how many statements that took."""
    with mesh_change():
        numbers = Numbers(now_s)
        said = {
            entry.network: entry
            for entry in models.MeshEntry.objects.filter(origin=key.public.id, handed_by="")
        }
        wanted = {str(ban.network): ban for ban in bans}
        count = 0
        for network, ban in wanted.items():
            entry = said.get(network)
            latest_s = int(now_s + life_s)
            # Never sooner than what was said before: after its end the earlier statement could come again.
            expires_at_s = max(
                min(ban.expires_at_s or latest_s, latest_s), entry.expires_at_s if entry else 0
            )
            if expires_at_s > now_s and _is_news(entry, expires_at_s, ban.evidence, life_s, now_s):
                statement = _ban(key, numbers, ban, expires_at_s)
                _say(key, statement, entry, now_s)
                count += 1
        for network, entry in said.items():
            if network not in wanted and entry.kind == Kind.BAN and entry.expires_at_s > now_s:
                said_before = parse_assertion(entry.text).statement
                statement = replace(said_before, sequence=numbers.next(), kind=Kind.UNBAN, evidence=None)
                _say(key, statement, entry, now_s)
                count += 1
        return count


def take(records: Sequence[MeshRecord], peer: KeyId, until: int, now_s: float) -> None:
    """Keep what was pulled from a peer, and up to where."""
    with mesh_change():
        settle(records, lambda: now_s)
        row = models.MeshPeer.objects.select_for_update().get_or_create(key=peer)[0]
        if until > row.have:
            row.have = until
            row.save(update_fields=["have"])


def note_call(call: Call) -> None:
    """Remember how a call ended."""
    with mesh_change():
        row = models.MeshPeer.objects.select_for_update().get_or_create(key=call.peer)[0]
        row.called_at_s, row.next_call_at_s = call.at_s, call.next_at_s
        if call.failure:
            row.failures += 1
            note_event(call.peer, "call-failed", call.failure, call.at_s)
        else:
            row.failures, row.succeeded_at_s = 0, call.at_s
        row.save()


def contradict(entry: MeshEntryRow, messages: int, now_s: float) -> bool:
    """Its origin bans what we accept mail from; True when that brought it below what is heard."""
    with mesh_change():
        changed = models.MeshEntry.objects.filter(position=entry.position, contradicted=False).update(
            contradicted=True
        )
        if not changed:
            return False
        before = _score(entry.origin, now_s)
        charge(
            entry.origin,
            Fault.CONTRADICTED,
            f"bans {entry.network}, of which {messages} messages were accepted here",
            now_s,
        )
        return before >= HEARD_FROM > _score(entry.origin, now_s)


def tidy(known: Collection[KeyId], now_s: float) -> None:
    """Forget what has expired, all of those who are no peers any more, and old events."""
    with mesh_change():
        models.MeshEntry.objects.filter(expires_at_s__lte=now_s).delete()
        models.MeshEntry.objects.exclude(origin__in=list(known)).delete()
        newest = models.MeshEvent.objects.order_by("-id").values_list("id", flat=True).first() or 0
        models.MeshEvent.objects.filter(id__lte=newest - KEPT_EVENTS).delete()


def restore_standing(actor: Actor, peer: KeyId, now_s: float) -> None:
    """Hear a peer again that had lost its standing. Raises NotFound, ActionForbidden."""
    require_root(actor, "restore the standing of a peer")
    with mesh_change():
        changed = models.MeshPeer.objects.filter(key=peer).update(score=FULL, scored_at_s=now_s)
        if not changed:
            raise NotFound("peer that was ever heard of:", peer)
        note_event(peer, "restored", f"by {actor.name}", now_s)


def taken_today(now_s: float) -> Mapping[KeyId, int]:
    """How many entries each peer has handed over today."""
    day = int(now_s // DAY_S)
    found = models.MeshPeer.objects.filter(day=day).values_list("key", "taken")
    return {KeyId(key): taken for key, taken in found}


def _is_news(
    entry: models.MeshEntry | None, expires_at_s: int, evidence: Evidence, life_s: float, now_s: float
) -> bool:
    """Whether to say it (again): it is new, was taken back, is half over, or weighs twice as much."""
    if entry is None or entry.kind == Kind.UNBAN or entry.expires_at_s <= now_s:
        return True
    said = parse_assertion(entry.text).statement.evidence
    if entry.expires_at_s - now_s < life_s / 2 < expires_at_s - now_s:
        return True
    return said is not None and evidence.total >= 2 * said.total


def _ban(key: PrivateKey, numbers: Numbers, ban: OwnBan, expires_at_s: int) -> Statement:
    return Statement(key.public.id, numbers.next(), Kind.BAN, ban.network, expires_at_s, ban.evidence)


def _say(key: PrivateKey, statement: Statement, earlier: models.MeshEntry | None, now_s: float) -> None:
    """Sign it, and let it take the place of what was said of this network before."""
    if earlier is not None:
        earlier.delete()
    models.MeshEntry.objects.create(
        position=statement.sequence,
        origin=statement.origin,
        sequence=statement.sequence,
        kind=statement.kind,
        network=str(statement.network),
        expires_at_s=statement.expires_at_s,
        text=sign(statement, key).encode(),
        received_at_s=int(now_s),
    )


def _score(key: KeyId, now_s: float) -> float:
    peer = models.MeshPeer.objects.filter(key=key).first()
    return FULL if peer is None else Standing(peer.score, peer.scored_at_s).score_at(now_s)
