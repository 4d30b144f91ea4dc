from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("clement", "0015_report_receipts"),
    ]

    operations = [
        migrations.AddField(
            model_name="group",
            name="subject_prefix",
            field=models.CharField(db_default="", default="", max_length=40),
        ),
    ]
