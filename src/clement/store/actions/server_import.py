"""Taking a list of another program over, as entries by hand; and beforehand what speaks against it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ipaddress import ip_network

import msgspec

from clement.policy.list_parsing import Fault
from clement.policy.list_text import ListLine, server_text
from clement.policy.network import Network, Standing
from clement.policy.reputation import CLIENT_BITS, Kind, client_network
from clement.store import models
from clement.store.access import rows
from clement.store.access.actor import Actor
from clement.store.actions.change import bounded_note, directory_change, require_root
from clement.store.actions.list_change import tell_by_hand
from clement.store.reputation.tallies import network as network_value

AT_ONCE = 200
PAGE_ROWS = 5000
TRUSTED = "is trusted"
BANNED = "is banned by hand"


class Cost(msgspec.Struct, frozen=True):
    """Good mail that came from a network on the list, and how many of its clients sent some."""

    network: str
    messages: int
    clients: int


class Imported(msgspec.Struct, frozen=True):
    """How many entries were added, changed, and were there already."""

    added: int = 0
    changed: int = 0
    same: int = 0


def objections(actor: Actor, standing: Standing, lines: Sequence[ListLine]) -> list[Fault]:
    """What persons said that a list contradicts: a ban of what may relay, is trusted or our own network."""
    require_root(actor, "import server lists")
    wanted_otherwise = (
        {Standing.RELAYABLE: "may relay", Standing.TRUSTED: TRUSTED}
        if standing is Standing.BANNED
        else {Standing.BANNED: BANNED}
    )
    said = [
        (ip_network(each.network), wanted_otherwise[Standing(each.standing)])
        for each in models.ClientNetwork.objects.filter(standing__in=list(wanted_otherwise))
    ]
    if standing is Standing.BANNED:
        said += [(own, "is this machine") for own in (ip_network("127.0.0.0/8"), ip_network("::1/128"))]
    faults = []
    for line in lines:
        for other, how in said:
            if _contradicts(line.network, other, how):
                faults.append(Fault(line.line, f"{server_text(line.network)}: {server_text(other)} {how}"))
                break
    return faults


def _contradicts(network: Network, other: Network, how: str) -> bool:
    """A trusted server inside a banned network is no contradiction: the smaller network wins."""
    if network.version != other.version or not network.overlaps(other):
        return False
    return how not in (TRUSTED, BANNED) or other.prefixlen <= network.prefixlen


def import_servers(
    actor: Actor,
    standing: Standing,
    lines: Sequence[ListLine],
    *,
    progress: Callable[[int], None] = lambda _done: None,
) -> Imported:
    """Add or renew entries by hand, some hundred in one SQL transaction. Raises ActionRefused.

    What was written before a failure stays, and a repetition goes on from there.
    """
    require_root(actor, "import server lists")
    total = Imported()
    for start in range(0, len(lines), AT_ONCE):
        some = lines[start : start + AT_ONCE]
        done = _import_some(actor, standing, some)
        total = Imported(total.added + done.added, total.changed + done.changed, total.same + done.same)
        progress(len(some))
    return total


def costs(
    actor: Actor, lines: Sequence[ListLine], *, progress: Callable[[int], None] = lambda _clients: None
) -> list[Cost]:
    """Which good mail a list would cost, from what is remembered of clients; the dearest first."""
    require_root(actor, "import server lists")
    wanted = _by_place(lines)
    lengths = sorted({(network.version, network.prefixlen) for network in wanted}, reverse=True)
    found: dict[Network, tuple[int, int]] = {}
    after = ""
    while True:
        known = models.Reputation.objects.filter(kind=Kind.CLIENT, subject__gt=after).order_by("subject")
        page = list(known.values_list("subject", "totals")[:PAGE_ROWS])
        for subject, totals in page:
            accepted = msgspec.json.decode(totals, type=list[int])[0]
            client = network_value(subject)
            places = (
                client.supernet(new_prefix=bits) for version, bits in lengths if version == client.version
            )
            place = next((each for each in places if each in wanted), None) if accepted else None
            if place is not None:
                messages, clients = found.get(wanted[place], (0, 0))
                found[wanted[place]] = (messages + accepted, clients + 1)
        progress(len(page))
        if len(page) < PAGE_ROWS:
            break
        after = page[-1][0]
    dearest = sorted(found.items(), key=lambda pair: -pair[1][0])
    return [Cost(server_text(network), messages, clients) for network, (messages, clients) in dearest]


def _by_place(lines: Sequence[ListLine]) -> dict[Network, Network]:
    """The networks of a list by where clients are looked for: an IPv6 address by its /64."""
    found = {}
    for line in lines:
        wide_enough = line.network.prefixlen <= CLIENT_BITS[line.network.version]
        found[line.network if wide_enough else client_network(line.network.network_address)] = line.network
    return found


def _import_some(actor: Actor, standing: Standing, lines: Sequence[ListLine]) -> Imported:
    added = changed = same = 0
    with directory_change(actor) as change:
        texts = [str(line.network) for line in lines]
        found = models.ClientNetwork.objects.filter(network__in=texts, standing=standing)
        there = {entry.network: entry for entry in found}
        for line, text in zip(lines, texts, strict=True):
            entry = there.get(text)
            old = rows.network_row(entry) if entry is not None else None
            note, final = bounded_note(line.note), line.final and standing is Standing.BANNED
            if entry is None:
                entry = models.ClientNetwork(
                    network=text, standing=standing, note=note, final=final, expires_at_s=line.expires_at_s
                )
                added += 1
            elif (entry.expires_at_s, entry.note, entry.final) == (line.expires_at_s, note, final):
                same += 1
                continue
            else:
                entry.expires_at_s, entry.note, entry.final = line.expires_at_s, note, final
                entry.version += 1
                changed += 1
            entry.save()
            new = rows.network_row(entry)
            change.note("network.import", text, old=old, new=new)
            tell_by_hand(change, old=old, new=new)
    return Imported(added, changed, same)
