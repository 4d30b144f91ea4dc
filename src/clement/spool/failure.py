"""What the rest of Clement hears when the disk did not do what it was asked."""

from __future__ import annotations

import errno

# EDQUOT is the disk quota of the system's user, not the quota of a mailbox.
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


class StorageFailure(Exception):
    """The disk failed, and nothing of what was being written may be trusted.

    Above all not after a failed fsync: the kernel may have dropped the pages and call the next one a success.
    """


class StorageFull(StorageFailure):
    """No bytes, no inodes or no disk quota left; the same message may fit later."""


def storage_failure(error: OSError) -> StorageFailure:
    """The failure that an error of the operating system amounts to."""
    kind = StorageFull if error.errno in _NO_ROOM else StorageFailure
    return kind(f"{errno.errorcode.get(error.errno or 0, 'unknown')}: {error.strerror or error}")
