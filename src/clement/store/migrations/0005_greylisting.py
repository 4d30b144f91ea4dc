"""What a group asks of strangers; groups that were made before ask nothing."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("clement", "0004_dns_listed"),
    ]

    operations = [
        migrations.AddField(
            model_name="group",
            name="greylisting",
            field=models.CharField(default="off", max_length=16),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="group",
            name="greylisting_delay_s",
            field=models.IntegerField(default=240),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="group",
            name="greylisting_window_s",
            field=models.IntegerField(default=172800),
            preserve_default=False,
        ),
    ]
