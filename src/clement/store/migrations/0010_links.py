import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("clement", "0009_attachments"),
    ]

    operations = [
        migrations.AddField(
            model_name="group",
            name="impersonation",
            field=models.CharField(default="accept", max_length=16),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="group",
            name="link_listed",
            field=models.CharField(default="refuse", max_length=16),
            preserve_default=False,
        ),
        migrations.CreateModel(
            name="ContentRule",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("scope", models.SmallIntegerField()),
                ("name", models.CharField(max_length=64)),
                ("field", models.CharField(max_length=16)),
                ("header_name", models.CharField(default="", max_length=76)),
                ("pattern", models.CharField(max_length=1000)),
                ("program_size", models.IntegerField()),
                ("action", models.CharField(max_length=16)),
                ("weight", models.FloatField(default=0.0)),
                ("enabled", models.BooleanField(default=True)),
                ("expires_at_s", models.BigIntegerField(default=0)),
                ("note", models.CharField(default="", max_length=500)),
                ("created_by", models.CharField(max_length=320)),
                ("created_at_s", models.BigIntegerField()),
                ("version", models.IntegerField(default=1)),
                (
                    "domain",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="content_rules",
                        to="clement.domain",
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="content_rules",
                        to="clement.group",
                    ),
                ),
            ],
        ),
    ]
