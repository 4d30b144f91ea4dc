"""Hostile cases 113 to 119 as a client meets them: no reply waits for SQL, so nothing changes without it."""

import os
import signal
from contextlib import suppress

import pytest

from tests.fixtures.programs import wait_until
from tests.server.house import Builder, House, Server
from tests.server.talk import message

ANNA = "anna@local.example"
COUNT = "SELECT count(*) FROM clement_transaction WHERE subject LIKE ?"


def deliver(house: House, subject: str) -> None:
    with house.client() as client:
        assert client.envelope(ANNA, "nobody@local.example")[1].codes == "550 5.1.1"
        assert client.content(message(subject)).code == 250


def test_case_113_the_database_is_gone_and_comes_back(build: Builder) -> None:
    house = build()
    database = house.folder / "clement.sqlite3"
    # The database goes first and comes last: who finds it shall find its journal as well.
    files = sorted((path for path in house.folder.glob("clement.sqlite3*") if path.is_file()), reverse=True)
    away = house.folder / "away"
    away.mkdir()
    recorder = house.process("recorder")
    os.kill(recorder, signal.SIGKILL)  # it would go on writing to the file it has open
    for path in reversed(files):
        # Whoever was the last to close the database has put its journal away himself.
        with suppress(FileNotFoundError):
            path.rename(away / path.name)
    for number in range(3):
        deliver(house, f"case-113-{number}")
    for path in files:
        with suppress(FileNotFoundError):
            (away / path.name).rename(path)
    assert database.exists()
    house.wait_for_rows(lambda rows: rows == [(3,)], COUNT, "case-113-%")
    assert len(house.messages(ANNA)) == 3


def test_case_113_starting_without_the_database_uses_the_last_directory(build: Builder) -> None:
    house = build()
    deliver(house, "before")
    house.program.stop()
    database = house.folder / "clement.sqlite3"
    database.rename(house.folder / "away")
    database.mkdir()  # SQLite cannot open a folder, nor make the file anew
    house.start_again()
    deliver(house, "without")
    database.rmdir()
    (house.folder / "away").rename(database)
    house.wait_for_rows(lambda rows: rows == [(1,)], COUNT, "without")


@pytest.mark.parametrize(
    "subject",
    [
        "'; DROP TABLE clement_session; --",
        "%s %d %(a)s {0}",
        "back\\slash",
        "\x1b[31mred",
        "\N{GRINNING FACE}" * 30,
        "x" * 200_000,  # a header longer than 256 KiB is refused as unreadable
        "=?utf-8?b?AA==?=",
    ],
    ids=lambda text: ascii(text)[:20],
)
def test_case_117_hostile_text_decides_nothing(server: Server, subject: str) -> None:
    text = f"From: <a@sender.example>\r\nMessage-ID: <117@x>\r\nSubject: {subject}\r\n\r\nx\r\n".encode()
    with server.client() as client:
        client.ask("RSET")
        client.envelope(ANNA, sender="o'brien%s@sender.example", words=" BODY=8BITMIME")
        assert client.content(text).code == 250
        server.copies += 1
    server.house.wait_for_row(
        "SELECT id FROM clement_transaction WHERE reverse_path = ?", "o'brien%s@sender.example"
    )


def test_case_117_octets_that_are_no_text(server: Server) -> None:
    with server.client() as client:
        client.send(b"\xff\xfe\x00 \xed\xa0\x80\r\n")
        client.expect("500")
        client.envelope(ANNA, sender="octets@sender.example", words=" BODY=8BITMIME")
        content = b"From: <a@sender.example>\r\nSubject: \xff\xfe \xed\xa0\x80\r\n\r\n\xff\r\n"
        assert client.content(content).code == 250
        server.copies += 1
        client.ask("QUIT")
    server.house.wait_for_row(
        "SELECT id FROM clement_transaction WHERE reverse_path = ?", "octets@sender.example"
    )


def test_case_119_a_database_without_our_tables_is_not_served(build: Builder) -> None:
    house = build()
    house.program.stop()
    (house.folder / "clement.sqlite3").rename(house.folder / "away")
    (house.folder / "clement.sqlite3").touch()
    house.program.start_again()
    wait_until(lambda: not house.program.running, "refused to start")
    assert house.program.exit_code == 4
    assert "init" in house.program.output()
