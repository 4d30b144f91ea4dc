"""Adding, changing and removing client networks; root's business only."""

from __future__ import annotations

from ipaddress import ip_network

import msgspec
from msgspec import UNSET, UnsetType

from clement.policy.network import RELAYING, REPUTATION, Network, Standing
from clement.store import models, names
from clement.store.access import rows, visible
from clement.store.access.actor import Actor
from clement.store.actions.change import (
    ActionRefused,
    Change,
    bounded_note,
    check_version,
    checked,
    directory_change,
    require_root,
)
from clement.store.actions.list_change import tell_by_hand
from clement.store.records import NetworkRow, Noted


class NetworkChange(msgspec.Struct, frozen=True, kw_only=True):
    """What is to change; a field left UNSET stays as it is."""

    standing: Standing | UnsetType = UNSET
    final: bool | UnsetType = UNSET
    expires_at_s: int | UnsetType = UNSET
    note: str | UnsetType = UNSET


def add_network(
    actor: Actor,
    network: str,
    standing: Standing,
    *,
    final: bool = False,
    expires_at_s: int = 0,
    note: str = "",
) -> Noted:
    """Say something of a range of client addresses, IPv4 or IPv6.

    The notes tell which wider and narrower entries it stands beside; the longest prefix wins. It takes the
    place of those of the same network that have ended.
    Raises ActionRefused.
    """
    require_root(actor, "change client networks")
    with directory_change(actor) as change:
        wanted = checked("network", names.network, network)
        _check_is_sane(wanted, standing)
        _make_room(change, wanted, standing)
        entry = models.ClientNetwork(
            network=str(wanted),
            standing=standing,
            final=_final(standing, final=final),
            expires_at_s=expires_at_s,
            note=bounded_note(note),
        )
        notes = _notes(wanted, standing, change.at_s)
        entry.save(force_insert=True)
        change.note("network.add", entry.network, new=rows.network_row(entry))
        tell_by_hand(change, new=rows.network_row(entry))
        return Noted(id=entry.id, notes=notes)


def change_network(
    actor: Actor, network_id: int, wanted: NetworkChange, *, version: int | None = None
) -> NetworkRow:
    """Change an entry. Raises NotFound, ActionRefused."""
    require_root(actor, "change client networks")
    with directory_change(actor) as change:
        entry = visible.one_network(actor, network_id)
        check_version(version, entry.version)
        old = rows.network_row(entry)
        if wanted.standing is not UNSET and wanted.standing != entry.standing:
            _check_is_sane(ip_network(old.network), wanted.standing)
            _make_room(change, ip_network(old.network), wanted.standing, besides=entry.id)
            entry.standing = wanted.standing
        if wanted.final is not UNSET:
            entry.final = wanted.final
        entry.final = _final(Standing(entry.standing), final=entry.final)
        if wanted.expires_at_s is not UNSET:
            entry.expires_at_s = wanted.expires_at_s
        if wanted.note is not UNSET:
            entry.note = bounded_note(wanted.note)
        entry.version += 1
        entry.save()
        new = rows.network_row(entry)
        change.note("network.change", entry.network, old=old, new=new)
        tell_by_hand(change, old=old, new=new)
        return new


def remove_network(actor: Actor, network_id: int) -> None:
    """Remove an entry. Raises NotFound, ActionRefused."""
    require_root(actor, "change client networks")
    with directory_change(actor) as change:
        entry = visible.one_network(actor, network_id)
        change.note("network.remove", entry.network, old=rows.network_row(entry))
        tell_by_hand(change, old=rows.network_row(entry))
        entry.delete()


def _question(standing: Standing) -> frozenset[Standing]:
    """Relaying or reputation: the standings that answer the same question."""
    return RELAYING if standing in RELAYING else REPUTATION


def _make_room(change: Change, network: Network, standing: Standing, besides: int = 0) -> None:
    """Remove entries of this network that have ended; refuse when one is in force. besides: an entry's id."""
    taken = models.ClientNetwork.objects.filter(network=str(network), standing__in=_question(standing))
    for other in taken.exclude(id=besides):
        if not 0 < other.expires_at_s <= change.at_s:
            raise ActionRefused(
                "network", f"{network} is {other.standing} already (entry {other.id}); change that one"
            )
        # Those who follow the lists know when it ended, and are told nothing more of it.
        change.note("network.remove", other.network, old=rows.network_row(other))
        other.delete()


def _check_is_sane(network: Network, standing: Standing) -> None:
    if network.prefixlen == 0 and standing in (Standing.RELAYABLE, Standing.BANNED):
        raise ActionRefused("network", f"{network} is everybody; nobody may be {standing} by that")


def _final(standing: Standing, *, final: bool) -> bool:
    if final and standing is not Standing.BANNED:
        raise ActionRefused("final", "only a ban can be final")
    return final


def _notes(network: Network, standing: Standing, now_s: float) -> tuple[str, ...]:
    """The nearest wider entry and how many narrower ones answer the same question, of those in force."""
    wider: list[tuple[int, models.ClientNetwork]] = []
    narrower = 0
    same_question = models.ClientNetwork.objects.filter(standing__in=_question(standing))
    for entry in same_question.exclude(expires_at_s__gt=0, expires_at_s__lte=now_s):
        other = ip_network(entry.network)
        if contains(other, network):
            wider.append((other.prefixlen, entry))
        elif contains(network, other):
            narrower += 1
    notes = []
    if wider:
        nearest = max(wider, key=lambda pair: pair[0])[1]
        notes.append(
            f"lies inside {nearest.network} ({nearest.standing}, entry {nearest.id}) and wins over it"
        )
    if narrower:
        notes.append(f"{narrower} narrower entries inside it keep winning over it")
    return tuple(notes)


def contains(wide: Network, narrow: Network) -> bool:
    """Whether all of one network lies in another; never across IP versions."""
    if wide.version != narrow.version or narrow.prefixlen < wide.prefixlen:
        return False
    return narrow.network_address in wide
