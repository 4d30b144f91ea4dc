"""Links that deceive are told; links of ordinary mail are not."""

from __future__ import annotations

import pytest

from clement.message.grammar import MessageFacts
from clement.message.reading import Link, Origin, Reading
from clement.policy.checks import links
from clement.policy.facts import ContentFacts
from clement.policy.finding import Finding
from clement.policy.study import ContentStudy
from tests.policy.samples import content


def with_links(*found: Link, authors: tuple[str, ...] = ("sender.example",)) -> ContentFacts:
    facts = content(MessageFacts(from_count=1, author_domains=authors))
    facts.study = ContentStudy(reading=Reading(links=found))
    return facts


def anchor(target: str, text: str = "here") -> Link:
    return Link(target, text, Origin.ANCHOR)


def told(target: str, text: str = "here", origin: Origin = Origin.ANCHOR) -> Finding | None:
    return links.check(with_links(Link(target, text, origin)))


@pytest.mark.parametrize(
    ("target", "text", "words", "weight"),
    [
        ("https://evil.test/", "https://bank.example/x", "bank.example leads to evil.test", 1.5),
        ("https://evil.test/", "www.bank.example", "www.bank.example leads to evil.test", 1.5),
        ("https://click.list-manage.com/", "https://bank.example/x", "text names another host", 0.2),
        ("https://go.sender.example/", "https://bank.example/x", "text names another host", 0.2),
        ("https://b\u0430nk.test/", "bank.test", "text looks like its target", 5.0),
        ("https://bank.example@evil.test/", "here", "bank.example@evil.test", 2.5),
        ("https://x@evil.test/", "here", "another name stands before", 1.0),
        ("http://203.0.113.7/", "here", "an address without a name: 203.0.113.7", 1.5),
        ("http://192.168.1.1/", "here", "an address without a name", 0.3),
        ("http://3405803783/", "here", "in a disguise: 203.0.113.7", 3.5),
        ("http:\\\\evil.test/", "here", "as no program writes it: backslashes", 1.0),
        ("https://evil.test:8443/", "here", "unusual port: evil.test:8443", 0.5),
        ("javascript:alert(1)", "here", "runs a script", 2.0),
        ("data:text/html,x", "here", "holds its page itself", 2.0),
        ("https://loca1.example/", "here", "loca1.example looks like local.example", 3.0),
        ("https://re-lay.example/", "here", "looks like relay.example", 3.0),
        ("https://local.example.evil.test/", "here", "is not of local.example", 2.0),
        ("https://sencler.example/", "here", "", 0.0),
        ("https://s\u0435nder.example/", "here", "like the author's", 4.0),
        ("https://\u0430\u0440\u0440\u04cf\u0435.test/", "here", "passes for another", 1.5),
    ],
)
def test_what_deceives_is_told(target: str, text: str, words: str, weight: float) -> None:
    found = told(target, text)
    if not words:
        assert found is None
        return
    assert found is not None
    assert found.reason is None, "evidence only"
    assert words in found.detail
    assert found.weight == weight


@pytest.mark.parametrize(
    ("target", "text", "origin"),
    [
        ("https://www.bank.example/login", "bank.example", Origin.ANCHOR),
        ("https://shop.example/a", "Our offers", Origin.ANCHOR),
        ("https://shop.example/a", "report.pdf", Origin.ANCHOR),
        ("https://img.test/x.png", "https://bank.example", Origin.IMAGE),
        ("data:image/png;base64,xx", "", Origin.IMAGE),
        ("mailto:a@bank.example", "a@bank.example", Origin.ANCHOR),
        ("https://anything.local.example/", "local.example", Origin.ANCHOR),
        ("https://m\u00fcnchen.test/", "m\u00fcnchen.test", Origin.ANCHOR),
        ("#top", "Top", Origin.ANCHOR),
        ("", "", Origin.ANCHOR),
    ],
)
def test_ordinary_links_are_not_told(target: str, text: str, origin: Origin) -> None:
    assert told(target, text, origin) is None


def test_without_links_there_is_nothing_to_tell() -> None:
    assert links.check(content()) is None
    assert links.check(with_links()) is None


def test_a_kind_of_sign_counts_once_and_all_together_are_bounded() -> None:
    many = [anchor(f"https://evil{n}.test/", "https://bank.example/") for n in range(50)]
    found = links.check(with_links(*many))
    assert found is not None
    assert found.weight == 1.5
    assert "(50 links)" in found.detail
    worse = [
        anchor("https://bank.example@loca1.example:99/", "https://bank.example/"),
        anchor("javascript:x"),
    ]
    found = links.check(with_links(*many, *worse))
    assert found is not None
    assert found.weight == links.MAX_WEIGHT


def test_case_103_what_a_link_says_is_bounded_and_escaped_in_the_log() -> None:
    hostile = [anchor("http://" + "\u202e@" * 5000 + "a.test/", "x" * 5000) for _ in range(300)]
    found = links.check(with_links(*hostile))
    assert found is not None
    assert len(found.detail) <= links.MAX_DETAIL_CHARS
    assert "\u202e" not in found.detail
