"""A receipt says what was learned, arrives once whoever dies meanwhile, and is given up in the end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import cast

import msgspec
import pytest

from clement.delivery.maildir import MaildirTransport
from clement.delivery.maildir_store import MaildirOptions
from clement.delivery.relay import RelayTransport
from clement.delivery.routing import Transports
from clement.net.smtp_client import SmtpClient
from clement.policy.directive import Scope
from clement.queue import letter
from clement.queue.digest.links import Deed, verify
from clement.queue.digest.site import LetterSite
from clement.queue.letter import Letter
from clement.queue.postman import Postman
from clement.queue.receipt.composition import compose
from clement.queue.receipt.sending import PATIENCE_S, ReceiptSender
from clement.queue.schedule import FIRST_PAUSE_S
from clement.spool.filesystem import FileSystem, OsFileSystem
from clement.spool.points import Point
from clement.spool.workers import Workers
from clement.store.digest_records import DigestPlanInForce
from clement.store.learning_records import DueReceipt, ReportItem, ReportOutcome, ReportState
from tests.crash.next_hop import NextHop
from tests.delivery.local import stored
from tests.fixtures.faults import Fault, FaultyFileSystem, Kind, Moment, run_in_child
from tests.fixtures.programs import choose_port
from tests.queue.releasing import TLS, directory

KEY = bytes(range(32))
NOW_S = 1_795_680_000.0
SITE = LetterSite("mx.example", "postmaster@mx.example", "https://mx.example", lambda: KEY, 7)
ITEMS = (
    ReportItem("eve@shop.example", "<b>Offer</b>\r\nBcc: x@y.example", ReportOutcome.LEARNED, 17, "id-1/0"),
    ReportItem("", "", ReportOutcome.UNREADABLE),
    ReportItem("eve@shop.example", "again", ReportOutcome.BEFORE, 12),
    ReportItem("eve@shop.example", "more", ReportOutcome.LIMIT),
)
DUE = DueReceipt(
    id="id-1",
    at_s=NOW_S,
    login="anna",
    address="u1@local.example",
    unwanted=True,
    message_id="<report@local.example>",
    items=ITEMS,
    left_out=True,
    failures=0,
    plan=DigestPlanInForce(Scope.SITE, "", "07:00 Europe/Zurich", "en"),
)


def parts(octets: bytes) -> tuple[EmailMessage, str, str]:
    letter = cast("EmailMessage", message_from_bytes(octets, policy=default))
    text, html = letter.iter_parts()
    return letter, cast("EmailMessage", text).get_content(), cast("EmailMessage", html).get_content()


def test_it_says_what_was_learned_and_what_was_not_and_why() -> None:
    letter, text, html = parts(compose(SITE, DUE, NOW_S))
    assert (letter["Subject"], letter["In-Reply-To"]) == (
        "One message learned as unwanted",
        "<report@local.example>",
    )
    assert (letter["Auto-Submitted"], letter["To"]) == ("auto-replied", "u1@local.example")
    plain = " ".join(text.split())
    for told in (
        "1 of 4 were learned",
        "learned as unwanted, number 17",
        "it could not be read",
        "known as unwanted already, number 12",
        "as may be given in one day",
        "Only the first 4 were looked at",
        "logged in to mx.example as anna",
    ):
        assert told in plain
    assert "&lt;b&gt;Offer&lt;/b&gt; Bcc: x@y.example" in html
    assert letter["Bcc"] is None
    token = text.partition("<https://mx.example/held/")[2].partition(">")[0]
    link = verify(token, KEY, NOW_S)
    assert (link.deed, link.held, link.recipient) == (Deed.TAKE_BACK, "id-1/0", "u1@local.example")
    assert text.count("https://") == 1, "only what was learned can be taken back"


def test_without_pages_it_names_the_administrator_and_without_lessons_neither() -> None:
    _letter, text, _html = parts(compose(msgspec.structs.replace(SITE, url=""), DUE, NOW_S))
    assert "the administrator of your mail can take back" in text
    none = msgspec.structs.replace(DUE, items=ITEMS[1:], message_id="<a\r\nBcc: b@c>")
    letter, text, _html = parts(compose(SITE, none, NOW_S))
    assert letter["Subject"] == "No message learned as unwanted"
    assert letter["In-Reply-To"] is None
    assert "take" not in text


class Reports:
    """One report, in a file, so that it outlives a sender that is killed."""

    def __init__(self, path: Path, due: DueReceipt = DUE) -> None:
        self.path = path
        self._due = due
        if not path.exists():
            self._write({"state": "waiting", "failures": 0, "next": 0.0})

    @property
    def row(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.path.read_text())
        return found

    def next_due(self, now_s: float) -> DueReceipt | None:
        row = self.row
        if row["state"] != "waiting" or float(str(row["next"])) > now_s:
            return None
        return msgspec.structs.replace(self._due, failures=int(str(row["failures"])))

    def ended(self, report_id: str, now_s: float, state: ReportState = ReportState.TOLD) -> None:
        assert report_id == self._due.id
        self._write(self.row | {"state": state.value})

    def deferred(self, report_id: str, failures: int, next_try_at_s: float) -> None:
        assert report_id == self._due.id
        self._write(self.row | {"failures": failures, "next": next_try_at_s})

    def forget(self, now_s: float) -> None:
        """Nothing is old."""

    def _write(self, row: object) -> None:
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(row))
        fresh.replace(self.path)


class KilledBeforeItIsNoted(Reports):
    def ended(self, report_id: str, now_s: float, state: ReportState = ReportState.TOLD) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def play(
    root: Path,
    reports: Reports,
    filesystem: FileSystem | None = None,
    *,
    port: int = 0,
    now_s: float = NOW_S,
) -> None:
    """One round of a sender that has just started."""
    workers, sql = Workers(2), Workers(1)
    disk = filesystem or OsFileSystem()
    maildir = MaildirTransport(disk, MaildirOptions(str(root / "mail"), "mx.example"), workers, time.time)
    relay = RelayTransport(SmtpClient("mx.example", time.monotonic, TLS), disk, workers, time.monotonic)
    postman = Postman(Transports(maildir, relay, relay).for_route, lambda: directory(port))
    sender = ReceiptSender(reports, SITE, postman, sql, lambda: now_s)
    try:
        asyncio.run(sender.round())
    finally:
        workers.stop()
        sql.stop()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "mail").mkdir()
    return tmp_path


@pytest.fixture
def hop() -> Iterator[NextHop]:
    found = NextHop()
    found.start()
    yield found
    found.stop()


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize(
    "point",
    [
        Point.MAILDIR_CREATED,
        Point.MAILDIR_WRITTEN,
        Point.MAILDIR_SYNCED,
        Point.MAILDIR_PLACED,
        Point.MAILDIR_FOLDER_SYNCED,
    ],
)
def test_killed_at_any_point_it_arrives_once(root: Path, point: Point, moment: Moment) -> None:
    path = root / "report.json"
    faulty = FaultyFileSystem(Fault(point, Kind.KILL, moment))
    _told, status = run_in_child(lambda _tell: play(root, Reports(path), faulty))
    assert os.WTERMSIG(status) == signal.SIGKILL
    play(root, Reports(path), now_s=NOW_S + 60)
    assert len(stored(root / "mail")) == 1
    assert Reports(path).row["state"] == "told"


def test_killed_between_its_arrival_and_the_note_it_is_found_again(root: Path) -> None:
    path = root / "report.json"
    _told, status = run_in_child(lambda _tell: play(root, KilledBeforeItIsNoted(path)))
    assert os.WTERMSIG(status) == signal.SIGKILL
    [arrived] = stored(root / "mail")
    arrived.rename(arrived.parent.parent / "cur" / f"{arrived.name}:2,S")
    play(root, Reports(path), now_s=NOW_S + 60)
    assert len(stored(root / "mail")) == 1
    assert Reports(path).row["state"] == "told"


def test_killed_there_a_next_hop_gets_a_second_one_with_the_same_name(root: Path, hop: NextHop) -> None:
    path, due = root / "report.json", msgspec.structs.replace(DUE, address="rita@relay.example")
    run_in_child(lambda _tell: play(root, KilledBeforeItIsNoted(path, due), port=hop.port))
    play(root, Reports(path, due), port=hop.port, now_s=NOW_S + 60)
    play(root, Reports(path, due), port=hop.port, now_s=NOW_S + 120)
    ids = [message_from_bytes(content)["Message-ID"] for _address, content in hop.kept]
    assert ids == ["<id-1.receipt@mx.example>"] * 2


def test_a_next_hop_that_is_away_is_tried_again_for_a_day(root: Path) -> None:
    due = msgspec.structs.replace(DUE, address="rita@relay.example")
    reports = Reports(root / "report.json", due)
    play(root, reports, port=choose_port())
    assert reports.row == {"state": "waiting", "failures": 1, "next": NOW_S + FIRST_PAUSE_S}
    play(root, reports, port=choose_port(), now_s=NOW_S + PATIENCE_S)
    assert reports.row["state"] == "skipped"


def test_a_receipt_that_cannot_be_written_is_put_off(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letter, "_written", stumble)
    reports = Reports(root / "report.json")
    play(root, reports)
    assert reports.row == {"state": "waiting", "failures": 1, "next": NOW_S + FIRST_PAUSE_S}
    monkeypatch.undo()
    play(root, reports, now_s=NOW_S + FIRST_PAUSE_S)
    assert len(stored(root / "mail")) == 1


def stumble(_letter: Letter) -> bytes:
    raise ZeroDivisionError


def test_whoever_is_not_there_any_more_is_not_told(root: Path) -> None:
    reports = Reports(root / "report.json", msgspec.structs.replace(DUE, address="gone@local.example"))
    play(root, reports)
    assert reports.row["state"] == "skipped"
    assert stored(root / "mail") == []
