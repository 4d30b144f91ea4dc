"""Reputation and the server lists: what was counted, what follows from it, what persons and peers say to it.

No foreign keys but in name, as in the log. Networks are canonical text of Python's ipaddress. Evidence is
text of one JSON value, because no query looks inside it.
"""

from __future__ import annotations

from django.db import models


class ReputationQueue(models.Model):
    """What the log took in and nobody has counted yet: JSON of `clement.store.reputation.queue.Uncounted`.

    Written in the SQL transaction of the rows it names, deleted in that of the counts: so each is counted
    once, whenever its records arrive.
    """

    id = models.BigAutoField(primary_key=True)
    items = models.TextField()

    def __str__(self) -> str:
        return str(self.id)


class Reputation(models.Model):
    """One client, authenticated domain or HELO name. totals, decayed: JSON arrays in the order of causes.

    good, unwanted: evidence as of as_of_s. site: the /24 or /48 of a client. vouching: of a client, the
    domain that was authenticated last. days: on how many days it was seen. unjudged: a client counted
    since the steward last drew conclusions. known: there is enough evidence for a check to ask for it.
    """

    pk = models.CompositePrimaryKey("kind", "subject")
    kind = models.CharField(max_length=8)
    subject = models.CharField(max_length=255)
    site = models.CharField(max_length=49, default="")
    hello = models.CharField(max_length=255, default="")
    vouching = models.CharField(max_length=255, default="")
    totals = models.TextField()
    decayed = models.TextField()
    spread = models.BigIntegerField(default=0)
    good = models.FloatField(default=0)
    unwanted = models.FloatField(default=0)
    as_of_s = models.FloatField()
    first_at_s = models.FloatField()
    last_at_s = models.FloatField()
    days = models.IntegerField(default=1)
    sessions = models.CharField(max_length=250, default="")
    unjudged = models.BooleanField(default=True)
    known = models.BooleanField(default=False)

    class Meta:
        """For a network's clients; for what was counted since the last round; for what has faded away."""

        indexes = [
            models.Index(fields=["site", "subject"], name="reputation_by_site"),
            models.Index(fields=["unjudged", "kind", "subject"], name="reputation_unjudged"),
            models.Index(fields=["last_at_s"], name="reputation_by_time"),
            models.Index(fields=["known", "last_at_s"], name="reputation_known"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"


class ServerListEntry(models.Model):
    """What the steward concluded of a network. `evidence`: JSON of `Evidence`.

    During its trial: cost_messages and trial_unwanted count good messages and unwanted events; cost: the ids
    of some of the good transactions.
    """

    id = models.BigAutoField(primary_key=True)
    network = models.CharField(max_length=49)
    standing = models.CharField(max_length=16)
    origin = models.CharField(max_length=8)
    state = models.CharField(max_length=12)
    evidence = models.TextField()
    badness = models.FloatField(default=0)
    made_at_s = models.BigIntegerField()
    trial_until_s = models.BigIntegerField(default=0)
    expires_at_s = models.BigIntegerField()
    cost_messages = models.IntegerField(default=0)
    trial_unwanted = models.IntegerField(default=0)
    cost = models.TextField(default="")
    peers = models.CharField(max_length=500, default="")

    class Meta:
        """A network has one entry on each list."""

        constraints = [models.UniqueConstraint(fields=["network", "standing"], name="server_listed_once")]
        indexes = [models.Index(fields=["state", "id"], name="server_by_state")]

    def __str__(self) -> str:
        return f"{self.network} {self.standing} {self.state}"


class Pardon(models.Model):
    """A network that the steward may not ban. unwanted_then: what spoke against it when it was pardoned."""

    id = models.BigAutoField(primary_key=True)
    network = models.CharField(max_length=49, unique=True)
    until_s = models.BigIntegerField(default=0)
    by = models.CharField(max_length=320)
    note = models.CharField(max_length=500, default="")
    at_s = models.BigIntegerField()
    unwanted_then = models.FloatField(default=0)

    def __str__(self) -> str:
        return self.network


class ListChange(models.Model):
    """One change of what is in effect, by hand or by the steward; for whoever follows the lists."""

    id = models.BigAutoField(primary_key=True)
    at_s = models.BigIntegerField()
    network = models.CharField(max_length=49)
    standing = models.CharField(max_length=16)
    origin = models.CharField(max_length=8)
    listed = models.BooleanField()
    pardoned = models.BooleanField(default=False)
    expires_at_s = models.BigIntegerField(default=0)
    evidence = models.TextField(default="")

    def __str__(self) -> str:
        return f"{self.network} {self.standing} {self.listed}"


class ForeignAssertion(models.Model):
    """What a peer of the mesh says of a network."""

    pk = models.CompositePrimaryKey("peer", "network", "standing")
    peer = models.CharField(max_length=255)
    network = models.CharField(max_length=49)
    standing = models.CharField(max_length=16)
    evidence = models.TextField()
    worth = models.FloatField()
    at_s = models.BigIntegerField()
    expires_at_s = models.BigIntegerField()

    class Meta:
        """For all that peers say of one network, and for what has expired."""

        indexes = [
            models.Index(fields=["network"], name="assertion_by_network"),
            models.Index(fields=["expires_at_s"], name="assertion_by_end"),
        ]

    def __str__(self) -> str:
        return f"{self.peer} {self.network}"


class Correction(models.Model):
    """What a person said of a transaction afterwards; the newest word stands."""

    transaction_key = models.CharField(max_length=48, primary_key=True)
    wanted = models.BooleanField()
    by = models.CharField(max_length=320)
    at_s = models.FloatField()

    def __str__(self) -> str:
        return self.transaction_key
