"""What may go with a release: mail of the same sender is accepted from now on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clement.cli.terminal import safe

if TYPE_CHECKING:
    from clement.store.access.actor import Actor
    from clement.store.held_records import HeldRow


def accept_from(actor: Actor, row: HeldRow) -> str:
    """Add a directive for the sender and this recipient; what to tell the person who wanted it."""
    from clement.policy.directive import Action, Origin, Scope
    from clement.store.actions.change import ActionRefused
    from clement.store.actions.directive import NewDirective, add_directive

    if "@" not in row.reverse_path:
        return "no rule was made: the message has the null reverse-path, which is nobody's"
    try:
        noted = add_directive(
            actor,
            NewDirective(
                scope=Scope.USER,
                scope_name=row.address,
                action=Action.ACCEPT,
                sender_pattern=row.reverse_path,
                origin=Origin.RELEASE,
                note=f"released {row.id}",
            ),
        )
    except ActionRefused as refusal:
        return f"no rule was made: {safe(str(refusal))}"
    told = [f"directive {noted.id} accepts {safe(row.reverse_path)} for {safe(row.address)}"]
    return "; ".join([*told, *map(safe, noted.notes)])
