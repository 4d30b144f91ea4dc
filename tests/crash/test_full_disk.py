"""Hostile cases 120 and 121: the disk below the mail root, the spool or the journal is really full.

Each server has a small file system of its own, in a mount namespace.
"""

from __future__ import annotations

import errno
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.crash.furnish import EVERYBODY, LOCAL, RELAYED
from tests.crash.mta import Letter, attempt, deliver, letter
from tests.crash.world import World, a_world, transaction_ids
from tests.fixtures.programs import wait_until

SIZE = "4m"
LARGE_BYTES = 200_000
PLACES = {LOCAL[0]: LOCAL[:1], EVERYBODY: LOCAL, RELAYED: (RELAYED,)}
MOUNT = 'mount -t tmpfs -o size="$1" clement "$2" && shift 2 && exec "$@"'


@contextmanager
def a_small_world(folder: Path, part: str, free_space_bytes: int) -> Iterator[World]:
    """A server whose folder `part` is all of a small disk."""
    inside = ["unshare", "-Urm" if os.geteuid() else "-m", "sh", "-c", MOUNT, "sh", SIZE]
    probe = subprocess.run([*inside, folder, "true"], capture_output=True, text=True, check=False)
    if probe.returncode:
        pytest.skip(f"no mount namespace here: {probe.stderr.strip()[-80:]}")
    changes = {"spool": {"memory_bytes": 8192, "free_space_bytes": free_space_bytes}}
    with a_world(folder, changes, inside=[*inside, folder / "site" / part]) as world:
        yield world


def fill(folder: Path, leaving_bytes: int) -> Path:
    """Use up the space of a file system but so much."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as out:
        try:
            while out.write(b"x" * 65536):
                pass
        except OSError as error:
            assert error.errno == errno.ENOSPC  # noqa: PT017 - the disk is full, as it was meant to be
        out.truncate(max(0, out.tell() - leaving_bytes))
    return filler


def letters(part: str) -> list[Letter]:
    """Small and large, one mailbox, several, and a next hop; with and without an announced size."""
    found = []
    for number, recipient in enumerate(PLACES):
        for size_bytes in (600, LARGE_BYTES):
            for declares_size in (True, False):
                made = letter(f"{part}{number}of{size_bytes}{declares_size}x", (recipient,), size_bytes)
                made.declares_size = declares_size
                found.append(made)
    return found


@pytest.mark.parametrize("part", ["mail", "spool", "journal"])
def test_case_120_a_full_disk_loses_nothing_and_stores_nothing_refused(short_folder: Path, part: str) -> None:
    with a_small_world(short_folder, part, free_space_bytes=1) as world:
        deliver(world.mx, before := letter(f"{part}before", LOCAL[:1]))
        filler = fill(world.seen(world.folder / part), leaving_bytes=0 if part == "journal" else 40_000)
        sent = letters(part)
        for _turn in range(3):
            for each in sent:
                attempt(world.mx, each)
        heard = [heard for each in sent for told in each.heard.values() for heard in told]
        assert {heard.code for heard in heard} <= {250, 452}, heard
        assert all("4.3.1" in heard.text for heard in heard if heard.code == 452)
        if part == "journal":
            assert world.events("journal-unwritable"), "records wait in memory, and that is said"
        else:
            assert any(heard.code == 452 for heard in heard)
        for each in sent:
            places = PLACES[each.recipients[0]]
            assert world.copies(each) == Counter(places if each.accepted else ())
        wait_until(lambda: world.unfinished() == [], "nothing refused is stored")
        filler.unlink()
        for each in sent:
            deliver(world.mx, each)
            assert world.copies(each) == Counter(PLACES[each.recipients[0]])
        world.wait_for_recorder(set().union(*(transaction_ids(each) for each in [before, *sent])))
        assert "Traceback" not in world.log()


@pytest.mark.parametrize("part", ["mail", "spool"])
def test_case_121_too_little_room_is_said_before_content_is_taken(short_folder: Path, part: str) -> None:
    with a_small_world(short_folder, part, free_space_bytes=1_000_000) as world:
        sent = letter("case121", LOCAL[:1])
        filler = fill(world.seen(world.folder / part), leaving_bytes=900_000)
        wait_until(lambda: _refused_at_mail(world), "it is noticed")
        attempt(world.mx, sent)
        assert [heard.code for heard in sent.heard[LOCAL[0]]] == [452]
        filler.unlink()
        deliver(world.mx, sent)
        assert world.copies(sent) == Counter(LOCAL[:1])


def _refused_at_mail(world: World) -> bool:
    import smtplib

    with smtplib.SMTP(*world.mx, "client.test", 30) as client:
        client.ehlo()
        return client.mail("probe@[127.0.0.1]")[0] == 452
