from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("clement", "0013_digest"),
    ]

    operations = [
        migrations.AddField(
            model_name="group",
            name="read_content",
            field=models.BooleanField(db_default=True, default=True),
        ),
    ]
