from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("clement", "0003_identity_policy"),
    ]

    operations = [
        migrations.AddField(
            model_name="group",
            name="dns_listed",
            field=models.CharField(default="refuse", max_length=16),
            preserve_default=False,
        ),
    ]
