from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("clement", "0007_mesh"),
    ]

    operations = [
        migrations.AddField(
            model_name="group",
            name="read_content",
            field=models.BooleanField(db_default=True, default=True),
        ),
    ]
