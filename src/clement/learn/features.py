"""The features of one message: what the learning filter goes by.

Three experts look at a message, each at something else (`Expert`): named features (words and pairs of words
by field, addresses, trace, links, structure, attachments), the octets of the header, the octets of the text
as it is read. Whoever wants to pass has to please all three.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from math import log2

import numpy as np
from numpy.typing import NDArray

from clement.learn.hashing import Expert, Hashes, hasher
from clement.learn.header_words import HeaderWords
from clement.learn.words import Line, words_of
from clement.message.attachment import Attachment
from clement.message.authentication.organizational_domain import organizational_domain
from clement.message.mime.part import Walk
from clement.message.reading import Link, Reading
from clement.policy.finding import Finding
from clement.policy.study import Features

MAX_NAMES = 6000
MAX_NAMES_BYTES = 128 * 1024
"""Of all names that travel with a message; a feature beyond has none."""
MAX_TEXT_CHARS = 60_000
MAX_TEXT_WORDS = 4000
MAX_TEXT_OCTETS = 3500
MAX_LINKS = 150
MAX_PARTS = 30

#   scheme "://" [ userinfo "@" ] host [ ":" port ] path [ "?" query ]      RFC 3986 §3
_LINK = re.compile(
    r"\s*(?:([a-zA-Z][\w+.\-]{0,19}):)?(?://)?(?:[^/@?#]{0,200}@)?([^/:?#]{0,255})([^?#]{0,500})(\??)"
)


def extract(
    octets: bytes | memoryview,
    walk: Walk,
    reading: Reading,
    attachments: Sequence[Attachment],
    key: bytes,
) -> Features:
    """The features of a message that has been walked and read, hashed under the site's key."""
    site = hasher(key)
    start, end = walk.parts[0].header if walk.parts else (0, len(octets))
    header = HeaderWords(bytes(octets[start:end]))
    lines = [*header.lines, *_texts(reading), *_file_names(attachments)]
    single = [*header.names, *_structure(walk, reading), *_links(reading.links), *_attachments(attachments)]
    words = _in_row(lines)
    names = [*_octets_of(single), *words]
    hashes = site.names(names)
    in_row = hashes[len(names) - len(words) :]
    places = _first_places(hashes)
    inside = in_row != site.names([_BREAK])
    both = inside[:-1] & inside[1:]
    packed = [
        hashes[places],
        site.pairs(in_row[:-1][both], in_row[1:][both]),
        site.grams(header.octets, Expert.HEADER_OCTETS),
        site.grams(_text_octets(reading), Expert.TEXT_OCTETS),
    ]
    return Features(
        np.concatenate(packed).astype("<u4").tobytes(), _packed(map(names.__getitem__, places.tolist()))
    )


def of_findings(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Names of features that stand for what other checks have found, such as "spf=fail"; each once."""
    names: dict[str, None] = {}
    for finding in findings:
        names[f"{finding.check}={finding.result}"] = None
        if finding.reason is not None:
            names[f"{finding.check}:{finding.reason}"] = None
    return tuple(names)


_BREAK = b""
"""Between two lines, whose words are no neighbours."""


def _in_row(lines: Iterable[Line]) -> list[bytes]:
    """The words of all lines behind each other, each with the kind of its line before it."""
    row: list[bytes] = []
    for line in lines:
        if line.kind:
            kind = f"{line.kind}:".encode()
            row += [kind + word for word in line.words]
        else:
            row += line.words
        row.append(_BREAK)
    return row


def _octets_of(names: list[str]) -> list[bytes]:
    """Names as they are hashed and packed: no NUL, no line feed."""
    octets = "\n".join(names).encode("utf-8", "replace").replace(b"\0", b" ")
    return octets.split(b"\n")[:MAX_NAMES]


def _first_places(hashes: Hashes) -> NDArray[np.intp]:
    """Where each hash stands first. Sorting it with its place is quicker than asking for the order."""
    ordered = np.sort(hashes.astype(np.uint64) << np.uint64(32) | np.arange(len(hashes), dtype=np.uint64))
    values = ordered >> np.uint64(32)
    first = np.empty(len(hashes), np.bool_)
    first[:1] = True
    np.not_equal(values[1:], values[:-1], out=first[1:])
    return np.sort((ordered[first] & np.uint64(0xFFFFFFFF)).astype(np.intp))


def _packed(names: Iterable[bytes]) -> bytes:
    packed = b"\0".join(names)
    if len(packed) <= MAX_NAMES_BYTES:
        return packed
    return packed[: max(0, packed.rfind(b"\0", 0, MAX_NAMES_BYTES))]


def _texts(reading: Reading) -> Iterable[Line]:
    left = MAX_TEXT_WORDS
    for text in reading.texts:
        words = words_of(text.text[:MAX_TEXT_CHARS], left)
        left -= len(words)
        yield Line("", words)
        if left <= 0:
            return


def _text_octets(reading: Reading) -> bytes:
    texts = "\n".join(text.text[:MAX_TEXT_OCTETS] for text in reading.texts[:8])
    return texts[:MAX_TEXT_OCTETS].encode("utf-8", "replace")[:MAX_TEXT_OCTETS]


def _structure(walk: Walk, reading: Reading) -> Iterable[str]:
    for part in walk.parts[:MAX_PARTS]:
        yield f"part:{part.depth}:{part.type}"
        yield f"charset:{part.charset}"
        yield f"encoding:{part.encoding}"
        yield f"disposition:{part.disposition}"
    yield "parts:" + "/".join(part.type for part in walk.parts[:8])
    yield from (f"defect:{defect}" for defect in walk.defects[:50])
    yield from (f"sign:{sign}" for sign in reading.signs[:50])
    yield from ("html" if text.html else "plain" for text in reading.texts[:8])
    yield f"size:{int(log2(1 + sum(len(text.text) for text in reading.texts)))}"


def _links(links: Sequence[Link]) -> Iterable[str]:
    hosts: dict[str, None] = {}
    yield from {f"link:{link.origin}" for link in links}
    for target in dict.fromkeys(link.target for link in links[:MAX_LINKS]):
        match = _LINK.match(target)
        if match is None:
            continue
        scheme, host, path, query = match.groups()
        if scheme:
            yield f"scheme:{scheme.lower()}"
        hosts[host.lower()] = None
        yield from ["path:" + word.decode() for word in words_of(path, 8)]
        if query:
            yield "query"
    for host in hosts:
        yield f"host:{host}"
        if host[-1:].isdigit():
            yield "host-is-address"
        elif host.isascii():
            domain = organizational_domain(host.strip("."))
            yield f"domain:{domain}"
            yield f"tld:{domain.rpartition('.')[2]}"


def _file_names(attachments: Sequence[Attachment]) -> Iterable[Line]:
    return [Line("file", words_of(attachment.path, 10)) for attachment in attachments[:MAX_PARTS]]


def _attachments(attachments: Sequence[Attachment]) -> Iterable[str]:
    for attachment in attachments[:MAX_PARTS]:
        yield f"attached:{attachment.type}"
        yield f"declared:{attachment.declared}"
        yield f"extension:{attachment.path.rpartition('.')[2][:10].lower()}"
        yield from (f"is:{category}" for category in attachment.categories)
