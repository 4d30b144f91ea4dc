"""Digests of held mail: who wants them when, who sends them, and the secret of their links."""

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


class DigestTurn(models.Model):
    """Which node sends the digests of all, until when: several must not tell a person the same. One row."""

    id = models.IntegerField(primary_key=True)
    node = models.CharField(max_length=64)
    until_s = models.FloatField()

    def __str__(self) -> str:
        return self.node


class DigestKey(models.Model):
    """The secret that signs the links of digests, the same on every node. One row."""

    id = models.IntegerField(primary_key=True)
    octets = models.CharField(max_length=64)

    def __str__(self) -> str:
        return "secret"
