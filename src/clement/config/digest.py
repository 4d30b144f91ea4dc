"""[digest]: lists of held mail that people get by mail."""

from __future__ import annotations

import msgspec

from clement.config.values import WholeDays


class DigestSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Lists of newly held mail, for whom it is held. `clement digest` says otherwise for some."""

    schedule: str = "07:00 UTC"
    """When, such as "mon-fri 08:00,17:30 Europe/Zurich"; "" for never. Nothing is sent when nothing is
    newly held."""
    language: str = "en"
    """en or fr."""
    refused_copies: bool = False
    """true: list copies of refused mail as well; their authors know that they were refused."""
    links_days: WholeDays = 7
    """Days that the links of a digest work."""
    author: str = ""
    """Whom digests come from; by default the site's postmaster."""
