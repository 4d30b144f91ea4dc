"""Telling those who follow the lists what came into effect and what went.

Called inside the frame of an action, which lets one writer in at a time: so the
numbers of changes rise in the order in which they become visible.
"""

from __future__ import annotations

import msgspec

from clement.policy.network import REPUTATION, ListOrigin
from clement.store import models
from clement.store.actions.change import Change
from clement.store.list_records import ListChangeRow
from clement.store.records import NetworkRow


def tell(change: Change, told: ListChangeRow) -> None:
    """Remember one change of what is in effect; its number and time are given by this."""
    models.ListChange.objects.create(
        at_s=int(change.at_s),
        network=told.network,
        standing=told.standing,
        origin=told.origin,
        listed=told.listed,
        pardoned=told.pardoned,
        expires_at_s=told.expires_at_s,
        evidence=msgspec.json.encode(told.evidence).decode(),
    )


def tell_by_hand(change: Change, *, old: NetworkRow | None = None, new: NetworkRow | None = None) -> None:
    """Remember what a person's change of a client network means for the lists; relaying means nothing."""
    if old is not None and old.standing in REPUTATION and (new is None or new.standing is not old.standing):
        tell(
            change,
            ListChangeRow(
                network=old.network,
                standing=old.standing,
                origin=ListOrigin.HAND,
                listed=False,
                pardoned=True,
            ),
        )
    if new is not None and new.standing in REPUTATION:
        tell(
            change,
            ListChangeRow(
                network=new.network,
                standing=new.standing,
                origin=ListOrigin.HAND,
                listed=True,
                expires_at_s=new.expires_at_s,
            ),
        )
