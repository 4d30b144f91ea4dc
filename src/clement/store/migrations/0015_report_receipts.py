from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("clement", "0014_read_content"),
    ]

    operations = [
        migrations.CreateModel(
            name="TeachingReport",
            fields=[
                ("id", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("node", models.CharField(max_length=64)),
                ("at_s", models.FloatField()),
                ("person_key", models.BigIntegerField()),
                ("login", models.CharField(max_length=320)),
                ("address", models.CharField(max_length=320)),
                ("unwanted", models.BooleanField()),
                ("message_id", models.CharField(default="", max_length=255)),
                ("group_key", models.BigIntegerField(default=0)),
                ("domain_key", models.BigIntegerField(default=0)),
                ("mailbox_key", models.BigIntegerField(default=0)),
                ("messages", models.BinaryField()),
                ("left_out", models.BooleanField(default=False)),
                ("state", models.CharField(default="waiting", max_length=8)),
                ("failures", models.IntegerField(default=0)),
                ("next_try_at_s", models.FloatField(default=0.0)),
                ("told_at_s", models.FloatField(default=0.0)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["state", "node", "next_try_at_s"], name="report_waiting"),
                    models.Index(fields=["person_key", "told_at_s"], name="report_by_person"),
                ],
            },
        ),
    ]
