"""Real mail: nothing raises, nearly all has one author, and the standard library agrees where it is right."""

from __future__ import annotations

import email.message
import email.parser
import email.policy
import tarfile
from collections import Counter
from collections.abc import Iterator
from email.errors import HeaderParseError
from pathlib import Path

import pytest

from clement.message.defects import Defect
from clement.message.grammar import MAX_SUBJECT_CHARS, MessageFacts, examine
from clement.message.headers import fields, split_content
from clement.message.text import visible
from tests.fixtures.places import shared

LIMIT = 1500
PARSER = email.parser.BytesHeaderParser(policy=email.policy.default)


def archive(name: str) -> Iterator[bytes]:
    with tarfile.open(shared(f"material/{name}/corpus.tar.xz")) as corpus:
        count = 0
        for member in corpus:
            stored = corpus.extractfile(member)
            if stored is not None:
                yield stored.read()
                count += 1
            if count == LIMIT:
                return


def folder(name: str) -> Iterator[bytes]:
    for path in sorted(shared(f"material/{name}").rglob("*")):
        if path.is_file():
            yield path.read_bytes()


CORPORA = {
    "spamassassin": lambda: archive("spamassassin"),
    "linux-man": lambda: archive("list_linux-man_2022_2024H1"),
    "mime4j": lambda: folder("mime_mime4j"),
    "rubymail": lambda: folder("mime_rubymail"),
    "bounces": lambda: folder("bounces_sisimai"),
    "rules": lambda: folder("antispam_spamassassin"),
}


@pytest.mark.parametrize("corpus", CORPORA)
def test_no_real_message_raises(corpus: str) -> None:
    seen = 0
    for content in CORPORA[corpus]():
        block, body_start = split_content(content)
        facts = examine(block)
        assert content.startswith(block)
        assert body_start <= len(content)
        for field in fields(block):
            assert block[field.start : field.end].startswith(field.name)
        assert len(facts.subject) <= MAX_SUBJECT_CHARS
        assert not any(character in facts.subject for character in "\r\n\0\x1b\x07")
        seen += 1
    assert seen > 50


@pytest.mark.parametrize("corpus", ["spamassassin", "linux-man"])
def test_nearly_every_message_has_one_author(corpus: str) -> None:
    counts: Counter[str] = Counter()
    for content in CORPORA[corpus]():
        facts = examine(split_content(content)[0])
        counts["messages"] += 1
        counts["one From"] += facts.from_count == 1
        counts["one domain"] += len(facts.author_domains) == 1
        counts["clear"] += Defect.AUTHOR_SYNTAX not in facts.defects
    assert counts["one From"] == counts["messages"]
    assert counts["one domain"] >= 0.99 * counts["messages"]
    assert counts["clear"] >= 0.99 * counts["messages"]


@pytest.mark.parametrize("corpus", ["spamassassin", "linux-man"])
def test_the_standard_library_sees_the_same(corpus: str) -> None:
    compared = Counter[str]()
    for content in CORPORA[corpus]():
        block, _ = split_content(content)
        # The separators of mbox stop the standard library's parser; 8-bit octets and broken ones mislead it.
        block = block[block.index(b"\n") + 1 :] if block.startswith(b"From ") else block
        facts = examine(block)
        if facts.defects - {Defect.STRAY_CR_OR_LF, Defect.LINE_TOO_LONG}:
            continue
        compare(facts, PARSER.parsebytes(block), compared)
    assert compared["author same"] >= 0.995 * compared["author"]
    assert compared["subject same"] >= 0.98 * compared["subject"]
    assert compared["author"] > 1000


def compare(facts: MessageFacts, message: email.message.EmailMessage, compared: Counter[str]) -> None:
    try:
        theirs = [address.addr_spec.lower() for address in message["From"].addresses]
        subject = str(message["Subject"] or "")
    except (HeaderParseError, AttributeError, IndexError, ValueError, UnicodeError):
        return
    compared["author"] += 1
    compared["author same"] += [author.address.lower() for author in facts.authors] == theirs
    compared["subject"] += 1
    compared["subject same"] += facts.subject == visible(subject.strip(), MAX_SUBJECT_CHARS)


def test_case_100_the_torture_set_is_split_where_its_headers_end() -> None:
    for path in sorted(Path(shared("material/mime_mime4j")).rglob("*.msg")):
        content = path.read_bytes()
        block, body_start = split_content(content)
        between = content[len(block) : body_start]
        assert between in {b"\r\n", b"\n", b""}
