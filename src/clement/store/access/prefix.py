"""Ids by their beginnings, since people do not type twenty characters."""

from __future__ import annotations

from clement.store.access.actor import Actor
from clement.store.models import Session


def sessions_beginning(actor: Actor, prefix: str, *, limit: int = 2) -> tuple[str, ...]:
    """Ids of sessions that begin with `prefix`; for root, since an id alone tells of a session."""
    if not actor.root:
        return ()
    # A range, not LIKE: it uses the primary key on every database, and no character of it is a wildcard.
    found = Session.objects.filter(id__gte=prefix, id__lt=prefix + "~").order_by("id")
    return tuple(found.values_list("id", flat=True)[:limit])
