"""The version of the directory: one row, one number."""

from __future__ import annotations

from django.db import models

ONLY_ROW = 1


class DirectoryVersion(models.Model):
    """Counts the changes of the directory; locking its row puts all writers of the directory in a line."""

    id = models.IntegerField(primary_key=True)
    number = models.BigIntegerField()

    def __str__(self) -> str:
        return str(self.number)
