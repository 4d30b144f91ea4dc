"""Counting what waits in the queue: each batch in one SQL transaction, from the queue to the counts.

Whatever ends the steward, a batch is counted and gone from the queue, or neither.
Rows of the log are found by their ids; nothing is ever searched for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from django.db import connection, transaction

from clement.policy.network import Standing
from clement.policy.reputation import UNWANTED, Cause, Kind, site_network
from clement.store import models
from clement.store.list_records import EntryState
from clement.store.log_ids import session_of, transactions_of
from clement.store.models.version import ONLY_ROW
from clement.store.reputation import tallies
from clement.store.reputation.queue import CorrectionDelta, Uncounted
from clement.store.reputation.seen import Seen, SessionSeen, TransactionSeen, client_of

QUEUE_ROWS = 100
SESSIONS_AT_ONCE = 500
KEYS_AT_ONCE = 400
COST_SAMPLES = 5

_UNCOUNTED = msgspec.json.Decoder(Uncounted)


def count_waiting(
    half_life_s: float,
    stop: Callable[[], bool] = lambda: False,
    progress: Callable[[int], None] = lambda _sessions: None,
) -> int:
    """Count everything that waits, batch by batch; returns how many sessions it was.

    Between batches it ends when `stop` says so; the next call goes on from there. Several stewards that
    share a database take turns. Raises django.db.Error when SQL cannot be asked.
    """
    total = 0
    while not stop():
        rows, sessions = _count_some(half_life_s)
        total += sessions
        progress(sessions)
        if not rows:
            break
    return total


def waiting() -> int:
    """How many batches of the log wait to be counted."""
    return models.ReputationQueue.objects.count()


def _count_some(half_life_s: float) -> tuple[int, int]:
    """Count a batch; returns the number of queue rows and of sessions."""
    with transaction.atomic():
        models.DirectoryVersion.objects.select_for_update().get(pk=ONLY_ROW)
        taken = _take()
        if not taken:
            return 0, 0
        items = [_UNCOUNTED.decode(text) for _id, text in taken]
        seen = Seen()
        sessions = [session_id for item in items for session_id in item.sessions]
        own = _own_networks()
        for start in range(0, len(sessions), SESSIONS_AT_ONCE):
            _gather(seen, sessions[start : start + SESSIONS_AT_ONCE], own)
        for item in items:
            for run in item.runs:
                if not _is_own(run.client_address, own):
                    seen.run(run.client_address, run.reason, run.count, run.last_at_s, run.first_session_id)
        _gather_corrections(seen, [each for item in items for each in item.corrections])
        tallies.store(seen, half_life_s)
        _note_costs(seen)
        models.ReputationQueue.objects.filter(id__in=[row_id for row_id, _text in taken]).delete()
        return len(taken), len(sessions) + sum(run.count for item in items for run in item.runs)


def _take() -> list[tuple[int, str]]:
    """The oldest rows of the queue, together not much more than a batch of sessions."""
    rows = list(models.ReputationQueue.objects.order_by("id").values_list("id", "items")[:QUEUE_ROWS])
    taken, length = [], 0
    for row in rows:
        taken.append(row)
        length += len(row[1])
        if length > SESSIONS_AT_ONCE * 23:  # an id, its quotes and a comma
            break
    return taken


def _own_networks() -> list[models.ClientNetwork]:
    return list(models.ClientNetwork.objects.filter(standing=Standing.RELAYABLE))


def _is_own(text: str, own: Sequence[models.ClientNetwork]) -> bool:
    """Whether a client may relay by its address: one of ours, whose deeds are not a stranger's."""
    client = client_of(text)
    if client is None:
        return True
    networks = (tallies.network(each.network) for each in own)
    return any(each.version == client.version and client.network_address in each for each in networks)


