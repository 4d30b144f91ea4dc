"""Digests of held mail: who wants them when, and what each address has been told of."""

from __future__ import annotations

from django.db import models

from clement.store.models.domain import Domain
from clement.store.models.group import Group


class DigestPlan(models.Model):
    """When the addresses of one scope get their digest. `schedule` is "" for never."""

    id = models.BigAutoField(primary_key=True)
    scope = models.SmallIntegerField()
    group = models.ForeignKey(Group, null=True, on_delete=models.CASCADE, related_name="digest_plans")
    domain = models.ForeignKey(Domain, null=True, on_delete=models.CASCADE, related_name="digest_plans")
    # Of a hosted domain, though not of a mailbox in every case: a gateway knows addresses by their mail only.
    address = models.CharField(max_length=320, default="", db_index=True)
    schedule = models.CharField(max_length=255)
    language = models.CharField(max_length=8)
    version = models.IntegerField(default=1)

    def __str__(self) -> str:
        return f"{self.scope} {self.address}: {self.schedule or 'never'}"


class DigestState(models.Model):
    """What an address has been told of. `told_id`: the newest held message that a digest has listed."""

    address = models.CharField(primary_key=True, max_length=320)
    told_id = models.BigIntegerField()
    told_at_s = models.FloatField()

    def __str__(self) -> str:
        return self.address


class DigestKey(models.Model):
    """The secret that signs the links of digests, the same on every node. One row."""

    id = models.IntegerField(primary_key=True)
    octets = models.CharField(max_length=64)

    def __str__(self) -> str:
        return "secret"
