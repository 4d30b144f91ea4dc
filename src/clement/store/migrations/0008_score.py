"""Scores: thresholds of groups and mailboxes, what a domain says otherwise, and what the log says of them."""

from django.db import migrations, models


def _threshold(model: str, name: str) -> migrations.AddField:
    return migrations.AddField(model, name, models.FloatField(null=True))


class Migration(migrations.Migration):
    dependencies = [
        ("clement", "0007_mesh"),
    ]

    operations = [
        _threshold("group", "tag_at"),
        _threshold("group", "quarantine_at"),
        _threshold("group", "refuse_at"),
        migrations.AddField(
            "group", "keep_refused_days", models.IntegerField(default=0), preserve_default=False
        ),
        migrations.AddField("domain", "policy", models.CharField(blank=True, default="", max_length=4000)),
        _threshold("mailbox", "tag_at"),
        _threshold("mailbox", "quarantine_at"),
        _threshold("mailbox", "refuse_at"),
        migrations.AddField("recipient", "score", models.FloatField(null=True)),
        migrations.AddField("recipient", "thresholds", models.CharField(max_length=120, null=True)),
    ]
