"""Becoming an ordinary user: what root has made goes with us, and nobody else may try."""

import os
import pwd
from pathlib import Path

import pytest

from clement.cli.listeners import bind_unix
from clement.server.privileges import NoSuchUser, drop, hand_over
from tests.fixtures.programs import need_root

NOBODY = pwd.getpwnam("nobody")


def test_a_socket_that_root_has_opened_belongs_to_whom_we_become(short_folder: Path) -> None:
    need_root("another user")
    path = short_folder / "lmtp"
    with bind_unix(path):
        hand_over("", "", [path])
        assert path.stat().st_uid == 0
        hand_over("nobody", "", [path])
        assert (path.stat().st_uid, path.stat().st_gid) == (NOBODY.pw_uid, NOBODY.pw_gid)
        hand_over("nobody", "daemon", [path])
        assert path.group() == "daemon"


def test_without_a_user_or_as_he_nothing_happens() -> None:
    before = os.getresuid()
    drop("", "")
    drop(pwd.getpwuid(os.geteuid()).pw_name, "")
    assert os.getresuid() == before
    with pytest.raises(NoSuchUser, match="no-such-user"):
        drop("no-such-user", "")
