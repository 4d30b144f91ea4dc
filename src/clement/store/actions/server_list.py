"""What persons and peers do to the banned and trusted server lists; root's business, corrections aside.

By hand, a server is listed as a client network (`actions.network`), and that wins
over whatever the steward concludes. To take back what the steward concluded is a
pardon: it keeps him from banning again until it ends, or until much more has come
to speak against the network.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from clement.policy.network import ListOrigin, Network, Standing
from clement.policy.reputation import SITE_BITS, client_network
from clement.store import models, names
from clement.store.access.actor import Actor, NotFound
from clement.store.access.log import transaction as transaction_seen
from clement.store.access.server_list import listed_row
from clement.store.actions.change import (
    SITE,
    ActionRefused,
    Change,
    bounded_note,
    checked,
    directory_change,
    require_root,
)
from clement.store.actions.list_change import tell
from clement.store.actions.network import remove_network
from clement.store.list_records import EntryState, ForeignAssertion, ListChangeRow, PardonRow
from clement.store.reputation import queue

LIST_CHANGE = "change the server lists"
MOST_EVIDENCE_CHARS = 4000


def pardon(actor: Actor, network: str, *, until_s: int = 0, note: str = "") -> int:
    """Take back what the steward concluded against a network and anything inside it; returns a number.

    until_s: Unix seconds, 0 for ever. A second pardon of the same network takes the place of the first.
    Raises ActionRefused.
    """
    require_root(actor, LIST_CHANGE)
    with directory_change(actor) as change:
        return _pardon(change, checked("network", names.network, network), until_s, bounded_note(note))


def withdraw_pardon(actor: Actor, network: str) -> None:
    """Let the steward judge a network again. Raises NotFound, ActionRefused."""
    require_root(actor, LIST_CHANGE)
    with directory_change(actor) as change:
        wanted = checked("network", names.network, network)
        found = models.Pardon.objects.filter(network=str(wanted)).first()
        if found is None:
            raise NotFound("pardon of", wanted)
        change.note("pardon.remove", found.network, old=_pardon_row(found))
        found.delete()


def unlist(
    actor: Actor, network: str, standing: Standing, *, until_s: int = 0, note: str = ""
) -> tuple[ListOrigin, ...]:
    """Take a network from a list, whoever put it there; returns who had.

    Banned by the steward, it is pardoned until `until_s` (0: for ever); trusted by him, it is not trusted
    again before its entry is forgotten. Raises NotFound, ActionRefused.
    """
    require_root(actor, LIST_CHANGE)
    wanted = checked("network", names.network, network)
    origins: list[ListOrigin] = []
    by_hand = models.ClientNetwork.objects.filter(network=str(wanted), standing=standing).first()
    if by_hand is not None:
        remove_network(actor, by_hand.id)
        origins.append(ListOrigin.HAND)
    made = models.ServerListEntry.objects.filter(network=str(wanted), standing=standing)
    entry = made.exclude(state__in=(EntryState.PARDONED, EntryState.ENDED)).first()
    if entry is not None:
        origins.append(ListOrigin(entry.origin))
        with directory_change(actor) as change:
            if standing is Standing.BANNED:
                _pardon(change, wanted, until_s, bounded_note(note))
            else:
                _end(change, entry, EntryState.PARDONED)
    if not origins:
        raise NotFound(f"{standing} server", wanted)
    return tuple(origins)


def assert_foreign(actor: Actor, assertions: Sequence[ForeignAssertion], now_s: int) -> int:
    """Note what peers of the mesh say; the next round of the steward weighs it. Returns how many were kept.

    What is refused is left out: what has expired, is worth nothing, or speaks of more than a /24 or /48.
    Takes effect by no other way than a trial, so nothing of it is in the audit log before. Raises
    ActionRefused, StoreUnavailable.
    """
    require_root(actor, "hand on what peers say")
    kept = 0
    with directory_change(actor):
        for said in assertions:
            network = checked("network", names.network, said.network)
            if said.expires_at_s <= now_s or not _is_worth(said) or too_wide(network):
                continue
            models.ForeignAssertion.objects.update_or_create(
                peer=said.peer[:255],
                network=str(network),
                standing=said.standing,
                defaults={
                    "evidence": _bounded_evidence(said),
                    "worth": said.worth,
                    "at_s": now_s,
                    "expires_at_s": said.expires_at_s,
                },
            )
            kept += 1
    return kept


def withdraw_foreign(
    actor: Actor, peer: str, networks: Sequence[str] | None = None, standing: Standing = Standing.BANNED
) -> int:
    """A peer no longer says it: of these networks, or (None) of any. Returns how many were forgotten."""
    require_root(actor, "hand on what peers say")
    with directory_change(actor):
        found = models.ForeignAssertion.objects.filter(peer=peer[:255], standing=standing)
        if networks is not None:
            found = found.filter(
                network__in=[str(checked("network", names.network, one)) for one in networks]
            )
        return found.delete()[0]


def correct(actor: Actor, transaction_id: str, *, wanted: bool) -> bool:
    """Say of a transaction that its mail was wanted or not; False when that was known already.

    Whoever may see a recipient of it may say so; the newest word stands. Raises NotFound.
    """
    seen = transaction_seen(actor, transaction_id)
    with directory_change(actor) as change:
        known = models.Correction.objects.filter(transaction_key=transaction_id).first()
        if known is not None and known.wanted == wanted:
            return False
        if known is not None:
            queue.put_correction(transaction_id, wanted=known.wanted, count=-1)
        queue.put_correction(transaction_id, wanted=wanted, count=1)
        models.Correction.objects.update_or_create(
            transaction_key=transaction_id,
            defaults={"wanted": wanted, "by": actor.name[:320], "at_s": change.at_s},
        )
        change.note("mail.wanted" if wanted else "mail.unwanted", seen.id, SITE)
        return True


def too_wide(network: Network) -> bool:
    """Whether a network is wider than what anybody but a person may list."""
    return network.prefixlen < SITE_BITS[network.version]


def _pardon(change: Change, network: Network, until_s: int, note: str) -> int:
    old = models.Pardon.objects.filter(network=str(network)).first()
    entry, _made = models.Pardon.objects.update_or_create(
        network=str(network),
        defaults={
            "until_s": until_s,
            "by": change.actor.name[:320],
            "note": note,
            "at_s": int(change.at_s),
            "unwanted_then": _against(network),
        },
    )
    change.note(
        "pardon.add",
        entry.network,
        old=_pardon_row(old) if old is not None else None,
        new=_pardon_row(entry),
    )
    for banned in models.ServerListEntry.objects.filter(standing=Standing.BANNED).filter(
        state__in=(EntryState.TRIAL, EntryState.EFFECTIVE, EntryState.DROPPED)
    ):
        inside = checked("network", names.network, banned.network)
        if inside.version == network.version and inside.subnet_of(network):  # type: ignore[arg-type]
            _end(change, banned, EntryState.PARDONED)
    return entry.id


def _end(change: Change, entry: models.ServerListEntry, state: EntryState) -> None:
    old = listed_row(entry)
    was_effective = entry.state == EntryState.EFFECTIVE
    entry.state = state
    entry.save()
    change.note(f"server.{state.value}", entry.network, old=old, new=listed_row(entry))
    if was_effective:
        tell(
            change,
            ListChangeRow(
                network=entry.network,
                standing=Standing(entry.standing),
                origin=ListOrigin(entry.origin),
                listed=False,
                pardoned=state is EntryState.PARDONED,
            ),
        )


def _against(network: Network) -> float:
    """The evidence that speaks against a network now."""
    site = client_network(network.network_address)
    known = models.Reputation.objects.filter(kind="client")
    if network.prefixlen >= site.prefixlen:
        known = known.filter(subject=str(site))
    else:
        known = known.filter(site=str(network))
    return math.fsum(known.values_list("unwanted", flat=True))


def _is_worth(said: ForeignAssertion) -> bool:
    return math.isfinite(said.worth) and said.worth > 0 and bool(said.peer)


def _bounded_evidence(said: ForeignAssertion) -> str:
    text = msgspec.json.encode(said.evidence).decode()
    if len(text) > MOST_EVIDENCE_CHARS:
        raise ActionRefused("evidence", f"evidence has at most {MOST_EVIDENCE_CHARS} characters")
    return text


def _pardon_row(entry: models.Pardon) -> PardonRow:
    return PardonRow(
        id=entry.id,
        network=entry.network,
        until_s=entry.until_s,
        by=entry.by,
        note=entry.note,
        at_s=entry.at_s,
    )
