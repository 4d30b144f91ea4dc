"""[held]: mail in doubt, kept where its recipient can still have it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from clement.config.values import Bytes, Days, Seconds


class HeldSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Held mail: the quarantine, and copies of what was refused (docs/held-mail.md)."""

    enabled: bool = True
    """false: nothing is held; mail that was to be quarantined is deferred."""
    folder: Path = Path("held")
    """Where held mail lies; on a local disk, and in the backup if quarantined mail matters to you."""
    days: Days = 30
    """Days that quarantined mail is kept."""
    refused_copy_days: Days = 30
    """Days at most that the copy of a refused message is kept; whether and how long, a group's policy
    keep_refused_days says."""
    undo_days: Days = 2
    """Days for which a deleted message can still be brought back."""
    limit_bytes_per_group: Bytes = 5_368_709_120
    """Held mail of one group at most. Beyond it the oldest refused copies give way; when there are none
    left, mail that was to be quarantined is deferred with 452."""
    limit_bytes: Bytes = 21_474_836_480
    """Held mail of all groups on this machine at most."""
    free_space_bytes: Bytes = 268_435_456
    """Below this much free space nothing more is held."""
    release_patience_s: Seconds = 432_000
    """How long the delivery of released mail is tried again; then it is held as before, and says why."""
