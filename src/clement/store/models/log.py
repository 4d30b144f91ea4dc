"""The log: sessions, transactions, recipients, counted refusals, and how far the journal has been read.

No foreign keys: rows arrive in the journal's order, outlive the directory they
speak of, and are deleted in batches. The keys of the directory are numbers
that nobody follows; 0 is none. Ids begin with the time, so a primary key is an
index by time too, and a transaction's id begins with its session's. Indexes are
few, because every one is paid for at each message: each serves one way in which
pages of the log are asked for, the newest first.
"""

from __future__ import annotations

from django.db import models


class Session(models.Model):
    """One session. `transcript` is compressed JSON, see `clement.store.transcript`."""

    id = models.CharField(max_length=40, primary_key=True)
    node = models.CharField(max_length=64)
    service = models.CharField(max_length=32)
    started_at_s = models.FloatField()
    duration_us = models.BigIntegerField()
    client_address = models.CharField(max_length=45)
    client_port = models.IntegerField()
    outcome = models.CharField(max_length=16)
    reason = models.CharField(max_length=64)
    ending = models.CharField(max_length=64)
    hello = models.CharField(max_length=255)
    tls = models.CharField(max_length=64)
    person_key = models.BigIntegerField()
    login = models.CharField(max_length=320)
    transaction_count = models.IntegerField()
    bytes_received = models.BigIntegerField()
    bytes_sent = models.BigIntegerField()
    transcript = models.BinaryField()

    class Meta:
        """For the question what a client has done."""

        indexes = [models.Index(fields=["client_address", "id"], name="session_by_client")]

    def __str__(self) -> str:
        return self.id


class Transaction(models.Model):
    """One transaction. `findings` is compressed JSON, see `clement.store.transcript`."""

    id = models.CharField(max_length=48, primary_key=True)
    at_s = models.FloatField()
    reverse_path = models.CharField(max_length=320)
    outcome = models.CharField(max_length=16)
    reason = models.CharField(max_length=64)
    reply = models.CharField(max_length=512)
    recipient_count = models.IntegerField()
    size_bytes = models.BigIntegerField()
    message_id = models.CharField(max_length=255)
    author = models.CharField(max_length=320)
    subject = models.CharField(max_length=255)
    person_key = models.BigIntegerField()
    findings = models.BinaryField()
    authenticated_domains = models.CharField(max_length=512, default="", db_default="")

    class Meta:
        """For the question what became of somebody's mail."""

        indexes = [models.Index(fields=["reverse_path", "id"], name="transaction_by_reverse_path")]

    def __str__(self) -> str:
        return self.id


class Recipient(models.Model):
    """One recipient of a transaction.

    `mailbox_key` is the first mailbox; an alias for several has its others in `RecipientMailbox`.
    """

    pk = models.CompositePrimaryKey("transaction_key", "position")
    transaction_key = models.CharField(max_length=48)
    position = models.IntegerField()
    address = models.CharField(max_length=320)
    outcome = models.CharField(max_length=16)
    reason = models.CharField(max_length=64)
    reply = models.CharField(max_length=512)
    group_key = models.BigIntegerField()
    domain_key = models.BigIntegerField()
    mailbox_key = models.BigIntegerField()
    directive_key = models.BigIntegerField()
    next_hop = models.CharField(max_length=255)
    # Nullable, so that a large table need not be written anew when they are added.
    score = models.FloatField(null=True)
    thresholds = models.CharField(max_length=120, null=True)  # noqa: DJ001 - see above

    class Meta:
        """One index for each kind of administrator, one for the user, one for 'what became of mail to …'."""

        indexes = [
            models.Index(fields=["group_key", "transaction_key", "position"], name="recipient_by_group"),
            models.Index(fields=["domain_key", "transaction_key", "position"], name="recipient_by_domain"),
            models.Index(fields=["mailbox_key", "transaction_key", "position"], name="recipient_by_mailbox"),
            models.Index(fields=["address", "transaction_key", "position"], name="recipient_by_address"),
        ]

    def __str__(self) -> str:
        return self.address


class RecipientMailbox(models.Model):
    """A further mailbox that a recipient stood for."""

    pk = models.CompositePrimaryKey("transaction_key", "position", "mailbox_key")
    transaction_key = models.CharField(max_length=48)
    position = models.IntegerField()
    mailbox_key = models.BigIntegerField()

    class Meta:
        """For the user's pages."""

        indexes = [
            models.Index(fields=["mailbox_key", "transaction_key", "position"], name="further_by_mailbox")
        ]

    def __str__(self) -> str:
        return f"{self.transaction_key} {self.mailbox_key}"


class RefusalRun(models.Model):
    """Repeated refusals of one client, or of one IPv6 network, for one reason, counted."""

    id = models.CharField(max_length=40, primary_key=True)
    node = models.CharField(max_length=64)
    client_address = models.CharField(max_length=45)
    reason = models.CharField(max_length=64)
    count = models.BigIntegerField()
    first_at_s = models.FloatField()
    last_at_s = models.FloatField()
    first_session_key = models.CharField(max_length=40)
    last_session_key = models.CharField(max_length=40)

    class Meta:
        """For pages by time, and for one client."""

        indexes = [
            models.Index(fields=["last_at_s"], name="run_by_time"),
            models.Index(fields=["client_address", "last_at_s"], name="run_by_client"),
        ]

    def __str__(self) -> str:
        return f"{self.client_address} {self.reason} x{self.count}"


class LogGap(models.Model):
    """What is missing from the log, and why."""

    id = models.CharField(max_length=40, primary_key=True)
    node = models.CharField(max_length=64)
    cause = models.CharField(max_length=16)
    first_at_s = models.FloatField()
    last_at_s = models.FloatField(db_index=True)
    transcripts = models.BigIntegerField()
    sessions = models.BigIntegerField()
    refusal_runs = models.BigIntegerField()
    transactions = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.cause} {self.id}"


class JournalPosition(models.Model):
    """How many bytes of a node's journal segment are in these tables."""

    pk = models.CompositePrimaryKey("node", "segment")
    node = models.CharField(max_length=64)
    segment = models.CharField(max_length=128)
    offset_bytes = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.segment} {self.offset_bytes}"
