"""The steward's rounds: from counts to entries of the banned and trusted lists, and to their end.

    counts ──► TRIAL ──► EFFECTIVE ──► ENDED        trust: counts ──► EFFECTIVE ──► ENDED
                 └─► DROPPED (it would have cost good mail)

Each step is a small action of its own: a kill loses nothing and repeats nothing,
because what was judged is marked in the transaction that acts on it. Only what
comes into effect or goes changes the directory; each such step is audited as one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager

import msgspec
from django.db.models import F, Sum

from clement.policy.list_rules import ListRules
from clement.policy.network import ListOrigin, Standing
from clement.policy.reputation import Kind
from clement.store import models
from clement.store.access.actor import Actor
from clement.store.access.server_list import evidence_of
from clement.store.actions.change import Change, directory_change
from clement.store.actions.list_change import tell
from clement.store.list_records import EntryState, ListChangeRow
from clement.store.models.version import ONLY_ROW
from clement.store.reputation.judging import Client, Judge, Judged
from clement.store.reputation.tallies import network

PAGE_ROWS = 500
STEWARD = Actor(name="(steward)", root=True)
VETO = 5.0
"""Good evidence of our own from which on peers' word against a network counts for nothing."""

OPEN = (EntryState.TRIAL, EntryState.EFFECTIVE)
RESTS = 2
"""For how many times the length of a ban one that was dropped is not tried again."""


class Concluded(msgspec.Struct, frozen=True):
    """What one round changed, as counts by what happened: `banned trial`, `trusted effective`..."""

    steps: dict[str, int] = {}


def conclude(
    rules: ListRules,
    now_s: float,
    stop: Callable[[], bool] = lambda: False,
    progress: Callable[[int], None] = lambda _networks: None,
) -> Concluded:
    """Draw conclusions from what was counted since the last round, and look after every entry.

    Ends between steps when `stop` says so; the next round goes on from there. Raises StoreUnavailable, and
    django.db.Error when SQL cannot be asked.
    """
    steps: Counter[str] = Counter()
    round_ = _Round(Judge(rules, now_s), steps)
    while not stop() and (done := round_.judge_clients()):
        progress(done)
    if not stop():
        round_.weigh_assertions()
    after_id = 0
    while not stop():
        after_id, done = round_.review(after_id)
        progress(done)
        if not done:
            break
    return Concluded(dict(steps))


def refresh_weights() -> None:
    """Let receivers read the directory anew, with what reputation has become meanwhile."""
    models.DirectoryVersion.objects.filter(pk=ONLY_ROW).update(number=F("number") + 1)


