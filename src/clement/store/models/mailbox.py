"""Mailboxes stored here, and aliases that stand for other addresses."""

from __future__ import annotations

from django.db import models

from clement.store.models.domain import Domain
from clement.store.models.person import Person


class Mailbox(models.Model):
    """A mailbox. `maildir` is relative to the mail root and never changes once made."""

    id = models.BigAutoField(primary_key=True)
    address = models.CharField(max_length=320, unique=True)
    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, related_name="mailboxes")
    # Long enough for a local part and a domain of which every octet is percent-encoded.
    maildir = models.CharField(max_length=700, unique=True)
    quota_bytes = models.BigIntegerField(default=0)
    enabled = models.BooleanField(default=True)
    owner = models.ForeignKey(Person, null=True, on_delete=models.SET_NULL, related_name="mailboxes")
    created_at_s = models.BigIntegerField()
    tag_at = models.FloatField(null=True)
    quarantine_at = models.FloatField(null=True)
    refuse_at = models.FloatField(null=True)
    version = models.IntegerField(default=1)

    def __str__(self) -> str:
        return self.address


class Alias(models.Model):
    """An address that stands for others."""

    id = models.BigAutoField(primary_key=True)
    address = models.CharField(max_length=320, unique=True)
    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, related_name="aliases")
    version = models.IntegerField(default=1)

    def __str__(self) -> str:
        return self.address


class AliasTarget(models.Model):
    """One address that an alias stands for."""

    id = models.BigAutoField(primary_key=True)
    alias = models.ForeignKey(Alias, on_delete=models.CASCADE, related_name="targets")
    position = models.IntegerField()
    address = models.CharField(max_length=320, db_index=True)

    class Meta:
        """The order in which they were given."""

        ordering = ["alias_id", "position"]

    def __str__(self) -> str:
        return self.address
