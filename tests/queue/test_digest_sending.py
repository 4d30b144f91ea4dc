"""Sending digests: what cannot be sent to one keeps nothing from the others."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from clement.delivery.maildir import MaildirTransport
from clement.delivery.maildir_store import MaildirOptions
from clement.policy.directive import Scope
from clement.queue import letter
from clement.queue.digest.sending import DigestSender
from clement.queue.digest.site import LetterSite
from clement.queue.letter import Letter
from clement.queue.postman import Postman
from clement.spool.filesystem import OsFileSystem
from clement.spool.workers import Workers
from clement.store.digest_records import DigestPlanInForce, DueDigest, HeldItem
from tests.delivery.local import stored
from tests.queue.releasing import directory

NOW_S = 1_795_680_000.0
SITE = LetterSite("mx.example", "postmaster@mx.example", "https://mx.example", lambda: bytes(32), 7)


def due(address: str) -> DueDigest:
    item = HeldItem(
        "1-1-q1.1", NOW_S, NOW_S + 86_400, "eve@shop.example", "Offer", "unwanted-content", "quarantine"
    )
    plan = DigestPlanInForce(Scope.SITE, "", "07:00 Europe/Zurich", "en")
    return DueDigest(address, plan, NOW_S, 1, (item,))


@dataclass
class Digests:
    waiting: list[DueDigest]
    told_of: list[str] = field(default_factory=list)

    def take_turn(self, now_s: float) -> bool:
        return bool(now_s)

    def due(self, now_s: float, most_items: int) -> Sequence[DueDigest]:
        return self.waiting if now_s and most_items else []

    def told(self, address: str, _newest_id: str, _now_s: float) -> int:
        self.told_of.append(address)
        return 1


def play(root: Path, digests: Digests) -> int:
    """One round; how many were sent."""
    workers, sql = Workers(2), Workers(1)
    options = MaildirOptions(str(root), "mx.example")
    maildir = MaildirTransport(OsFileSystem(), options, workers, lambda: NOW_S)
    postman = Postman(lambda _route: maildir, directory)
    try:
        return asyncio.run(DigestSender(digests, SITE, postman, sql, lambda: NOW_S).round())
    finally:
        workers.stop()
        sql.stop()


def test_one_that_cannot_be_written_or_delivered_keeps_no_other_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = letter._written

    def stumbles_over_the_first(about: Letter) -> bytes:
        if about.recipient == "u1@local.example":
            raise ZeroDivisionError
        return written(about)

    monkeypatch.setattr(letter, "_written", stumbles_over_the_first)
    digests = Digests([due(f"{name}@local.example") for name in ("u1", "gone", "u2")])
    assert play(tmp_path, digests) == 1
    assert digests.told_of == ["u2@local.example"]
    [path] = stored(tmp_path)
    assert "2" in path.parts
