"""What receivers are told of the lists and of reputation: bounded, newest and gravest first."""

from __future__ import annotations

from datetime import UTC, datetime

from clement.policy.network import ListedServer, ListOrigin, Standing
from clement.policy.reputation import Kind, Reputation, log_odds, words_of
from clement.store import models
from clement.store.access.server_list import evidence_of
from clement.store.list_records import EntryState, Evidence
from clement.store.reputation.tallies import network

MOST_SERVERS = 100_000
MOST_REPUTATIONS = 100_000


def listed_servers(now_s: int, most: int = MOST_SERVERS) -> tuple[ListedServer, ...]:
    """The steward's entries that are in effect; where there are too many, those that end last."""
    found = models.ServerListEntry.objects.filter(state=EntryState.EFFECTIVE, expires_at_s__gt=now_s)
    columns = found.order_by("-expires_at_s", "-id").values_list(
        "id", "network", "standing", "origin", "expires_at_s", "evidence"
    )
    servers = []
    for id_, text, standing, origin, expires_at_s, evidence in columns[:most].iterator(chunk_size=10_000):
        listed = network(text)
        why = why_of(evidence_of(evidence)) if standing == Standing.BANNED else ""
        servers.append(
            ListedServer(
                id_,
                listed.network_address.packed,
                listed.prefixlen,
                Standing(standing),
                ListOrigin(origin),
                expires_at_s,
                why,
            )
        )
    return tuple(servers)


def why_of(evidence: Evidence) -> str:
    """Evidence in words for the banned client: `214 viruses and unknown recipients since 2026-11-01`."""
    words = words_of(evidence.counts)
    if not words:
        return ""
    since = datetime.fromtimestamp(evidence.first_seen_s, UTC).date().isoformat()
    return f"{words} since {since}"


def reputations(most: int = MOST_REPUTATIONS) -> tuple[Reputation, ...]:
    """Those of whom enough is known; where there are too many, those seen last."""
    found = models.Reputation.objects.filter(known=True).order_by("-last_at_s")
    columns = found.values_list("kind", "subject", "good", "unwanted")
    return tuple(
        Reputation(Kind(kind), subject, round(log_odds(good, unwanted), 3), round(good), round(unwanted))
        for kind, subject, good, unwanted in columns[:most].iterator(chunk_size=10_000)
    )
