"""Learning: the ledger of what was taught, the model's snapshots, and how far each node has them.

No foreign keys but from a chunk to its snapshot: lessons outlive the directory they speak of.
"""

from __future__ import annotations

from django.db import models


class Learning(models.Model):
    """One row: the site's key, the newest version, and which steward teaches the model.

    key: what features are hashed with; secret.
    holder, held_until_s: the steward at work. forgotten: lessons in the model that the ledger has no more.
    rebuilt_at_s: when the model was last made from the ledger alone.
    """

    id = models.IntegerField(primary_key=True)
    key = models.BinaryField(max_length=32)
    version = models.BigIntegerField(default=0)
    holder = models.CharField(max_length=100, default="")
    held_until_s = models.FloatField(default=0.0)
    forgotten = models.BigIntegerField(default=0)
    rebuilt_at_s = models.FloatField(default=0.0)

    def __str__(self) -> str:
        return str(self.version)


class TeachingAct(models.Model):
    """One lesson, and who gave it when. features: `clement.store.lessons`; never the text of a message.

    group_key, domain_key, mailbox_key: whose taste, 0 for none. record_key: of what came by the journal, so
    that it is taken once. state: `clement.store.learning_records.ActState`. learned_in: the version that took
    it in; with the id, the order in which the model is made again.
    """

    id = models.BigAutoField(primary_key=True)
    at_s = models.FloatField()
    actor = models.CharField(max_length=320)
    person_key = models.BigIntegerField(default=0)
    way = models.CharField(max_length=8)
    unwanted = models.BooleanField()
    weight = models.FloatField(default=1.0)
    group_key = models.BigIntegerField(default=0)
    domain_key = models.BigIntegerField(default=0)
    mailbox_key = models.BigIntegerField(default=0)
    message_id = models.CharField(max_length=255, default="")
    body_hash = models.CharField(max_length=64, default="")
    transaction_key = models.CharField(max_length=40, default="")
    record_key = models.CharField(max_length=64, null=True, unique=True)  # noqa: DJ001 - NULLs are not equal
    features = models.BinaryField()
    state = models.CharField(max_length=8, default="pending")
    learned_in = models.BigIntegerField(default=0)
    undone_at_s = models.FloatField(default=0.0)
    undone_by = models.CharField(max_length=320, default="")

    class Meta:
        """For the trainer, the pages of tenants and people, quotas, and knowing a message again."""

        indexes = [
            models.Index(fields=["state", "learned_in", "id"], name="teaching_by_state"),
            models.Index(fields=["group_key", "id"], name="teaching_by_group"),
            models.Index(fields=["domain_key", "id"], name="teaching_by_domain"),
            models.Index(fields=["mailbox_key", "id"], name="teaching_by_mailbox"),
            models.Index(fields=["person_key", "at_s"], name="teaching_by_person"),
            models.Index(fields=["body_hash"], name="teaching_by_body"),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.way}"


class TeachingReport(models.Model):
    """A report whose reporter is to be told what was learned of it; its messages only until he was.

    id: of the report's transaction. node: whose courier tells him. messages: `store.reports_due`.
    state: `clement.store.learning_records.ReportState`. told_at_s: when it had an end.
    """

    id = models.CharField(max_length=64, primary_key=True)
    node = models.CharField(max_length=64)
    at_s = models.FloatField()
    person_key = models.BigIntegerField()
    login = models.CharField(max_length=320)
    address = models.CharField(max_length=320)
    unwanted = models.BooleanField()
    message_id = models.CharField(max_length=255, default="")
    group_key = models.BigIntegerField(default=0)
    domain_key = models.BigIntegerField(default=0)
    mailbox_key = models.BigIntegerField(default=0)
    messages = models.BinaryField()
    left_out = models.BooleanField(default=False)
    state = models.CharField(max_length=8, default="waiting")
    failures = models.IntegerField(default=0)
    next_try_at_s = models.FloatField(default=0.0)
    told_at_s = models.FloatField(default=0.0)

    class Meta:
        """For the courier, and for counting what one person was told."""

        indexes = [
            models.Index(fields=["state", "node", "next_try_at_s"], name="report_waiting"),
            models.Index(fields=["person_key", "told_at_s"], name="report_by_person"),
        ]

    def __str__(self) -> str:
        return self.id


class ModelSnapshot(models.Model):
    """The model as one steward has made it; version 0 until all of it is here. sha256: of the whole file."""

    id = models.BigAutoField(primary_key=True)
    version = models.BigIntegerField(default=0, db_index=True)
    at_s = models.FloatField()
    size_bytes = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, default="")
    acts = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.version)


class ModelChunk(models.Model):
    """A part of a snapshot's file, compressed (RFC 1950): small enough for every database's packets."""

    id = models.BigAutoField(primary_key=True)
    snapshot = models.ForeignKey(ModelSnapshot, on_delete=models.CASCADE, related_name="chunks")
    position = models.IntegerField()
    octets = models.BinaryField()

    class Meta:
        """Each part once."""

        constraints = [
            models.UniqueConstraint(fields=["snapshot", "position"], name="model_chunk_once"),
        ]

    def __str__(self) -> str:
        return f"{self.snapshot_id}/{self.position}"


class ModelHolder(models.Model):
    """A node, and the version that its receivers read."""

    node = models.CharField(max_length=64, primary_key=True)
    version = models.BigIntegerField()
    at_s = models.FloatField()

    def __str__(self) -> str:
        return f"{self.node} {self.version}"
