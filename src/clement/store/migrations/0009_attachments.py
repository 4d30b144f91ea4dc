"""What groups decide about attachments; groups that were made before get what new ones have."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("clement", "0008_score"),
    ]

    operations = [
        migrations.AddField(
            model_name="group",
            name="executable_attachment",
            field=models.CharField(default="refuse", max_length=16),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="group",
            name="script_attachment",
            field=models.CharField(default="refuse", max_length=16),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="group",
            name="macro_document",
            field=models.CharField(default="accept", max_length=16),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="group",
            name="disk_image",
            field=models.CharField(default="refuse", max_length=16),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="group",
            name="active_page",
            field=models.CharField(default="accept", max_length=16),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="group",
            name="encrypted_archive",
            field=models.CharField(default="accept", max_length=16),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="group",
            name="unreadable_archive",
            field=models.CharField(default="refuse", max_length=16),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="group",
            name="disguised_attachment",
            field=models.CharField(default="refuse", max_length=16),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="group",
            name="unreadable_content",
            field=models.CharField(default="refuse", max_length=16),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="group",
            name="refused_attachment_names",
            field=models.CharField(default="", max_length=500),
            preserve_default=False,
        ),
    ]
