"""Reading the mesh: its log for receivers, its claims for the steward, its peers for the administrator."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network

from django.db.models import Q

from clement.policy.mesh.assertion import Kind, parse_assertion
from clement.policy.mesh.key import KeyId
from clement.policy.mesh.snapshot import LoggedEntry, MeshSnapshot
from clement.policy.mesh.standing import DAY_S, Standing
from clement.policy.mesh.worth import Claim
from clement.policy.network import Network
from clement.policy.network import Standing as ListStanding
from clement.policy.reputation import SITE_BITS
from clement.store import models
from clement.store.access.actor import Actor
from clement.store.log_ids import first_id_at
from clement.store.mesh_records import HandedOver, MeshEntryRow, MeshEventRow, MeshPeerRow

MOST_SERVED = 20_000
"""Entries that a receiver holds in memory, the newest: some 12 MB."""

ONLY_ROW = 1
PAGE_ROWS = 1000


def last_number() -> int:
    """The last number given in the log; it rises with every change of it."""
    return int(models.MeshClock.objects.filter(pk=ONLY_ROW).values_list("last", flat=True).first() or 0)


def snapshot(now_s: float) -> MeshSnapshot:
    """What receivers serve and know: all that is in force, up to the last number given before."""
    until = last_number()
    found = models.MeshEntry.objects.filter(expires_at_s__gt=now_s, position__lte=until)
    columns = found.order_by("-position").values_list("position", "hops", "origin", "handed_by", "text")
    entries = [
        LoggedEntry(position, hops, KeyId(origin), handed_by, text)
        for position, hops, origin, handed_by, text in columns[:MOST_SERVED]
    ]
    return MeshSnapshot(tuple(reversed(entries)), until, have())


def have() -> dict[KeyId, int]:
    """Up to where we have the log of each peer."""
    return {KeyId(key): until for key, until in models.MeshPeer.objects.values_list("key", "have")}


def claims(now_s: float) -> list[Claim]:
    """The bans that others have in force."""
    found = models.MeshEntry.objects.filter(kind=Kind.BAN, expires_at_s__gt=now_s).exclude(handed_by="")
    claimed = []
    for text in found.order_by("position").values_list("text", flat=True).iterator():
        statement = parse_assertion(text).statement
        if statement.evidence is not None:
            claimed.append(
                Claim(statement.network, statement.origin, statement.expires_at_s, statement.evidence)
            )
    return claimed


def uncontradicted(now_s: float, after: int = 0, limit: int = PAGE_ROWS) -> list[MeshEntryRow]:
    """Bans of others that their origins have not paid for, in order of their positions."""
    found = models.MeshEntry.objects.filter(
        kind=Kind.BAN, contradicted=False, expires_at_s__gt=now_s, position__gt=after
    )
    return [_entry_row(entry) for entry in found.exclude(handed_by="").order_by("position")[:limit]]


def own(origin: KeyId, now_s: float) -> list[MeshEntryRow]:
    """What we say ourselves."""
    found = models.MeshEntry.objects.filter(origin=origin, handed_by="", expires_at_s__gt=now_s)
    return [_entry_row(entry) for entry in found.order_by("position")]


def standings(now_s: float) -> dict[KeyId, float]:
    """The scores of all peers that were ever heard of."""
    return {KeyId(peer.key): _standing(peer).score_at(now_s) for peer in models.MeshPeer.objects.all()}


def accepted_from(network: Network, since_s: float) -> int:
    """About how many messages from this network were accepted lately, by the log and by reputation.

    The log is asked for IPv4, where text tells what lies in a network; reputation knows both.
    """
    return max(_by_log(network, since_s), round(_by_reputation(network)))


def _by_log(network: Network, since_s: float) -> int:
    if network.version != 4:
        return 0
    if network.prefixlen == 24:
        within = Q(client_address__startswith=str(network.network_address).rpartition(".")[0] + ".")
    else:
        within = Q(client_address__in=[str(address) for address in network])
    found = models.Session.objects.filter(within, id__gte=first_id_at(since_s), outcome="accepted")
    return found.count()


def _by_reputation(network: Network) -> float:
    site = network.supernet(new_prefix=SITE_BITS[network.version])
    known = models.Reputation.objects.filter(site=str(site), kind="client").values_list("subject", "good")
    return sum(good for subject, good in known[:PAGE_ROWS] if _overlap(ip_network(subject), network))


def _overlap(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)


def handed_over() -> list[HandedOver]:
    """What the server lists hold of what peers say."""
    found = models.ForeignAssertion.objects.filter(standing=ListStanding.BANNED)
    return [HandedOver(*row) for row in found.values_list("peer", "network", "worth", "expires_at_s")]


def protected_networks() -> Iterator[Network]:
    """Networks of which an administrator has said anything: his word stands."""
    for network in models.ClientNetwork.objects.values_list("network", flat=True):
        yield ip_network(network)


def peers(actor: Actor, now_s: float) -> dict[KeyId, MeshPeerRow]:
    """What is remembered of each peer."""
    if not actor.root:
        return {}
    return {KeyId(peer.key): _peer_row(peer, now_s) for peer in models.MeshPeer.objects.all()}


def entries(actor: Actor, now_s: float, *, after: int = 0, limit: int = PAGE_ROWS) -> list[MeshEntryRow]:
    """All assertions in force, in the order in which they came."""
    if not actor.root:
        return []
    found = models.MeshEntry.objects.filter(expires_at_s__gt=now_s, position__gt=after)
    return [_entry_row(entry) for entry in found.order_by("position")[:limit]]


def events(actor: Actor, *, limit: int = 50) -> list[MeshEventRow]:
    """What happened with peers, the newest first."""
    if not actor.root:
        return []
    return [
        MeshEventRow(
            number=each.id, at_s=each.at_s, peer=KeyId(each.peer), what=each.what, detail=each.detail
        )
        for each in models.MeshEvent.objects.order_by("-id")[:limit]
    ]


def _standing(peer: models.MeshPeer) -> Standing:
    return Standing(peer.score, peer.scored_at_s)


def _peer_row(peer: models.MeshPeer, now_s: float) -> MeshPeerRow:
    return MeshPeerRow(
        key=KeyId(peer.key),
        have=peer.have,
        score=round(_standing(peer).score_at(now_s), 1),
        called_at_s=peer.called_at_s,
        succeeded_at_s=peer.succeeded_at_s,
        failures=peer.failures,
        next_call_at_s=peer.next_call_at_s,
        taken_today=peer.taken if peer.day == int(now_s // DAY_S) else 0,
    )


def _entry_row(entry: models.MeshEntry) -> MeshEntryRow:
    return MeshEntryRow(
        position=entry.position,
        origin=KeyId(entry.origin),
        sequence=entry.sequence,
        kind=Kind(entry.kind),
        network=entry.network,
        expires_at_s=entry.expires_at_s,
        handed_by=entry.handed_by,
        hops=entry.hops,
        received_at_s=entry.received_at_s,
        contradicted=entry.contradicted,
        text=entry.text,
    )
