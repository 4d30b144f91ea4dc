"""`scripts/need` beside others who use apt, and where a package is not to be had; with stand-ins for apt."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.fixtures.places import ROOT

STAND_INS = {
    # Nobody's number, so that the lock is nobody's either.
    "id": "echo 4000000001",
    "sudo": """
        shift
        case "$1" in
            tee) cat >/dev/null ;;
            apt-get) exec "$@" ;;
        esac
    """,
    "systemctl": "",
    "dpkg-query": """
        for package; do :; done
        [ ! -e "$STATE/$package" ] || echo installed
    """,
    "apt-get": """
        echo "$@" >>"$STATE/calls"
        if [ -e "$STATE/locked" ]; then
            rm "$STATE/locked"
            echo 'E: Could not get lock /var/lib/apt/lists/lock. It is held by process 1 (apt-get)'
            exit 100
        fi
        case " $* " in *' install '*) ;; *) exit 0 ;; esac
        while [ "$1" != --no-install-recommends ]; do shift; done
        shift
        for package; do
            case "$package" in absent*) echo "E: Unable to locate package $package"; code=100 ;; esac
        done
        [ -z "${code:-}" ] || exit "$code"
        for package; do touch "$STATE/$package"; done
    """,
}


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Where the stand-ins keep what is installed, and what was asked of apt."""
    (tmp_path / "bin").mkdir()
    for name, lines in STAND_INS.items():
        path = tmp_path / "bin" / name
        path.write_text(f"#!/bin/sh\n{lines}\n")
        path.chmod(0o755)
    (tmp_path / "state").mkdir()
    return tmp_path / "state"


def need(state: Path, *packages: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = f"{state.parent / 'bin'}:{os.environ['PATH']}"
    plain = {name: value for name, value in os.environ.items() if name != "NEED_ONLY_LOOK"}
    return subprocess.run(
        [ROOT / "scripts" / "need", *packages],
        env={**plain, "PATH": path, "STATE": str(state), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def asked(state: Path) -> int:
    calls = state / "calls"
    return calls.read_text().count(" install ") if calls.exists() else 0


def test_whoever_holds_the_locks_of_apt_is_waited_for(state: Path) -> None:
    (state / "locked").touch()
    done = need(state, "one", "two")
    assert done.returncode == 0, done.stderr
    assert (state / "two").exists()


def test_a_package_that_this_release_lacks_keeps_no_other_away(state: Path) -> None:
    done = need(state, "one", "absent-here", "two", "absent-too")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        3,
        "need: apt-get could not install: absent-here absent-too",
    )
    assert (state / "one").exists()
    assert (state / "two").exists()


def test_what_is_there_or_only_looked_for_is_not_asked_of_apt(state: Path) -> None:
    (state / "one").touch()
    assert need(state, "one").returncode == 0
    done = need(state, "one", "two", NEED_ONLY_LOOK="1")
    assert (done.returncode, done.stderr) == (3, "need: missing: two\n")
    assert asked(state) == 0
