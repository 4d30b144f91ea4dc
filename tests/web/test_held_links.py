"""Links of digests do nothing by themselves; a person's answer does what they say, once."""

from __future__ import annotations

import io
from html import unescape
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from clement.queue.digest.links import Deed, HeldLink, sign
from clement.queue.digest.words import ENGLISH, words_for
from clement.web.held_links import PREFIX, Fate, HeldPages, NotAccepted, Shown
from clement.web.placeholder import application

KEY = bytes(range(32))
NOW_S = 1_800_000_000.0


class Desk:
    """Holds one message and does as told."""

    def __init__(self) -> None:
        self.done: list[HeldLink] = []
        self.found: Shown | Fate | NotAccepted = Shown("Eve <eve@shop.example>", "<b>Offer</b>", NOW_S)

    def look(self, link: HeldLink) -> Shown | Fate:
        assert not isinstance(self.found, NotAccepted)
        return Fate.ALREADY if self.done else self.found

    def act(self, link: HeldLink) -> Fate | NotAccepted:
        if self.done:
            return Fate.ALREADY
        if not isinstance(self.found, Shown):
            return self.found
        self.done.append(link)
        return Fate.DONE


@pytest.fixture
def desk() -> Desk:
    return Desk()


def link(deed: Deed = Deed.RELEASE, expires_s: float = NOW_S + 60) -> HeldLink:
    return HeldLink(deed, "01K2-7", "ann@local.example", int(expires_s))


def ask(
    desk: Desk, token: str, method: str = "GET", form: bytes = b"", language: str = ""
) -> tuple[int, dict[str, str], str]:
    pages = HeldPages(desk, lambda: KEY, lambda: NOW_S, desk)
    answered: dict[str, Any] = {}

    def start(status: str, headers: list[tuple[str, str]]) -> None:
        answered.update(status=int(status.split(maxsplit=1)[0]), headers=dict(headers))

    environment = {
        "REQUEST_METHOD": method,
        "PATH_INFO": PREFIX + token,
        "CONTENT_LENGTH": str(len(form)),
        "wsgi.input": io.BytesIO(form),
        "HTTP_ACCEPT_LANGUAGE": language,
    }
    body = b"".join(application("mx.example", Path("/nonexistent"), pages)(environment, start))
    return answered["status"], answered["headers"], body.decode()


@pytest.mark.parametrize("deed", Deed)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_following_a_link_shows_the_message_and_does_nothing(desk: Desk, deed: Deed, method: str) -> None:
    status, headers, page = ask(desk, sign(link(deed), KEY), method)
    assert status == HTTPStatus.OK
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert desk.done == []
    if method == "HEAD":
        assert (page, int(headers["Content-Length"]) > 0) == ("", True)
        return
    assert '<form method="post">' in page
    assert f'value="{deed}"' in page
    assert "&lt;b&gt;Offer&lt;/b&gt;" in page


@pytest.mark.parametrize("deed", Deed)
def test_the_answer_does_it_once(desk: Desk, deed: Deed) -> None:
    token, form = sign(link(deed), KEY), f"deed={deed}".encode()
    status, _headers, page = ask(desk, token, "POST", form, "fr")
    assert status == HTTPStatus.OK
    assert '<html lang="fr">' in page
    assert desk.done == [link(deed)]
    already = ENGLISH.page(deed).already
    assert already in ask(desk, token, "POST", form)[2]
    assert already in ask(desk, token)[2]
    assert len(desk.done) == 1


@pytest.mark.parametrize(
    ("language", "refused", "held", "nameless"),
    [
        ("en", "rule number 12 refuses it", "rule number 12 holds it back", "no rule can be made"),
        ("fr", "la règle numéro 12 le refuse", "la règle numéro 12 le retient", "aucune règle ne peut"),
    ],
)
def test_the_page_does_not_promise_what_a_rule_stands_against(
    desk: Desk, language: str, refused: str, held: str, nameless: str
) -> None:
    deed = Deed.RELEASE_AND_ACCEPT
    token, form = sign(link(deed), KEY), f"deed={deed}".encode()
    for found, told in (
        (NotAccepted(12, "refuse"), refused),
        (NotAccepted(12, "quarantine"), held),
        (NotAccepted(), nameless),
    ):
        desk.found = found
        status, _headers, page = ask(desk, token, "POST", form, language)
        assert status == HTTPStatus.OK
        words = words_for(language)
        assert told in unescape(page)
        assert words.done[Deed.RELEASE] in unescape(page)
        assert words.done[deed] not in unescape(page)


@pytest.mark.parametrize(
    "form", [b"", b"deed=delete", b"deed=release&deed=release", b"x" * 2000, b"\xff=%zz"]
)
def test_an_answer_to_another_question_only_asks_again(desk: Desk, form: bytes) -> None:
    status, _headers, page = ask(desk, sign(link(), KEY), "POST", form)
    assert status == HTTPStatus.OK
    assert "<form" in page
    assert desk.done == []


@pytest.mark.parametrize(
    ("token", "status", "told"),
    [
        (sign(link(), bytes(32)), HTTPStatus.NOT_FOUND, "not complete"),
        (sign(link(), KEY)[:-3], HTTPStatus.NOT_FOUND, "not complete"),
        ("", HTTPStatus.NOT_FOUND, "not complete"),
        (sign(link(expires_s=NOW_S), KEY), HTTPStatus.GONE, "has expired"),
    ],
    ids=["of another site", "cut", "empty", "late"],
)
def test_links_that_are_cut_forged_or_late_act_for_nobody(
    desk: Desk, token: str, status: HTTPStatus, told: str
) -> None:
    for method, form in (("GET", b""), ("POST", b"deed=release")):
        answered, _headers, page = ask(desk, token, method, form)
        assert answered == status
        assert told in page
        assert "Eve" not in page
    assert desk.done == []


@pytest.mark.parametrize(
    ("fate", "status"), [(Fate.GONE, HTTPStatus.GONE), (Fate.NOT_NOW, HTTPStatus.SERVICE_UNAVAILABLE)]
)
def test_what_cannot_be_done_is_said(desk: Desk, fate: Fate, status: HTTPStatus) -> None:
    desk.found = fate
    assert ask(desk, sign(link(), KEY))[0] == status
    assert ask(desk, sign(link(), KEY), "POST", b"deed=release")[0] == status


def test_without_the_key_nothing_is_judged_and_the_page_says_to_come_back(desk: Desk) -> None:
    pages = HeldPages(desk, lambda: None, lambda: NOW_S, desk)
    for token in (sign(link(), KEY), "forged"):
        answer = pages.answer("POST", token, "", b"deed=release")
        assert (answer.status, ENGLISH.not_now in answer.html) == (HTTPStatus.SERVICE_UNAVAILABLE, True)
    assert desk.done == []


def test_other_methods_are_refused(desk: Desk) -> None:
    status, headers, _page = ask(desk, sign(link(), KEY), "DELETE")
    assert (status, headers["Allow"]) == (HTTPStatus.METHOD_NOT_ALLOWED, "GET, HEAD, POST")
