"""What a digest says, in two languages, in text and HTML, whatever strangers wrote."""

from __future__ import annotations

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser
from typing import cast
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clement.policy.reason import RULES, Disposition, Reason
from clement.queue.digest.composition import MOST_ITEMS, Digest, DigestItem, compose
from clement.queue.digest.words import ENGLISH, FRENCH, Words, preferred, words_for

AT_S = 1_795_680_000.0  # 2026-11-26 08:00 UTC


def item(number: str = "01K2-7", **changes: object) -> DigestItem:
    known = {
        "author": "Eve <eve@shop.example>",
        "subject": "Prix spéciaux",
        "why": "a rule of your domain",
        "at_s": AT_S - 3600,
        "kept_until_s": AT_S + 30 * 86_400,
    }
    return DigestItem(number=number, **(known | changes))  # type: ignore[arg-type]


def digest(*items: DigestItem, count: int = 0, linked: bool = True) -> Digest:
    return Digest(
        recipient="ann@local.example",
        author="postmaster@mx.example",
        host="mx.example",
        message_id="<digest.1@mx.example>",
        at_s=AT_S,
        zone=ZoneInfo("Europe/Zurich"),
        count=count or len(items),
        items=items,
        links_until_s=AT_S + 7 * 86_400,
        link=lambda deed, held: f"https://mx.example/held/{deed}-{held.number}" if linked else "",
    )


def parts(octets: bytes) -> tuple[EmailMessage, str, str]:
    message = cast("EmailMessage", message_from_bytes(octets, policy=default))
    text, html = message.iter_parts()
    return message, cast("EmailMessage", text).get_content(), cast("EmailMessage", html).get_content()


@pytest.mark.parametrize(
    ("words", "subject", "moment", "release"),
    [
        (ENGLISH, "2 messages are held for you", "Thursday, 26 November 2026, 08:00 CET", "Deliver"),
        (FRENCH, "2 messages sont retenus pour vous", "jeudi 26 novembre 2026, 08 h 00 CET", "Remettre"),
    ],
)
def test_a_digest_lists_each_message_with_its_links(
    words: Words, subject: str, moment: str, release: str
) -> None:
    message, text, html = parts(compose(digest(item(), item("01K2-8", refused=True)), words))
    assert message["Subject"] == subject
    assert message["To"] == "ann@local.example"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Content-Language"] == words.language
    for body in (text, html):
        assert moment in body
        assert release in body
        assert "Prix spéciaux" in body
        assert "https://mx.example/held/delete-01K2-8" in body
        assert body.count("https://mx.example/held/") == 6
    assert words.refused_copy.split(":")[0] in text


def test_lines_are_short_and_end_as_smtp_wants_them() -> None:
    octets = compose(digest(item(subject="é" * 400)), FRENCH)
    assert octets.endswith(b"\r\n")
    assert b"\n" not in octets.replace(b"\r\n", b"")
    assert max(map(len, octets.split(b"\r\n"))) <= 78
    assert octets.isascii()


def test_what_has_no_room_is_counted() -> None:
    many = [item(f"n-{number}") for number in range(MOST_ITEMS + 5)]
    _message, text, html = parts(compose(digest(*many, count=250), ENGLISH))
    assert "And 150 more" in text
    assert "And 150 more" in html
    assert f"n-{MOST_ITEMS - 1}" in text
    assert f"n-{MOST_ITEMS}" not in text


def test_without_a_page_to_lead_to_the_digest_says_whom_to_ask() -> None:
    _message, text, html = parts(compose(digest(item(), linked=False), ENGLISH))
    assert "Ask the administrator" in text
    assert "<a " not in html


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.append(tag)


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=300))
def test_nothing_that_strangers_wrote_becomes_markup_or_a_header(author: str, subject: str, why: str) -> None:
    hostile = digest(item(author=author, subject=subject, why=why))
    message, text, html = parts(compose(hostile, ENGLISH))
    reference, _text, plain = parts(compose(digest(item(author="a", subject="b", why="c")), ENGLISH))
    assert message.keys() == reference.keys()
    seen, wanted = _Tags(), _Tags()
    seen.feed(html)
    wanted.feed(plain)
    assert seen.seen == wanted.seen
    assert all(char.isprintable() or char in "\r\n" for char in text)


@pytest.mark.parametrize(
    ("field", "language"),
    [
        ("", "en"),
        ("fr-CA,fr;q=0.9,en;q=0.8", "fr"),
        ("de, en;q=0.5, fr;q=0.7", "fr"),
        ("fr;q=0, en", "en"),
        ("fr;q=x", "en"),
        ("zh", "en"),
    ],
)
def test_pages_speak_the_reader_s_language_where_we_know_it(field: str, language: str) -> None:
    assert preferred(field).language == language


@pytest.mark.parametrize("words", [ENGLISH, FRENCH])
def test_every_reason_for_which_mail_is_held_has_words(words: Words) -> None:
    held = {
        reason.value
        for reason, rule in RULES.items()
        if rule.setting or rule.disposition is Disposition.QUARANTINE
    }
    assert held | {Reason.UNWANTED.value} <= words.reasons.keys()


def test_a_regional_language_is_its_main_one() -> None:
    assert words_for("fr-CH") is FRENCH
    assert words_for("sv") is ENGLISH


def test_a_recipient_in_another_script_is_written_as_rfc_6532_has_it() -> None:
    octets = compose(msgspec.structs.replace(digest(item()), recipient="renée@xn--bcher-kva.example"), FRENCH)
    assert "\r\nTo: renée@xn--bcher-kva.example\r\n" in octets.decode("utf-8")
    _message, text, _html = parts(octets)
    assert "renée@xn--bcher-kva.example" in text
