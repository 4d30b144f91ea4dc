"""Directives: rules on a sender-recipient pair."""

from __future__ import annotations

from django.db import models

from clement.store.models.domain import Domain
from clement.store.models.group import Group


class Directive(models.Model):
    """One rule. Its scope is the site, `group`, `domain`, or `address` in `domain`.

    `address` is text because recipients of a relaying group have no mailbox here.
    """

    id = models.BigAutoField(primary_key=True)
    scope = models.SmallIntegerField()
    group = models.ForeignKey(Group, null=True, on_delete=models.CASCADE, related_name="directives")
    domain = models.ForeignKey(Domain, null=True, on_delete=models.CASCADE, related_name="directives")
    address = models.CharField(max_length=320, default="", db_index=True)
    action = models.CharField(max_length=16)
    sender_pattern = models.CharField(max_length=320, default="", db_index=True)
    recipient_pattern = models.CharField(max_length=320, default="")
    client_network = models.CharField(max_length=49, default="")
    origin = models.CharField(max_length=16)
    final = models.BooleanField(default=False)
    expires_at_s = models.BigIntegerField(default=0)
    note = models.CharField(max_length=500, default="")
    hit_count = models.BigIntegerField(default=0)
    last_hit_at_s = models.BigIntegerField(default=0)
    created_by = models.CharField(max_length=320)
    created_at_s = models.BigIntegerField()
    version = models.IntegerField(default=1)

    def __str__(self) -> str:
        return f"{self.action} {self.sender_pattern or 'anyone'}"
