"""Which networks deserve to be on a list, from the counts in SQL and the rules; nothing is changed here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING

import msgspec
from django.db.models import Count

from clement.policy.list_rules import BAD_CLIENT, ListRules
from clement.policy.network import Network, Standing
from clement.policy.reputation import SITE_BITS, Kind, Tally, badness
from clement.store import models
from clement.store.list_records import Evidence
from clement.store.reputation.tallies import KEYS_AT_ONCE, network, tally_of

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

MOST_CLIENTS_OF_A_SITE = 5000
SAMPLES = 5


class Judged(msgspec.Struct, frozen=True):
    """What was found of a network. `unwanted` is the evidence against it as of now."""

    network: Network
    evidence: Evidence
    badness: float
    unwanted: float


class Client(msgspec.Struct, frozen=True):
    """A client with its counts settled to now."""

    row: models.Reputation
    tally: Tally

    @property
    def network(self) -> Network:
        """The client itself."""
        return network(self.row.subject)


class Judge:
    """Asks the counts at one moment. Used by one thread, in one round."""

    def __init__(self, rules: ListRules, now_s: float) -> None:
        self.rules = rules
        self.now_s = now_s

    @cached_property
    def spoken_of(self) -> list[tuple[Network, Standing]]:
        """What persons said of networks."""
        return [
            (network(each.network), Standing(each.standing))
            for each in models.ClientNetwork.objects.exclude(standing=Standing.NOT_RELAYABLE)
        ]

    @cached_property
    def pardons(self) -> list[tuple[Network, float]]:
        """Pardoned networks that may still be, and what spoke against each then, faded until now."""
        found = []
        for each in models.Pardon.objects.all():
            if not each.until_s or each.until_s > self.now_s:
                faded = 2.0 ** (min(0.0, each.at_s - self.now_s) / self.rules.half_life_s)
                found.append((network(each.network), each.unwanted_then * faded))
        return found

    def client(self, row: models.Reputation) -> Client:
        """A client as it stands now."""
        tally = tally_of(row)
        tally.settle(self.now_s, self.rules.half_life_s)
        return Client(row, tally)

    def clients(self, subjects: Sequence[str]) -> dict[str, Client]:
        """Clients by their networks."""
        found: dict[str, Client] = {}
        for start in range(0, len(subjects), KEYS_AT_ONCE):
            some = subjects[start : start + KEYS_AT_ONCE]
            rows = models.Reputation.objects.filter(kind=Kind.CLIENT, subject__in=some)
            found.update((row.subject, self.client(row)) for row in rows)
        return found

    def deserves_ban(self, client: Client, *, already: bool = False) -> bool:
        """Whether a client has earned a ban and nothing protects it. already: it is on the list."""
        good, unwanted = client.tally.good(), client.tally.unwanted()
        return (
            self.rules.bans_client(good, unwanted, already=already)
            and self.may_ban(client.network, unwanted)
            and not self._is_protected(client)
        )

    def may_ban(self, wanted: Network, unwanted: float) -> bool:
        """Whether neither a person's word nor a pardon stands against a ban."""
        for said, standing in self.spoken_of:
            if said.version != wanted.version:
                continue
            covers = said.supernet_of(wanted)  # type: ignore[arg-type]
            if covers or (standing in _FAVOURS and wanted.supernet_of(said)):  # type: ignore[arg-type]
                return False
        return not any(self._pardons(pardoned, then, wanted, unwanted) for pardoned, then in self.pardons)

    def _pardons(self, pardoned: Network, then: float, wanted: Network, unwanted: float) -> bool:
        """Whether a pardon stands against a ban; one of a client also against that of all its network."""
        if pardoned.version != wanted.version or not pardoned.overlaps(wanted):
            return False
        return pardoned.prefixlen > wanted.prefixlen or unwanted - then < self.rules.pardon_evidence

    def judged_client(self, client: Client) -> Judged:
        """A client with its evidence."""
        row, tally = client.row, client.tally
        evidence = Evidence(
            counts=tally.counts(),
            first_seen_s=int(row.first_at_s),
            last_seen_s=int(row.last_at_s),
            sessions=tuple(row.sessions.split()),
        )
        return Judged(client.network, evidence, badness(tally.good(), tally.unwanted()), tally.unwanted())

    def sites_to_look_at(self, clients: Iterable[Client]) -> list[str]:
        """The /24 and /48 around some clients that have enough bad clients to be worth a look."""
        sites = sorted({each.row.site for each in clients if each.tally.unwanted() >= BAD_CLIENT})
        found: list[str] = []
        for start in range(0, len(sites), KEYS_AT_ONCE):
            rows = models.Reputation.objects.filter(
                site__in=sites[start : start + KEYS_AT_ONCE], kind=Kind.CLIENT, unwanted__gte=BAD_CLIENT
            )
            counted = rows.values_list("site").annotate(clients=Count("subject"))
            found += [site for site, count in counted if count >= self.rules.site_clients]
        return found

    def judged_site(self, site: str, *, already: bool = False) -> Judged | None:
        """A /24 or /48 with its evidence, where all of it has earned a ban. already: it is on the list."""
        clients = self._clients_of(site)
        amounts = [(each.tally.good(), each.tally.unwanted()) for each in clients]
        if not amounts or not self.rules.bans_site(amounts, already=already):
            return None
        good = math.fsum(each for each, _ in amounts)
        unwanted = math.fsum(each for _, each in amounts)
        if not self.may_ban(network(site), unwanted):
            return None
        worst = sorted(clients, key=lambda each: -each.tally.unwanted())
        evidence = Evidence(
            counts=_added(each.tally.counts() for each in clients),
            first_seen_s=int(min(each.row.first_at_s for each in clients)),
            last_seen_s=int(max(each.row.last_at_s for each in clients)),
            sessions=tuple(each.row.sessions.split()[-1] for each in worst if each.row.sessions)[:SAMPLES],
        )
        return Judged(network(site), evidence, badness(good, unwanted), unwanted)

    def goodness(self, wanted: Network) -> float:
        """The good evidence of a client, or of all clients of a /24 or /48."""
        if wanted.prefixlen <= SITE_BITS[wanted.version]:
            return math.fsum(each.tally.good() for each in self._clients_of(str(wanted)))
        return math.fsum(each.tally.good() for each in self.clients([str(wanted)]).values())

    def _clients_of(self, site: str) -> list[Client]:
        rows = models.Reputation.objects.filter(site=site, kind=Kind.CLIENT).order_by("-unwanted")
        return [self.client(row) for row in rows[:MOST_CLIENTS_OF_A_SITE]]

    def _is_protected(self, client: Client) -> bool:
        """Whether its house sends good mail: neighbours that greet under the same domain, or who vouches."""
        house = house_of(client.row.hello)
        if house:
            neighbours = [
                each.tally
                for each in self._clients_of(client.row.site)
                if each.row.subject != client.row.subject and house_of(each.row.hello) == house
            ]
            good = math.fsum(each.good() for each in neighbours)
            if self.rules.protects(good, math.fsum(each.unwanted() for each in neighbours)):
                return True
        return bool(client.row.vouching) and client.tally.good() >= 1 and self._vouches(client.row.vouching)

    def _vouches(self, domain: str) -> bool:
        row = models.Reputation.objects.filter(kind=Kind.DOMAIN, subject=domain).first()
        if row is None:
            return False
        tally = self.client(row).tally
        return self.rules.protects(tally.good(), tally.unwanted())


_FAVOURS = frozenset({Standing.TRUSTED, Standing.RELAYABLE})


def _added(several: Iterable[dict[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for counts in several:
        for cause, count in counts.items():
            total[cause] = total.get(cause, 0) + count
    return total


@cache
def _suffixes() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList  # noqa: PLC0415 - its list is large, and only stewards need it

    return PublicSuffixList()


def house_of(hello: str) -> str:
    """The registered domain of a HELO name, "" where it has none."""
    return (_suffixes().privatesuffix(hello) or "") if hello else ""
