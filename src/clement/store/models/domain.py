"""Hosted domains."""

from __future__ import annotations

from django.db import models

from clement.store.models.group import Group


class Domain(models.Model):
    """A hosted domain; `name` is its lower-case A-label form (RFC 5890 §2.3.2.1), unique over all groups.

    policy: what it says otherwise than its group (`clement.policy.overrides`).
    """

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=253, unique=True)
    group = models.ForeignKey(Group, on_delete=models.PROTECT, related_name="domains")
    enabled = models.BooleanField(default=True)
    catch_all = models.CharField(max_length=320, default="", blank=True)
    subaddress_separator = models.CharField(max_length=1, default="+", blank=True)
    policy = models.CharField(max_length=4000, default="", blank=True)
    version = models.IntegerField(default=1)

    def __str__(self) -> str:
        return self.name
