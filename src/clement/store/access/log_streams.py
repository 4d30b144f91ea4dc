"""Recipients of the log as streams, the newest first: the machinery under `log.py`.

A stream is one index range: the recipients of a group, of a domain, of a
mailbox, of one client's sessions. A page is merged from the streams of what a
person may see. Each look at a stream reads a bounded part of the index, so a
page is quick at ten million rows also when nothing matches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import msgspec
from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.db.models.functions import Lower
from django.db.models.lookups import Contains

from clement.store.access.actor import Actor
from clement.store.access.log_filter import LogFilter
from clement.store.log_ids import first_id_at, transactions_of
from clement.store.models import Recipient, RecipientMailbox, Session, Transaction

AnyModel = TypeVar("AnyModel", bound=Model)

# (transaction id, position) of a recipient; streams run from great to small.
Key = tuple[str, int]
# After every id in every collation: ids are digits and lower-case letters, and most begin with a zero.
START: Key = ("z" * 40, 0)

WINDOW_ROWS = 20_000
WINDOWS = 3
KEYS_AT_ONCE = 400

# Rows before a key, at most so many, and the key down to which the stream has been searched (None: its end).
Look = tuple[list[Recipient], Key | None]
Stream = Callable[[Key, int], Look]


def streams(actor: Actor, wanted: LogFilter) -> list[Stream]:
    """The streams that hold what `wanted` asks for, as far as the actor may see it."""
    if wanted.client or wanted.reverse_path is not None:
        return [_KeyedStream(actor, wanted)]
    if wanted.recipient and not wanted.recipient.startswith("@"):
        return [_AddressStream(actor, wanted)]
    found: list[Stream] = []
    for column, value in _seen_ranges(actor):
        found.append(_RangeStream(Recipient.objects.filter(**{column: value}), wanted))
    found.extend(_FurtherStream(mailbox_id, wanted) for mailbox_id in sorted(actor.mailbox_ids))
    return found


def merged(sources: Sequence[Stream], before: Key, limit: int) -> Look:
    """The newest rows of all streams before a key."""
    rows: dict[Key, Recipient] = {}
    searched: Key | None = None
    for source in sources:
        some, reached = source(before, limit)
        rows.update(((row.transaction_key, row.position), row) for row in some)
        if reached is not None and (searched is None or reached > searched):
            searched = reached
    # Below where one stream stopped, another's rows may not be shown yet: the first may have some between.
    keys = sorted((key for key in rows if searched is None or key >= searched), reverse=True)
    if len(keys) > limit:
        keys = keys[:limit]
        searched = keys[-1]
    return [rows[key] for key in keys], searched


def visible_among(actor: Actor, rows: Iterable[Recipient]) -> list[Recipient]:
    """Those of the rows that the actor may see."""
    rows = list(rows)
    if actor.root:
        return rows
    further = _further_keys(actor, {row.transaction_key for row in rows})
    return [
        row
        for row in rows
        if row.group_key in actor.group_ids
        or row.domain_key in actor.domain_ids
        or row.mailbox_key in actor.mailbox_ids
        or (row.transaction_key, row.position) in further
    ]


def _seen_ranges(actor: Actor) -> Iterator[tuple[str, int | str]]:
    if actor.root:
        yield "position__gte", 0
        return
    yield from (("group_key", group_id) for group_id in sorted(actor.group_ids))
    yield from (("domain_key", domain_id) for domain_id in sorted(actor.granted_domain_ids))
    yield from (("mailbox_key", mailbox_id) for mailbox_id in sorted(actor.mailbox_ids))


def _further_keys(actor: Actor, transaction_ids: set[str]) -> set[Key]:
    if not actor.mailbox_ids:
        return set()
    found = RecipientMailbox.objects.filter(
        transaction_key__in=transaction_ids, mailbox_key__in=actor.mailbox_ids
    )
    return set(found.values_list("transaction_key", "position"))


class _RangeStream:
    """One range of an index. What the index does not answer is looked for in windows."""

    def __init__(self, rows: QuerySet[Recipient], wanted: LogFilter) -> None:
        self._rows = _between(rows, "transaction_key", wanted).order_by("-transaction_key", "-position")
        self._condition = condition(wanted)

    def __call__(self, before: Key, limit: int) -> Look:
        if not self._condition:
            rows = list(self._rows.filter(_earlier(before))[:limit])
            return rows, (_key(rows[-1]) if len(rows) == limit else None)
        found: list[Recipient] = []
        for _window in range(WINDOWS):
            candidates = self._rows.filter(_earlier(before))
            end = candidates.values_list("transaction_key", "position")[WINDOW_ROWS : WINDOW_ROWS + 1].first()
            if end is not None:
                candidates = candidates.exclude(_earlier(end))
            found += candidates.filter(self._condition)[: limit - len(found)]
            if len(found) == limit:
                return found, _key(found[-1])
            if end is None:
                return found, None
            # `end` itself has been looked at.
            before = end
        return found, before


class _AddressStream:
    """Recipients of one address, as far as the actor may see them."""

    def __init__(self, actor: Actor, wanted: LogFilter) -> None:
        self._actor = actor
        rows = Recipient.objects.filter(address=wanted.recipient)
        self._rows = _RangeStream(rows, msgspec.structs.replace(wanted, recipient=""))

    def __call__(self, before: Key, limit: int) -> Look:
        rows, searched = self._rows(before, limit)
        return visible_among(self._actor, rows), searched


class _KeyedStream:
    """Recipients of the sessions of one client, or of the transactions of one reverse-path."""

    def __init__(self, actor: Actor, wanted: LogFilter) -> None:
        self._actor = actor
        self._wanted = wanted
        self._condition = condition(wanted)

    def __call__(self, before: Key, limit: int) -> Look:
        ids, reached = self._transactions(before)
        rows = Recipient.objects.filter(_earlier(before), self._condition, transaction_key__in=ids)
        found = visible_among(self._actor, rows.order_by("-transaction_key", "-position"))
        if len(found) > limit:
            return found[:limit], _key(found[limit - 1])
        return found, reached

    def _transactions(self, before: Key) -> tuple[list[str], Key | None]:
        """Transactions not after a key, and down to where they have been searched."""
        if self._wanted.client:
            return self._transactions_of_client(before)
        found = Transaction.objects.filter(reverse_path=self._wanted.reverse_path, id__lte=before[0])
        ids = list(
            _between(found, "id", self._wanted).order_by("-id").values_list("id", flat=True)[:KEYS_AT_ONCE]
        )
        return ids, ((ids[-1], 0) if len(ids) == KEYS_AT_ONCE else None)

    def _transactions_of_client(self, before: Key) -> tuple[list[str], Key | None]:
        # A session's id is a prefix of its transactions', so it sorts just before them.
        found = Session.objects.filter(client_address=self._wanted.client, id__lte=before[0])
        sessions = _between(found, "id", self._wanted).order_by("-id")
        counted = list(sessions.values_list("id", "transaction_count")[:KEYS_AT_ONCE])
        ids = [one for session_id, count in counted for one in transactions_of(session_id, count)]
        if self._wanted.reverse_path is not None:
            of_it = Transaction.objects.filter(id__in=ids, reverse_path=self._wanted.reverse_path)
            ids = list(of_it.values_list("id", flat=True))
        return ids, ((counted[-1][0], 0) if len(counted) == KEYS_AT_ONCE else None)


class _FurtherStream:
    """Recipients that stood for a mailbox besides others."""

    def __init__(self, mailbox_id: int, wanted: LogFilter) -> None:
        found = RecipientMailbox.objects.filter(mailbox_key=mailbox_id)
        self._keys = _between(found, "transaction_key", wanted).order_by("-transaction_key", "-position")
        self._condition = condition(wanted)

    def __call__(self, before: Key, limit: int) -> Look:
        some = self._keys.filter(_earlier(before)).values_list("transaction_key", "position")[:KEYS_AT_ONCE]
        keys = list(some)
        rows = Recipient.objects.filter(self._condition, transaction_key__in={key[0] for key in keys})
        wanted = set(keys)
        found = sorted((row for row in rows if _key(row) in wanted), key=_key, reverse=True)
        if len(found) > limit:
            return found[:limit], _key(found[limit - 1])
        return found, (keys[-1] if len(keys) == KEYS_AT_ONCE else None)


def condition(wanted: LogFilter) -> Q:
    """What no index answers."""
    asked = Q()
    if wanted.recipient.startswith("@"):
        asked &= Q(address__endswith=wanted.recipient)
    elif wanted.recipient:
        asked &= Q(address=wanted.recipient)
    if wanted.outcome is not None:
        asked &= Q(outcome=wanted.outcome.value)
    if wanted.reason:
        asked &= Q(reason=wanted.reason)
    if wanted.text:
        asked &= Q(holds("address", wanted.text)) | Q(Exists(_telling(wanted.text)))
    return asked


def holds(column: str, text: str) -> Contains:
    """Whether a text stands in a column, in any case. Collations differ in what LIKE makes of case."""
    return Contains(Lower(column), text.lower())


def _telling(text: str) -> QuerySet[Transaction]:
    """The transaction of a recipient, if the text stands in it."""
    somewhere = Q()
    for column in ("subject", "author", "message_id", "reverse_path"):
        somewhere |= Q(holds(column, text))
    return Transaction.objects.filter(somewhere, id=OuterRef("transaction_key"))


def _between(rows: QuerySet[AnyModel], column: str, wanted: LogFilter) -> QuerySet[AnyModel]:
    """The rows of the time that is asked for, by bounds of their ids."""
    if wanted.since_s:
        rows = rows.filter(**{f"{column}__gte": first_id_at(wanted.since_s)})
    if wanted.until_s:
        rows = rows.filter(**{f"{column}__lt": first_id_at(wanted.until_s)})
    return rows


def _earlier(key: Key) -> Q:
    transaction_id, position = key
    # The first condition follows from the second; it is what an index can begin with.
    return Q(transaction_key__lte=transaction_id) & (
        Q(transaction_key__lt=transaction_id) | Q(position__lt=position)
    )


def _key(row: Recipient) -> Key:
    return row.transaction_key, row.position
