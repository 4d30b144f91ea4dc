"""Persons: who may log in, what they administer, and as whom they may post."""

from __future__ import annotations

from django.db import models

from clement.store.models.domain import Domain
from clement.store.models.group import Group


class Person(models.Model):
    """Somebody who can log in. `domain` is that of a login that is an address here; it names the tenant."""

    id = models.BigAutoField(primary_key=True)
    login = models.CharField(max_length=320, unique=True)
    domain = models.ForeignKey(Domain, null=True, on_delete=models.CASCADE, related_name="persons")
    password_hash = models.CharField(max_length=255)
    enabled = models.BooleanField(default=True)
    created_at_s = models.BigIntegerField()
    version = models.IntegerField(default=1)

    def __str__(self) -> str:
        return self.login


class RoleGrant(models.Model):
    """One role of one person: root and user stand alone, group and domain name what they are for."""

    id = models.BigAutoField(primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="grants")
    role = models.CharField(max_length=8)
    group = models.ForeignKey(Group, null=True, on_delete=models.CASCADE, related_name="grants")
    domain = models.ForeignKey(Domain, null=True, on_delete=models.CASCADE, related_name="grants")

    def __str__(self) -> str:
        return f"{self.role} {self.group_id or self.domain_id or ''}".strip()


class SendAsGrant(models.Model):
    """A right to post under an address, or under all of `@domain`, beyond the mailboxes one owns."""

    id = models.BigAutoField(primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="send_as")
    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, related_name="+")
    pattern = models.CharField(max_length=320)

    class Meta:
        """Given twice, a right would have to be taken twice."""

        constraints = [models.UniqueConstraint(fields=["person", "pattern"], name="send_as_once")]

    def __str__(self) -> str:
        return self.pattern
