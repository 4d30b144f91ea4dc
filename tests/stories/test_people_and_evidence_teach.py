"""Reports of people who have logged in, traps, and answers to one's own mail become lessons."""

from __future__ import annotations

from tests.server.furnish import LOGIN, PASSWORD
from tests.server.house import Builder, House
from tests.server.talk import Answer, message

TABLES = {
    "learning": {
        "report_spam": "Spam@local.example",
        "report_ham": "ham@local.example",
        "report_mails_per_hour": 0,
        "traps": ["carla@local.example"],
    }
}
ANNA, BRUNO, CARLA = "anna@local.example", "bruno@local.example", "carla@local.example"
ACTS = "SELECT way, unwanted, mailbox_key, actor, message_id FROM clement_teachingact ORDER BY id"


def attached(*subjects: str) -> bytes:
    """What a mail program sends when messages are forwarded as attachments."""
    parts = [b"Content-Type: text/plain\r\n\r\nPlease look at these.\r\n"]
    parts += [b"Content-Type: message/rfc822\r\n\r\n" + message(subject) for subject in subjects]
    body = b"".join(b"--=b\r\n" + part for part in parts) + b"--=b--\r\n"
    header = f"From: <{LOGIN}>\r\nSubject: report\r\nMIME-Version: 1.0\r\n".encode()
    return header + b'Content-Type: multipart/mixed; boundary="=b"\r\n\r\n' + body


def post(house: House, recipient: str, content: bytes) -> Answer:
    """What anna is told when she has logged in and sends this."""
    with house.client("submissions") as client:
        assert client.log_in(LOGIN, PASSWORD).code == 235
        assert client.envelope(recipient, sender=LOGIN)[-1].code == 250
        return client.content(content)


def receive(house: House, recipient: str, content: bytes) -> None:
    with house.client() as client:
        client.envelope(recipient)
        assert client.content(content).code == 250


def test_people_report_and_traps_and_answers_teach_by_themselves(build: Builder) -> None:
    house = build(tables=TABLES)
    (anna,) = house.rows("SELECT id FROM clement_mailbox WHERE address = ?", ANNA)[0]

    # A report is answered in the session, and delivered to nobody.
    answer = post(house, "spam@local.example", attached("offer1", "offer2"))
    assert (answer.codes, answer.text.partition(" [")[0]) == (
        "250 2.0.0",
        "Thank you: 2 messages learned as spam",
    )
    assert post(house, "ham@local.example", attached("wanted1")).code == 250
    empty = post(house, "spam@local.example", message("words only", author=LOGIN))
    assert empty.codes == "554 5.6.0"
    assert "forward as attachment" in empty.text
    house.wait_for_row("SELECT id FROM clement_teachingact WHERE message_id = '<wanted1@sender.example>'")
    reported = [("report", 1, anna, LOGIN), ("report", 1, anna, LOGIN), ("report", 0, anna, LOGIN)]
    assert [row[:4] for row in house.rows(ACTS)] == reported
    assert house.stored() == []

    # To a stranger there is no such mailbox, and it shares a transaction with nobody.
    with house.client() as client:
        assert client.envelope("spam@local.example")[-1].codes == "550 5.1.1"
    with house.client("submissions") as client:
        client.log_in(LOGIN, PASSWORD)
        answers = client.envelope("spam@local.example", BRUNO, sender=LOGIN)
        assert [each.codes for each in answers] == ["250 2.1.5", "452 4.5.3"]

    # A trap takes its mail as any mailbox does; an answer to anna's own message was asked for.
    receive(house, CARLA, message("trapped"))
    assert post(house, BRUNO, message("question", author=LOGIN)).code == 250
    answering = b"In-Reply-To: <question@sender.example>\r\n" + message("answer")
    receive(house, BRUNO, answering)  # he had not asked
    receive(house, ANNA, b"In-Reply-To: <never@sender.example>\r\n" + message("claimed"))
    receive(house, ANNA, answering)
    house.wait_for_row("SELECT id FROM clement_teachingact WHERE way = 'reply'")
    by_itself = [row for row in house.rows(ACTS) if row[0] != "report"]
    assert by_itself == [
        ("trap", 1, 0, "(trap)", "<trapped@sender.example>"),
        ("reply", 0, anna, "(reply)", "<answer@sender.example>"),
    ]
    assert len(house.stored()) == 5
