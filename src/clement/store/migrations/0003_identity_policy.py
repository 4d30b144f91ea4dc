from django.db import migrations, models


def _setting(name: str, value: str) -> migrations.AddField:
    # The default is for the groups that are there already; new ones bring a value of their own.
    field = models.CharField(default=value, max_length=16)
    return migrations.AddField("group", name, field, preserve_default=False)


class Migration(migrations.Migration):
    dependencies = [
        ("clement", "0002_log_by_address"),
    ]

    operations = [
        _setting("spf_fail", "accept"),
        _setting("spf_permerror", "accept"),
        _setting("dmarc_reject", "refuse"),
        _setting("dmarc_quarantine", "accept"),
        _setting("unverified_reverse_name", "accept"),
    ]
