"""Django settings for tools that want a settings module (mypy's plugin, makemigrations); nothing runs on them.

A running Clement is configured by `clement.store.database.connect`.
"""

from clement.store.database import DatabaseSettings, django_settings

globals().update(django_settings(DatabaseSettings(path=":memory:")))
