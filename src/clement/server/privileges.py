"""Becoming an ordinary user once the ports are open."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Iterable
from pathlib import Path


class NoSuchUser(ValueError):
    """The configured user or group does not exist on this machine."""


def identity(user: str, group: str) -> tuple[int, int]:
    """Numeric user and group. Raises NoSuchUser."""
    try:
        account = pwd.getpwnam(user)
        gid = grp.getgrnam(group).gr_gid if group else account.pw_gid
    except KeyError as fault:
        raise NoSuchUser(f"no user {user!r} or group {group!r} on this machine") from fault
    return account.pw_uid, gid


def drop(user: str, group: str) -> None:
    """Give up root for good; nothing without a user, or when we are he. Raises NoSuchUser, OSError."""
    if not user:
        return
    uid, gid = identity(user, group)
    if os.geteuid() == uid:
        return
    if os.geteuid() != 0:
        raise PermissionError(f"only root can become {user}, as processes.user asks")
    os.setgroups(os.getgrouplist(user, gid))
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def hand_over(user: str, group: str, paths: Iterable[Path]) -> None:
    """Give what root has made to the user that `drop` makes of us. Raises NoSuchUser, OSError."""
    if user and os.geteuid() == 0:
        uid, gid = identity(user, group)
        for path in paths:
            # Where that user may write to the folder, a link could stand there by now.
            os.chown(path, uid, gid, follow_symlinks=False)
