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
