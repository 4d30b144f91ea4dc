"""Becoming an ordinary user: what root has made goes with us, and nobody else may try."""

import os
import pwd
import subprocess
import sys
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


def test_who_is_not_root_is_told_which_setting_asks_for_it() -> None:
    need_root("another user")
    program = "from clement.server.privileges import drop; drop('daemon', '')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        user=NOBODY.pw_uid,
        group=NOBODY.pw_gid,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "only root can become daemon, as processes.user asks" in done.stderr


def test_without_a_user_or_as_he_nothing_happens() -> None:
    before = os.getresuid()
    drop("", "")
    drop(pwd.getpwuid(os.geteuid()).pw_name, "")
    assert os.getresuid() == before
    with pytest.raises(NoSuchUser, match="no-such-user"):
        drop("no-such-user", "")
