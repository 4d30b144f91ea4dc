"""Held mail: the index of what lies in the spools of all nodes, and what people have decided about it.

Rows come from the journal, or from the files when they are made anew; no foreign keys, as in the log. Ids
begin with the time and tell where the files lie (`clement.spool.held_entry`).
"""

from __future__ import annotations

from django.db import models


class HeldMessage(models.Model):
    """One entry: a message held for recipients of one group.

    due_at_s: when it was to expire from the beginning; expires_at_s: when it does, sooner where all its
    recipients have done with it. mark_due: whether its legal hold has changed and its node has not been told
    yet. expiring: its files are being removed, and nothing brings it back.
    object_key: where it lies in the object store, "" while it lies on its node alone.
    """

    id = models.CharField(max_length=64, primary_key=True)
    node = models.CharField(max_length=64)
    kind = models.CharField(max_length=16)
    group_key = models.BigIntegerField()
    at_s = models.FloatField()
    transaction_key = models.CharField(max_length=48)
    reverse_path = models.CharField(max_length=320)
    size_bytes = models.BigIntegerField()
    message_id = models.CharField(max_length=255)
    author = models.CharField(max_length=320)
    subject = models.CharField(max_length=255)
    body_hash = models.CharField(max_length=64)
    authenticated_as = models.CharField(max_length=512)
    due_at_s = models.FloatField()
    expires_at_s = models.FloatField()
    legal_hold = models.BooleanField(default=False)
    mark_due = models.BooleanField(default=False, db_index=True)
    expiring = models.BooleanField(default=False)
    object_key = models.CharField(max_length=255, default="")

    class Meta:
        """For expiry, and for what became of a transaction."""

        indexes = [
            models.Index(fields=["node", "expires_at_s"], name="held_by_end"),
            models.Index(fields=["transaction_key"], name="held_by_transaction"),
            models.Index(fields=["group_key", "kind"], name="held_by_group"),
        ]

    def __str__(self) -> str:
        return self.id


class HeldRecipient(models.Model):
    """One recipient of an entry, and what has been decided for him. state: `held_records.HeldState`.

    failure: why the last try to release it came to nothing; failing_since_s: since when. next_try_at_s: of a
    release under way. told_at_s: when a digest has told of it.
    """

    id = models.CharField(max_length=72, primary_key=True)
    held_key = models.CharField(max_length=64, db_index=True)
    node = models.CharField(max_length=64)
    kind = models.CharField(max_length=16)
    group_key = models.BigIntegerField()
    domain_key = models.BigIntegerField()
    mailbox_key = models.BigIntegerField()
    address = models.CharField(max_length=320)
    forward_path = models.CharField(max_length=320)
    reason = models.CharField(max_length=64)
    score = models.FloatField()
    why = models.CharField(max_length=500)
    state = models.CharField(max_length=16, default="held")
    changed_at_s = models.FloatField(default=0.0)
    changed_by = models.CharField(max_length=320, default="")
    next_try_at_s = models.FloatField(default=0.0)
    failures = models.IntegerField(default=0)
    failing_since_s = models.FloatField(default=0.0)
    failure = models.CharField(max_length=500, default="")
    told_at_s = models.FloatField(default=0.0)

    class Meta:
        """For the courier, the digests, and the lists of people."""

        indexes = [
            models.Index(fields=["told_at_s", "state"], name="held_untold"),
            models.Index(fields=["state", "node", "next_try_at_s"], name="held_due"),
            models.Index(fields=["mailbox_key", "id"], name="held_by_mailbox"),
            models.Index(fields=["domain_key", "id"], name="held_by_domain"),
            models.Index(fields=["group_key", "id"], name="held_recipient_by_group"),
            models.Index(fields=["address", "id"], name="held_by_address"),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.address} {self.state}"
