"""Clement's tables as a Django application."""

from __future__ import annotations

from django.apps import AppConfig


class StoreConfig(AppConfig):
    """The one application whose models are Clement's; its tables are named `clement_…`."""

    name = "clement.store"
    label = "clement"
    default_auto_field = "django.db.models.BigAutoField"
