"""Reading the banned and trusted server lists, and the reputation behind them, on behalf of a person.

All of it speaks of the whole site's clients: root sees it, others see nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from clement.policy.network import ListOrigin, Network, Standing
from clement.policy.reputation import Kind, Tally, badness, log_odds
from clement.store import models
from clement.store.access.actor import Actor, NotFound
from clement.store.list_records import (
    EntryState,
    Evidence,
    ListChangeRow,
    ListedRow,
    PardonRow,
    ReputationRow,
)

PAGE_ROWS = 1000


def by_hand(actor: Actor, standing: Standing) -> tuple[ListedRow, ...]:
    """The entries that persons made, in order of their ids."""
    if not actor.root:
        return ()
    found = models.ClientNetwork.objects.filter(standing=standing).order_by("id")
    return tuple(_hand_row(entry) for entry in found)


def concluded(
    actor: Actor,
    standing: Standing,
    *,
    states: Sequence[EntryState] = (),
    after_id: int = 0,
    limit: int = PAGE_ROWS,
) -> tuple[ListedRow, ...]:
    """Entries that the steward made, with ids greater than `after_id`; only of some states, where named."""
    if not actor.root:
        return ()
    found = models.ServerListEntry.objects.filter(standing=standing, id__gt=after_id).order_by("id")
    if states:
        found = found.filter(state__in=states)
    return tuple(map(listed_row, found[:limit]))


def entries_of(actor: Actor, standing: Standing, network: Network) -> tuple[ListedRow, ...]:
    """All entries of exactly this network, those by hand first. Raises NotFound when there are none."""
    found: list[ListedRow] = []
    if actor.root:
        by_hands = models.ClientNetwork.objects.filter(standing=standing, network=str(network))
        found += [_hand_row(entry) for entry in by_hands]
        made = models.ServerListEntry.objects.filter(standing=standing, network=str(network))
        found += [listed_row(entry) for entry in made]
    if not found:
        raise NotFound(f"{standing} server", network)
    return tuple(found)


def entries_around(actor: Actor, network: Network) -> tuple[ListedRow, ...]:
    """Every entry whose network contains this one, of both lists: by hand first, the narrowest first."""
    if not actor.root:
        return ()
    wider = [str(network.supernet(new_prefix=bits)) for bits in range(network.prefixlen, -1, -1)]
    order = {text: place for place, text in enumerate(wider)}
    said = models.ClientNetwork.objects.filter(network__in=wider, standing__in=_STANDINGS)
    made = models.ServerListEntry.objects.filter(network__in=wider)
    rows = [_hand_row(entry) for entry in said] + [listed_row(entry) for entry in made]
    return tuple(sorted(rows, key=lambda row: (row.origin is not ListOrigin.HAND, order[row.network])))


def pardons(actor: Actor) -> tuple[PardonRow, ...]:
    """The networks that the steward may not ban."""
    if not actor.root:
        return ()
    return tuple(
        PardonRow(
            id=each.id,
            network=each.network,
            until_s=each.until_s,
            by=each.by,
            note=each.note,
            at_s=each.at_s,
        )
        for each in models.Pardon.objects.order_by("id")
    )


def changes(
    actor: Actor, *, after: int = 0, standing: Standing | None = None, limit: int = PAGE_ROWS
) -> tuple[ListChangeRow, ...]:
    """What came into effect or went, with numbers greater than `after`, in their order.

    Changes are made one after the other, so a reader who goes on from the last number misses none. They
    are kept for as long as reputation is; who has been away for longer begins with `in_effect`.
    """
    if not actor.root:
        return ()
    found = models.ListChange.objects.filter(id__gt=after).order_by("id")
    if standing is not None:
        found = found.filter(standing=standing)
    return tuple(
        ListChangeRow(
            number=each.id,
            at_s=each.at_s,
            network=each.network,
            standing=Standing(each.standing),
            origin=ListOrigin(each.origin),
            listed=each.listed,
            pardoned=each.pardoned,
            expires_at_s=each.expires_at_s,
            evidence=evidence_of(each.evidence),
        )
        for each in found[:limit]
    )


def last_change(actor: Actor) -> int:
    """The number of the newest change; ask it before `in_effect`, and `changes` after it."""
    newest = models.ListChange.objects.order_by("-id").values_list("id", flat=True).first()
    return int(newest or 0) if actor.root else 0


def in_effect(
    actor: Actor, standing: Standing, now_s: int, *, after_id: int = 0, limit: int = PAGE_ROWS
) -> tuple[ListedRow, ...]:
    """What the steward has put into effect and has not expired, in pages; `by_hand` is the other half."""
    if not actor.root:
        return ()
    found = models.ServerListEntry.objects.filter(
        standing=standing, state=EntryState.EFFECTIVE, expires_at_s__gt=now_s, id__gt=after_id
    )
    return tuple(map(listed_row, found.order_by("id")[:limit]))


def reputation(actor: Actor, kind: Kind, subject: str) -> ReputationRow:
    """What is remembered of one subject. Raises NotFound."""
    found = models.Reputation.objects.filter(kind=kind, subject=subject).first() if actor.root else None
    if found is None:
        raise NotFound("reputation of", subject)
    return _reputation_row(found)


def clients_of_site(actor: Actor, site: Network, limit: int = PAGE_ROWS) -> tuple[ReputationRow, ...]:
    """What is remembered of the clients of a /24 or /48, those with most against them first."""
    if not actor.root:
        return ()
    found = models.Reputation.objects.filter(site=str(site), kind=Kind.CLIENT)
    return tuple(map(_reputation_row, found.order_by("-unwanted", "subject")[:limit]))


def listed_row(entry: models.ServerListEntry) -> ListedRow:
    """An entry of the steward's as it is shown."""
    return ListedRow(
        id=entry.id,
        network=entry.network,
        standing=Standing(entry.standing),
        origin=ListOrigin(entry.origin),
        state=EntryState(entry.state),
        evidence=evidence_of(entry.evidence),
        badness=entry.badness,
        made_at_s=entry.made_at_s,
        trial_until_s=entry.trial_until_s,
        expires_at_s=entry.expires_at_s,
        cost_messages=entry.cost_messages,
        trial_unwanted=entry.trial_unwanted,
        cost_transactions=tuple(entry.cost.split()),
        peers=tuple(entry.peers.split()),
    )


def evidence_of(text: str) -> Evidence:
    """Evidence as it is stored; "" is none."""
    return msgspec.json.decode(text, type=Evidence) if text else Evidence()


_STANDINGS = (Standing.BANNED, Standing.TRUSTED)


def _hand_row(entry: models.ClientNetwork) -> ListedRow:
    return ListedRow(
        id=entry.id,
        network=entry.network,
        standing=Standing(entry.standing),
        origin=ListOrigin.HAND,
        state=EntryState.EFFECTIVE,
        note=entry.note,
        final=entry.final,
        expires_at_s=entry.expires_at_s,
    )


def _reputation_row(found: models.Reputation) -> ReputationRow:
    tally = Tally(msgspec.json.decode(found.totals), msgspec.json.decode(found.decayed), found.spread)
    return ReputationRow(
        kind=Kind(found.kind),
        subject=found.subject,
        counts=tally.counts(),
        good=found.good,
        unwanted=found.unwanted,
        badness=badness(found.good, found.unwanted),
        weight=log_odds(found.good, found.unwanted),
        first_seen_s=int(found.first_at_s),
        last_seen_s=int(found.last_at_s),
        days=found.days,
        sessions=tuple(found.sessions.split()),
    )