class _Round:
    """One round, at one moment."""

    def __init__(self, judge: Judge, steps: Counter[str]) -> None:
        self._judge = judge
        self._rules = judge.rules
        self._now_s = int(judge.now_s)
        self._steps = steps

    def _step(self) -> AbstractContextManager[Change]:
        return directory_change(STEWARD, lambda: self._judge.now_s)

    # --- From counts to entries ------------------------------------------------------------------------

    def judge_clients(self) -> int:
        """Judge a page of the clients that were counted since; returns how many."""
        with self._step() as change:
            page = list(models.Reputation.objects.filter(unjudged=True, kind=Kind.CLIENT)[:PAGE_ROWS])
            clients = [self._judge.client(row) for row in page]
            for site in self._judge.sites_to_look_at(clients):
                judged = self._judge.judged_site(site)
                if judged is not None:
                    self._propose_ban(judged, ListOrigin.HISTORY)
            for client in clients:
                self._judge_client(change, client)
            subjects = [row.subject for row in page]
            models.Reputation.objects.filter(kind=Kind.CLIENT, subject__in=subjects).update(unjudged=False)
            return len(page)

    def _judge_client(self, change: Change, client: Client) -> None:
        row = client.row
        if self._rules.trusts(client.tally, row.first_at_s, row.days, self._now_s):
            self._propose_trust(change, self._judge.judged_client(client))
        elif self._judge.deserves_ban(client):
            self._propose_ban(self._judge.judged_client(client), ListOrigin.HISTORY)

    def weigh_assertions(self) -> None:
        """Put on trial what enough peers say, where nothing here speaks against it."""
        with self._step():
            valid = models.ForeignAssertion.objects.filter(
                standing=Standing.BANNED, expires_at_s__gt=self._now_s
            )
            weighed = valid.values_list("network").annotate(total=Sum("worth"))
            for text, _total in weighed.filter(total__gte=1 - 1e-9):
                if self._stands_alone(text):
                    self._propose_ban(self._asserted(text), ListOrigin.MESH)

    def _stands_alone(self, text: str) -> bool:
        """Whether a network that peers speak of is not listed already, nor protected here."""
        wanted = network(text)
        known = models.ServerListEntry.objects.filter(network=text, standing=Standing.BANNED)
        if known.filter(state__in=OPEN).exists():
            return False
        return self._judge.may_ban(wanted, 0) and self._judge.goodness(wanted) < VETO

    def _asserted(self, text: str) -> Judged:
        found = models.ForeignAssertion.objects.filter(network=text, standing=Standing.BANNED)
        told = [evidence_of(each.evidence) for each in found.filter(expires_at_s__gt=self._now_s)]
        # Peers may have counted the same flood; the one that saw most of it speaks.
        most = max(told, key=lambda each: sum(each.counts.values()))
        return Judged(network(text), msgspec.structs.replace(most, sessions=()), 0.0, 0.0)

    def _propose_ban(self, judged: Judged, origin: ListOrigin) -> None:
        """Begin a trial, unless the network is on the list or was dropped lately."""
        entry = self._entry(judged, Standing.BANNED, origin)
        if entry.state in OPEN or (entry.state == EntryState.DROPPED and entry.expires_at_s > self._now_s):
            entry.save()
            return
        entry.origin = origin
        entry.state = EntryState.TRIAL
        entry.made_at_s = self._now_s
        entry.trial_until_s = entry.expires_at_s = self._now_s + int(self._rules.trial_s)
        entry.cost_messages, entry.trial_unwanted, entry.cost = 0, 0, ""
        entry.save()
        self._count(entry)

    def _propose_trust(self, change: Change, judged: Judged) -> None:
        if any(
            said.version == judged.network.version and judged.network.overlaps(said)
            for said, _standing in self._judge.spoken_of
        ):
            return
        entry = self._entry(judged, Standing.TRUSTED, ListOrigin.HISTORY)
        if entry.state in OPEN:
            entry.save()
            return
        if entry.state != EntryState.PARDONED:
            entry.made_at_s = self._now_s
            self._take_effect(change, entry, self._rules.trust_s)

    def _entry(self, judged: Judged, standing: Standing, origin: ListOrigin) -> models.ServerListEntry:
        """The entry of a network with its newest evidence; of one that is new, the state is ENDED."""
        text = str(judged.network)
        entry = models.ServerListEntry.objects.filter(network=text, standing=standing).first()
        if entry is None:
            entry = models.ServerListEntry(
                network=text, standing=standing, origin=origin, state=EntryState.ENDED, made_at_s=self._now_s
            )
        entry.evidence = msgspec.json.encode(judged.evidence).decode()
        entry.badness = judged.badness
        if origin is ListOrigin.MESH:
            said = models.ForeignAssertion.objects.filter(network=text, standing=standing)
            entry.peers = " ".join(said.order_by("peer").values_list("peer", flat=True))[:500]
        return entry

    # --- From entry to entry's end ---------------------------------------------------------------------

    def review(self, after_id: int) -> tuple[int, int]:
        """Look after a page of entries; returns the last id and how many there were."""
        with self._step() as change:
            found = models.ServerListEntry.objects.filter(id__gt=after_id, state__in=OPEN)
            page = list(found.order_by("id")[:PAGE_ROWS])
            clients = self._judge.clients([entry.network for entry in page])
            for entry in page:
                self._review_one(change, entry, clients.get(entry.network))
            return (page[-1].id if page else after_id), len(page)

    def _review_one(self, change: Change, entry: models.ServerListEntry, client: Client | None) -> None:
        if entry.standing == Standing.TRUSTED:
            self._review_trust(change, entry, client)
        elif entry.state == EntryState.TRIAL:
            self._review_trial(change, entry, client)
        else:
            self._review_ban(change, entry, client)

    def _review_trial(self, change: Change, entry: models.ServerListEntry, client: Client | None) -> None:
        if self._rules.costs_too_much(entry.cost_messages, entry.trial_unwanted):
            entry.state = EntryState.DROPPED
            entry.expires_at_s = self._now_s + RESTS * self._rules.ban_s
            entry.save()
            self._count(entry)
        elif entry.trial_until_s <= self._now_s:
            if self._still_earned(entry, client):
                self._take_effect(change, entry, self._rules.ban_s)
            else:
                self._end(change, entry)

    def _still_earned(self, entry: models.ServerListEntry, client: Client | None) -> bool:
        """Whether what began a trial still holds, against every word of a person or good mail since."""
        wanted = network(entry.network)
        if entry.origin == ListOrigin.MESH:
            return (
                self._peers_insist(entry.network)
                and self._judge.may_ban(wanted, 0)
                and (self._judge.goodness(wanted) < VETO)
            )
        if client is not None:
            return self._judge.deserves_ban(client, already=True)
        return self._judge.judged_site(entry.network, already=True) is not None

    def _peers_insist(self, text: str) -> bool:
        return self._claims_hold_until_s(text) > self._now_s

    def _claims_hold_until_s(self, text: str) -> int:
        """Until when what peers say makes a quorum, if they say no more; 0 when it makes none."""
        said = models.ForeignAssertion.objects.filter(network=text, standing=Standing.BANNED)
        total = 0.0
        for expires_at_s, worth in said.order_by("-expires_at_s").values_list("expires_at_s", "worth"):
            total += worth
            if total >= 1 - 1e-9:
                return int(expires_at_s)
        return 0

    def _review_ban(self, change: Change, entry: models.ServerListEntry, client: Client | None) -> None:
        """End a ban whose time is over or that a person spoke against; renew one that is still earned."""
        left_s = entry.expires_at_s - self._now_s
        amount = client.tally.unwanted() if client is not None else 0.0
        if left_s <= 0 or not self._may_go_on(entry, amount):
            self._end(change, entry)
        elif left_s < self._rules.ban_s / 2 and self._renews(entry, client):
            self._take_effect(change, entry, self._rules.ban_s)

    def _may_go_on(self, entry: models.ServerListEntry, unwanted: float) -> bool:
        if entry.origin == ListOrigin.MESH and not self._peers_insist(entry.network):
            return False
        return self._judge.may_ban(network(entry.network), max(unwanted, 0.0))

    def _renews(self, entry: models.ServerListEntry, client: Client | None) -> bool:
        """Whether a ban is still being knocked at by somebody who has earned it."""
        since_s = entry.expires_at_s - self._rules.ban_s
        if client is not None:
            good, unwanted = client.tally.good(), client.tally.unwanted()
            return client.row.last_at_s > since_s and self._rules.bans_client(good, unwanted, already=True)
        if entry.origin == ListOrigin.MESH:
            return self._claims_hold_until_s(entry.network) > entry.expires_at_s
        judged = self._judge.judged_site(entry.network, already=True)
        return judged is not None and judged.evidence.last_seen_s > since_s

    def _review_trust(self, change: Change, entry: models.ServerListEntry, client: Client | None) -> None:
        left_s = entry.expires_at_s - self._now_s
        if client is None or left_s <= 0 or not self._rules.keeps_trust(client.tally):
            self._end(change, entry)
        elif left_s < self._rules.trust_s / 2 and self._rules.trusts(
            client.tally, client.row.first_at_s, client.row.days, self._now_s
        ):
            self._take_effect(change, entry, self._rules.trust_s)

    # --- What changes the directory --------------------------------------------------------------------

    def _take_effect(self, change: Change, entry: models.ServerListEntry, for_s: float) -> None:
        entry.state = EntryState.EFFECTIVE
        entry.expires_at_s = self._now_s + int(for_s)
        if entry.origin == ListOrigin.MESH:
            # Receivers go by this date also while no steward runs: no ban outlives those who asked for it.
            entry.expires_at_s = min(entry.expires_at_s, self._claims_hold_until_s(entry.network))
        entry.save()
        self._tell(change, entry, listed=True)

    def _end(self, change: Change, entry: models.ServerListEntry) -> None:
        was_effective = entry.state == EntryState.EFFECTIVE
        entry.state = EntryState.ENDED
        entry.save()
        if was_effective:
            self._tell(change, entry, listed=False)
        else:
            self._count(entry)

    def _tell(self, change: Change, entry: models.ServerListEntry, *, listed: bool) -> None:
        self._count(entry)
        told = ListChangeRow(
            network=entry.network,
            standing=Standing(entry.standing),
            origin=ListOrigin(entry.origin),
            listed=listed,
            expires_at_s=entry.expires_at_s if listed else 0,
            evidence=evidence_of(entry.evidence),
        )
        tell(change, told)
        change.note(f"server.{entry.standing}" if listed else "server.ended", entry.network, new=told)

    def _count(self, entry: models.ServerListEntry) -> None:
        self._steps[f"{Standing(entry.standing).value} {EntryState(entry.state).value}"] += 1
