"""Rules of administrators about content."""

from __future__ import annotations

from django.db import models

from clement.store.models.domain import Domain
from clement.store.models.group import Group


class ContentRule(models.Model):
    """One rule. Its scope is the site, `group` or `domain`.

    program_size: what RE2 makes of its pattern; kept to bound what the rules of a scope may cost together.
    """

    id = models.BigAutoField(primary_key=True)
    scope = models.SmallIntegerField()
    group = models.ForeignKey(Group, null=True, on_delete=models.CASCADE, related_name="content_rules")
    domain = models.ForeignKey(Domain, null=True, on_delete=models.CASCADE, related_name="content_rules")
    name = models.CharField(max_length=64)
    field = models.CharField(max_length=16)
    header_name = models.CharField(max_length=76, default="")
    pattern = models.CharField(max_length=1000)
    program_size = models.IntegerField()
    action = models.CharField(max_length=16)
    weight = models.FloatField(default=0.0)
    enabled = models.BooleanField(default=True)
    expires_at_s = models.BigIntegerField(default=0)
    note = models.CharField(max_length=500, default="")
    created_by = models.CharField(max_length=320)
    created_at_s = models.BigIntegerField()
    version = models.IntegerField(default=1)

    def __str__(self) -> str:
        return self.name
