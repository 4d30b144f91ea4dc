"""The audit log: who changed what, when, and from where."""

from __future__ import annotations

from django.db import models


class AuditEntry(models.Model):
    """One change. Names are kept as text, so that an entry outlives what it speaks of.

    `group_key` and `domain_key` say whose it was (0 for the site) and decide who may read it.
    """

    id = models.BigAutoField(primary_key=True)
    at_s = models.FloatField()
    actor = models.CharField(max_length=320)
    actor_person_key = models.BigIntegerField(default=0)
    origin_address = models.CharField(max_length=45, default="")
    action = models.CharField(max_length=32)
    object_name = models.CharField(max_length=320)
    group_key = models.BigIntegerField(default=0)
    domain_key = models.BigIntegerField(default=0)
    old = models.TextField(default="")
    new = models.TextField(default="")

    class Meta:
        """For the story of one thing, and for the pages of tenants."""

        indexes = [
            models.Index(fields=["object_name", "id"], name="audit_by_object"),
            models.Index(fields=["group_key", "id"], name="audit_by_group"),
            models.Index(fields=["domain_key", "id"], name="audit_by_domain"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.object_name}"
