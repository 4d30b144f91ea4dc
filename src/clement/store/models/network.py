"""Client networks and what an administrator said of them."""

from __future__ import annotations

from django.db import models


class ClientNetwork(models.Model):
    """One range of addresses. `network` is the canonical text of Python's ipaddress."""

    id = models.BigAutoField(primary_key=True)
    network = models.CharField(max_length=49)
    standing = models.CharField(max_length=16)
    note = models.CharField(max_length=500, default="")
    final = models.BooleanField(default=False)
    expires_at_s = models.BigIntegerField(default=0)
    version = models.IntegerField(default=1)

    class Meta:
        """A network has one entry for each thing that can be said of it."""

        constraints = [models.UniqueConstraint(fields=["network", "standing"], name="network_standing_once")]

    def __str__(self) -> str:
        return f"{self.network} {self.standing}"
