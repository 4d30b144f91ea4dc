"""Ids by their beginnings, since people do not type twenty characters."""

from __future__ import annotations

from clement.store.access.actor import Actor
from clement.store.log_ids import ID_LENGTH, session_of, sessions_between, transactions_between
from clement.store.models import Session, Transaction


def sessions_beginning(actor: Actor, prefix: str, *, limit: int = 2) -> tuple[str, ...]:
    """Ids of sessions that begin with `prefix`; for root, since an id alone tells of a session.

    Also of those that are still open, if they had a transaction.
    """
    if not actor.root:
        return ()
    # A range, not LIKE: it uses the primary key on every database, and no character of it is a wildcard.
    first, last = sessions_between(prefix)
    ended = Session.objects.filter(id__gte=first, id__lte=last).order_by("id")
    found = set(ended.values_list("id", flat=True)[:limit])
    if not (found and len(prefix) == ID_LENGTH):
        found |= _of_transactions(prefix, limit)
    return tuple(sorted(found)[:limit])


def _of_transactions(prefix: str, limit: int) -> set[str]:
    """As above, of sessions that have transactions: one search for each, however many it has."""
    found: set[str] = set()
    after, last = transactions_between(prefix)
    while len(found) < limit:
        rows = Transaction.objects.filter(id__gte=after, id__lte=last).order_by("id")
        one = rows.values_list("id", flat=True).first()
        if one is None:
            break
        found.add(session_of(one))
        after = transactions_between(session_of(one))[1]
    return found
