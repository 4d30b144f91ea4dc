"""What the store hands out of held mail: frozen values. Times are Unix seconds, 0 for never."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class HeldState(StrEnum):
    """What has been decided for one recipient of a held message.

    HELD: nothing yet. RELEASING: it is to be delivered, and the courier has not done so yet. RELEASED: it
    was. DELETED: it is not wanted; the files go some days later, and until then it can be brought back.
    """

    HELD = "held"
    RELEASING = "releasing"
    RELEASED = "released"
    DELETED = "deleted"


class HeldRow(msgspec.Struct, frozen=True, kw_only=True):
    """One recipient's held message. `entry` names the files that he may share with others of his group.

    failure: why it was not released, when that was tried; failing_since_s: since when.
    """

    id: str
    entry: str
    transaction_id: str
    node: str
    kind: str
    state: HeldState
    at_s: float
    expires_at_s: float
    address: str
    forward_path: str
    reverse_path: str
    author: str
    subject: str
    message_id: str
    size_bytes: int
    reason: str
    score: float
    why: str
    legal_hold: bool
    changed_at_s: float
    changed_by: str
    next_try_at_s: float
    failures: int
    failing_since_s: float
    failure: str
    object_key: str
    group_id: int
    domain_id: int
    mailbox_id: int
    authenticated_as: str


class HeldFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which held mail is asked for; what is empty asks for nothing. states: empty for all."""

    address: str = ""
    domain_id: int = 0
    group_id: int = 0
    kind: str = ""
    since_s: float = 0.0
    transaction_id: str = ""
    states: tuple[HeldState, ...] = (HeldState.HELD, HeldState.RELEASING)


class HeldFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How much of one kind a group holds: messages, their octets, recipients by state."""

    group: str
    kind: str
    messages: int
    size_bytes: int
    recipients: dict[str, int]


class DueRelease(msgspec.Struct, frozen=True, kw_only=True):
    """A release that the courier is to make now. object_key: where the files are when they are not here."""

    id: str
    entry: str
    requested_at_s: float
    requested_by: str
    failures: int = 0
    failing_since_s: float = 0.0
    object_key: str = ""


class ExpiredEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry whose files are to go, and then its rows."""

    id: str
    kind: str
    group_id: int
    recipients: int
    object_key: str = ""
