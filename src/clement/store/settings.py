"""Django settings for tools that want a settings module: mypy's plugin, makemigrations. Nothing runs on them.

A running Clement is configured by `clement.store.database.connect`.
"""

from clement.store.database import STORE_ALONE

INSTALLED_APPS = STORE_ALONE["INSTALLED_APPS"]
DEFAULT_AUTO_FIELD = STORE_ALONE["DEFAULT_AUTO_FIELD"]
USE_TZ = STORE_ALONE["USE_TZ"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