def _gather(seen: Seen, ids: Sequence[str], own: Sequence[models.ClientNetwork]) -> None:
    """Count sessions with their transactions."""
    sessions = list(_sessions(ids, own))
    wanted = [one for each in sessions for one in transactions_of(each.id, each.transaction_count)]
    transactions = _transactions(wanted)
    for each in sessions:
        seen.session(each, transactions.get(each.id, ()))


def _sessions(ids: Sequence[str], own: Sequence[models.ClientNetwork]) -> Iterator[SessionSeen]:
    """The strangers' sessions among these."""
    columns = "id, client_address, outcome, reason, hello, started_at_s, transaction_count, person_key, login"
    for row in _rows(f"SELECT {columns} FROM clement_session WHERE id", ids):  # noqa: S608 - constants
        if row[7] or row[8] or _is_own(row[1], own):
            continue
        yield SessionSeen(row[0], client_of(row[1]), row[2], row[3], row[4], row[5], row[6])


def _transactions(ids: Sequence[str]) -> Mapping[str, list[TransactionSeen]]:
    """Transactions with their recipients, by session."""
    recipients: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    columns = "transaction_key, outcome, reason, address"
    for row in _rows(f"SELECT {columns} FROM clement_recipient WHERE transaction_key", ids):  # noqa: S608
        recipients[row[0]].append((row[1], row[2], row[3]))
    found: dict[str, list[TransactionSeen]] = defaultdict(list)
    columns = "id, at_s, outcome, authenticated_domains"
    for row in _rows(f"SELECT {columns} FROM clement_transaction WHERE id", ids):  # noqa: S608
        domains = tuple(row[3].lower().split())
        found[session_of(row[0])].append(
            TransactionSeen(row[0], row[1], row[2], domains, tuple(recipients[row[0]]))
        )
    return found


def _gather_corrections(seen: Seen, corrections: Sequence[CorrectionDelta]) -> None:
    """Count what persons said of messages that the log still knows."""
    for each in corrections:
        session_id = session_of(each.transaction_id)
        messages = _transactions([each.transaction_id]).get(session_id)
        clients = list(_rows("SELECT client_address FROM clement_session WHERE id", [session_id]))
        if messages and clients:
            cause = Cause.RESTORED if each.wanted else Cause.COMPLAINT
            seen.correction(client_of(clients[0][0]), messages[0], cause, each.count)


def _note_costs(seen: Seen) -> None:
    """Note at bans on trial which good mail they would have cost, and how much unwanted came meanwhile."""
    good: dict[str, list[str]] = defaultdict(list)
    unwanted: dict[str, int] = defaultdict(int)
    for client, transaction_id in seen.accepted:
        good[str(client)].append(transaction_id)
        good[str(site_network(client))].append(transaction_id)
    for (kind, subject), deeds in seen.deeds.items():
        events = sum(count for cause, count, _at_s in deeds.events if cause in UNWANTED)
        if kind is Kind.CLIENT and events:
            unwanted[subject] += events
            unwanted[str(site_network(tallies.network(subject)))] += events
    networks = list({*good, *unwanted})
    for start in range(0, len(networks), KEYS_AT_ONCE):
        some = networks[start : start + KEYS_AT_ONCE]
        on_trial = models.ServerListEntry.objects.filter(standing=Standing.BANNED, state=EntryState.TRIAL)
        for entry in on_trial.filter(network__in=some):
            ids = good.get(entry.network, [])
            entry.cost_messages += len(ids)
            entry.cost = " ".join([*entry.cost.split(), *ids][-COST_SAMPLES:])
            entry.trial_unwanted += unwanted.get(entry.network, 0)
            entry.save(update_fields=["cost_messages", "cost", "trial_unwanted"])


def _rows(statement: str, keys: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        for start in range(0, len(keys), KEYS_AT_ONCE):
            some = list(keys[start : start + KEYS_AT_ONCE])
            cursor.execute(f"{statement} IN ({', '.join(['%s'] * len(some))})", some)
            yield from cursor.fetchall()
