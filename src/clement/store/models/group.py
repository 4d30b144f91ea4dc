"""Groups: sets of domains under one administration and one policy, and where they hand their mail."""

from __future__ import annotations

from django.db import models


class Group(models.Model):
    """One group; its policy is spread over columns, so that SQL can answer questions about it."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=64, unique=True)
    mode = models.CharField(max_length=16)
    storage = models.CharField(max_length=16)
    size_limit_bytes = models.BigIntegerField()
    scan_content = models.BooleanField()
    scanner_unavailable = models.CharField(max_length=16)
    unscannable = models.CharField(max_length=16)
    verify_recipients = models.BooleanField()
    unresolvable_sender = models.CharField(max_length=16)
    implausible_hello = models.CharField(max_length=16)
    bare_line_endings = models.CharField(max_length=16)
    spf_fail = models.CharField(max_length=16)
    spf_permerror = models.CharField(max_length=16)
    dmarc_reject = models.CharField(max_length=16)
    dmarc_quarantine = models.CharField(max_length=16)
    unverified_reverse_name = models.CharField(max_length=16)
    dns_listed = models.CharField(max_length=16)
    greylisting = models.CharField(max_length=16)
    greylisting_delay_s = models.IntegerField()
    greylisting_window_s = models.IntegerField()
    read_content = models.BooleanField(default=True, db_default=True)
    impersonation = models.CharField(max_length=16)
    link_listed = models.CharField(max_length=16)
    tag_at = models.FloatField(null=True)
    quarantine_at = models.FloatField(null=True)
    refuse_at = models.FloatField(null=True)
    keep_refused_days = models.IntegerField()
    executable_attachment = models.CharField(max_length=16)
    script_attachment = models.CharField(max_length=16)
    macro_document = models.CharField(max_length=16)
    disk_image = models.CharField(max_length=16)
    active_page = models.CharField(max_length=16)
    encrypted_archive = models.CharField(max_length=16)
    unreadable_archive = models.CharField(max_length=16)
    disguised_attachment = models.CharField(max_length=16)
    unreadable_content = models.CharField(max_length=16)
    refused_attachment_names = models.CharField(max_length=500)
    subject_prefix = models.CharField(max_length=40, default="", db_default="")
    version = models.IntegerField(default=1)

    def __str__(self) -> str:
        return self.name


class NextHop(models.Model):
    """A server that takes a group's mail; the lowest priority number is tried first."""

    id = models.BigAutoField(primary_key=True)
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="next_hops")
    position = models.IntegerField()
    host = models.CharField(max_length=255)
    port = models.IntegerField()
    priority = models.IntegerField()
    wire = models.CharField(max_length=8)
    tls = models.CharField(max_length=16)

    class Meta:
        """The order in which they are tried."""

        ordering = ["group_id", "priority", "position"]

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"
