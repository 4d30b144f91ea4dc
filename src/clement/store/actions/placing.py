"""Where an address leads, asked of the tables while an action is under way.

The same question as `clement.policy.directory.Directory.route` answers for a
receiver, but with a few queries instead of the whole directory in memory. An
action refuses what the directory would call unplaceable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from clement.policy.alias_reach import ALIAS_DEPTH
from clement.store.access.actor import Actor
from clement.store.access.rows import hands_on
from clement.store.actions.change import ActionRefused
from clement.store.models import AliasTarget, Domain, Mailbox

MAX_TARGETS = 1000


def check_target(actor: Actor, field: str, address: str) -> None:
    """Refuse an address that is not hosted here, or that is another tenant's."""
    _check_hosted(actor, field, (address,))


def check_alias(actor: Actor, address: str, targets: Iterable[str]) -> None:
    """Refuse targets that `address` cannot stand for: not hosted, a loop, more than one transport.

    Aliases that lead to `address` are looked at too, since what they reach changes with it.
    """
    wanted = {address: tuple(targets)}
    _check_hosted(actor, "targets", wanted[address], besides=address)
    for start in (address, *_leading_to(address)):
        _check_reach(start, wanted)


def pointing_to(address: str) -> str:
    """The address of an alias, or the name of a domain's catch-all, that points to `address`; "" if none."""
    target = AliasTarget.objects.select_related("alias").filter(address=address).first()
    if target is not None:
        return f"the alias {target.alias.address}"
    domain = Domain.objects.filter(catch_all=address).first()
    return f"the catch-all of {domain.name}" if domain is not None else ""


def _check_hosted(actor: Actor, field: str, addresses: tuple[str, ...], besides: str = "") -> None:
    # Another tenant's domain is answered like one that is not here: nobody learns who else is hosted.
    domains = {
        name: domain for name, domain in _domains_of(addresses).items() if actor.rules_domain(domain.id)
    }
    here = [
        a for a in addresses if (domain := domains.get(_domain_part(a))) is not None and not hands_on(domain)
    ]
    known = set(Mailbox.objects.filter(address__in=here).values_list("address", flat=True))
    known.update(AliasTarget.objects.filter(alias__address__in=here).values_list("alias__address", flat=True))
    for address in addresses:
        if _domain_part(address) not in domains:
            raise ActionRefused(
                field, f"{address} is no address of your domains; mail is not forwarded to other places"
            )
        if address in here and address not in known and address != besides:
            raise ActionRefused(field, f"there is no mailbox or alias {address}")


def _leading_to(address: str) -> list[str]:
    """Aliases that reach `address`, directly or through others."""
    found: dict[str, None] = {}
    frontier = [address]
    while frontier:
        above = AliasTarget.objects.filter(address__in=frontier).values_list("alias__address", flat=True)
        frontier = [alias for alias in set(above) if alias not in found and alias != address]
        found.update(dict.fromkeys(frontier))
    return list(found)


def _check_reach(start: str, wanted: Mapping[str, tuple[str, ...]]) -> None:
    """Follow `start` level by level until only final addresses are left."""
    finals: set[str] = set()
    frontier: set[str] = {start}
    below: dict[str, tuple[str, ...]] = {}
    for _level in range(ALIAS_DEPTH + 1):
        targets = _targets_of(frontier, wanted)
        below.update(targets)
        finals |= frontier - targets.keys()
        frontier = {target for several in targets.values() for target in several} - below.keys()
        if not frontier:
            break
    else:
        raise ActionRefused("targets", f"{start} leads through more than {ALIAS_DEPTH} aliases")
    _check_no_loop(start, below)
    if len(finals) > MAX_TARGETS:
        raise ActionRefused(
            "targets", f"{start} would stand for {len(finals)} addresses; at most {MAX_TARGETS}"
        )
    _check_one_transport(start, finals)


def _targets_of(addresses: set[str], wanted: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {a: wanted[a] for a in addresses if a in wanted}
    asked = addresses - found.keys()
    rows = AliasTarget.objects.filter(alias__address__in=asked).values_list("alias__address", "address")
    for alias, target in rows:
        found[alias] = (*found.get(alias, ()), target)
    return found


def _check_no_loop(start: str, below: Mapping[str, tuple[str, ...]]) -> None:
    """Depth first; an address met again on the way to itself closes a loop."""
    done: set[str] = set()
    way: list[tuple[str, list[str]]] = [(start, list(below.get(start, ())))]
    while way:
        address, waiting = way[-1]
        if not waiting:
            done.add(address)
            way.pop()
            continue
        following = waiting.pop()
        if following in done:
            continue
        if any(following == passed for passed, _ in way):
            raise ActionRefused("targets", f"a loop: {following} would lead back to itself through {address}")
        way.append((following, list(below.get(following, ()))))


def _check_one_transport(start: str, finals: set[str]) -> None:
    domains = _domains_of(finals)
    handed_on = sorted(a for a in finals if (domain := domains.get(_domain_part(a))) and hands_on(domain))
    stored = sorted(finals.difference(handed_on))
    if len(handed_on) > 1:
        raise ActionRefused(
            "targets",
            f"{start} would be handed on for {handed_on[0]} and for {handed_on[1]}; a message"
            " gets one answer in the session, so an alias leads to mailboxes here or to one place elsewhere",
        )
    if handed_on and stored:
        raise ActionRefused(
            "targets",
            f"{start} would be stored here for {stored[0]} and handed on for {handed_on[0]}; a message"
            " gets one answer in the session, so an alias leads to one transport only",
        )


def _domains_of(addresses: Iterable[str]) -> dict[str, Domain]:
    names = {_domain_part(address) for address in addresses}
    return {domain.name: domain for domain in Domain.objects.select_related("group").filter(name__in=names)}


def _domain_part(address: str) -> str:
    return address.rpartition("@")[2]
