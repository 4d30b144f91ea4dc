"""What may go with a release: mail of the same sender is accepted from now on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clement.cli.terminal import safe

if TYPE_CHECKING:
    from clement.store.access.actor import Actor
    from clement.store.held_records import HeldRow


def accept_from(actor: Actor, row: HeldRow) -> str:
    """Add a directive for the sender and this recipient; what to tell the person who wanted it."""
    from clement.store.actions.acceptance import accept_author

    found = accept_author(actor, row)
    told = []
    if found.overruled_by is not None:
        winner = found.overruled_by
        told.append(
            f"mail from {row.reverse_path} is not accepted for {row.address}: directive {winner.id} "
            f"({winner.action}) wins"
        )
    if found.made is None:
        told.append(f"no rule was made: {found.refusal}")
    else:
        verb = "accepts" if found.holds else "would accept"
        told.append(f"directive {found.made.id} {verb} {row.reverse_path} for {row.address}")
        told += found.made.notes
    return "; ".join(map(safe, told))
