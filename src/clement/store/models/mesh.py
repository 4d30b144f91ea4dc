"""The mesh: what is asserted and by whom, how peers have behaved, and the numbers of our own log."""

from __future__ import annotations

from django.db import models


class MeshClock(models.Model):
    """The last number given, to a position or a sequence: one row, whose lock puts all writers in a line."""

    id = models.IntegerField(primary_key=True)
    last = models.BigIntegerField()

    def __str__(self) -> str:
        return str(self.last)


class MeshEntry(models.Model):
    """The assertion in force of one origin about one network; our own have an empty `handed_by`.

    text: as it was signed. hops: made when it came here. contradicted: its origin has paid for it.
    """

    position = models.BigIntegerField(primary_key=True)
    origin = models.CharField(max_length=26)
    sequence = models.BigIntegerField()
    kind = models.CharField(max_length=8)
    network = models.CharField(max_length=49)
    expires_at_s = models.BigIntegerField()
    text = models.CharField(max_length=440)
    handed_by = models.CharField(max_length=26, default="")
    hops = models.IntegerField(default=0)
    received_at_s = models.BigIntegerField()
    contradicted = models.BooleanField(default=False)

    class Meta:
        """One statement of each origin about each network; one number, one statement; what has expired."""

        constraints = [models.UniqueConstraint(fields=["origin", "network"], name="mesh_in_force_once")]
        indexes = [
            models.Index(fields=["origin", "sequence"], name="mesh_by_sequence"),
            models.Index(fields=["expires_at_s"], name="mesh_by_end"),
        ]

    def __str__(self) -> str:
        return f"{self.origin} {self.kind} {self.network}"


class MeshPeer(models.Model):
    """What is remembered of a peer, by the id of its key. have: up to where we have its log.

    score, scored_at_s: `clement.policy.mesh.standing`. day, taken: entries heard on that day since 1970.
    """

    key = models.CharField(max_length=26, primary_key=True)
    have = models.BigIntegerField(default=0)
    score = models.FloatField(default=100.0)
    scored_at_s = models.FloatField(default=0.0)
    called_at_s = models.FloatField(default=0.0)
    succeeded_at_s = models.FloatField(default=0.0)
    failures = models.IntegerField(default=0)
    next_call_at_s = models.FloatField(default=0.0)
    day = models.IntegerField(default=0)
    taken = models.IntegerField(default=0)

    def __str__(self) -> str:
        return self.key


class MeshEvent(models.Model):
    """Something worth knowing of a peer: a refusal, a loss of standing, a call that failed."""

    id = models.BigAutoField(primary_key=True)
    at_s = models.FloatField()
    peer = models.CharField(max_length=26)
    what = models.CharField(max_length=20)
    detail = models.CharField(max_length=500, default="")

    def __str__(self) -> str:
        return f"{self.peer} {self.what}"
