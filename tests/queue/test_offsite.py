"""Held mail is brought to an object store, and released from there when its own files are gone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from clement.net.object_store import S3Place, S3Store
from clement.net.s3_signing import Credentials
from clement.queue.offsite import remover
from clement.spool.failure import StorageFailure
from clement.spool.held_entry import recipient_id
from tests.delivery.held import Place
from tests.delivery.local import MESSAGE, stored
from tests.net.s3_server import S3Server
from tests.queue.releasing import PREFIX, Round


@pytest.fixture
def server() -> Iterator[S3Server]:
    found = S3Server()
    found.start()
    yield found
    found.stop()


@pytest.fixture
def objects(server: S3Server) -> S3Store:
    place = S3Place("127.0.0.1", server.port, server.bucket, tls=False, timeout_s=30.0)
    return S3Store(place, Credentials(server.access_key, server.secret, server.region))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "mail").mkdir()
    return tmp_path


def held(root: Path) -> str:
    [entry] = Place(root / "held").hold()
    return entry


def test_an_entry_is_two_objects_and_is_offered_until_it_is_taken(
    root: Path, server: S3Server, objects: S3Store
) -> None:
    entry = held(root)
    play = Round(root, objects=objects)
    play.index.offered = [entry]
    server.answer["PUT"] = 503
    play()
    assert play.index.stored_entries == {}
    server.answer.clear()
    play()
    assert play.index.stored_entries == {entry: PREFIX + entry}
    assert server.objects[f"{PREFIX}{entry}.content"] == MESSAGE
    assert objects.list_some(PREFIX) == [f"{PREFIX}{entry}.content", f"{PREFIX}{entry}.manifest"]
    remover(objects)(PREFIX + entry)
    assert server.objects == {}
    server.answer["DELETE"] = 500
    with pytest.raises(StorageFailure):
        remover(objects)(PREFIX + entry)


def test_another_node_releases_what_it_fetches(root: Path, server: S3Server, objects: S3Store) -> None:
    entry = held(root)
    recipient = recipient_id(entry, 1)
    play = Round(root, objects=objects)
    play.index.offered = [entry]
    play()
    shutil.rmtree(root / "held")
    (root / "held").mkdir()
    play.index.ask(recipient)
    server.answer["GET"] = 503
    play()
    assert play.index.state(recipient) == "releasing"
    server.answer.clear()
    Round.__call__(_at(play, 1e12))
    assert play.index.state(recipient) == "released"
    [path] = stored(root / "mail")
    assert path.read_bytes().endswith(MESSAGE.replace(b"\r\n", b"\n"))


def test_what_the_store_has_changed_is_not_released(root: Path, server: S3Server, objects: S3Store) -> None:
    entry = held(root)
    recipient = recipient_id(entry, 1)
    play = Round(root, objects=objects)
    play.index.offered = [entry]
    play()
    shutil.rmtree(root / "held")
    (root / "held").mkdir()
    server.objects[f"{PREFIX}{entry}.content"] = MESSAGE.replace(b"hello", b"hullo")
    play.index.ask(recipient)
    play()
    assert play.index.state(recipient) == "held"
    assert "damaged" in play.index.why(recipient)
    assert stored(root / "mail") == []


def _at(play: Round, now_s: float) -> Round:
    play._now_s = lambda: now_s
    return play
