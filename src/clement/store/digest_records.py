"""What the store hands out about digests."""

from __future__ import annotations

import msgspec

from clement.policy.directive import Scope


class DigestPlanRow(msgspec.Struct, frozen=True):
    """When one scope's addresses get their digest.

    scope_name: the group's or domain's name, or the address. schedule: "" for never.
    """

    scope: Scope
    scope_name: str
    schedule: str
    language: str
    version: int


class DigestPlanInForce(msgspec.Struct, frozen=True):
    """The plan that counts for an address, and whose it is. `scope` SITE: the configuration's."""

    scope: Scope
    scope_name: str
    schedule: str
    language: str


class HeldItem(msgspec.Struct, frozen=True):
    """One held message that a digest is to tell of. Times are Unix seconds."""

    id: str
    at_s: float
    expires_at_s: float
    author: str
    subject: str
    reason: str
    kind: str


class DueDigest(msgspec.Struct, frozen=True):
    """A digest whose time has come. items: the newest first, at most as many as asked for, of `count`."""

    address: str
    plan: DigestPlanInForce
    due_at_s: float
    count: int
    items: tuple[HeldItem, ...]
