"""Real mail beside the standard library: the same parts, types, encodings and bodies where it is well-formed.

Left out are messages in which the standard library sees a defect, or we do: that is where readers differ.
"""

from __future__ import annotations

import email
import email.message
import email.policy
import tarfile
from collections import Counter
from collections.abc import Iterator

import pytest

from clement.message.mime.decode import decoded
from clement.message.mime.defects import MimeDefect
from clement.message.mime.part import Part
from clement.message.mime.walk import walk
from tests.fixtures.places import shared

SAMPLE = 250
EVERY = 5


def archive(name: str) -> Iterator[bytes]:
    count = 0
    with tarfile.open(shared(f"material/{name}/corpus.tar.xz")) as corpus:
        for number, member in enumerate(corpus):
            if number % EVERY or (stored := corpus.extractfile(member)) is None:
                continue
            yield stored.read()
            count += 1
            if count == SAMPLE:
                return


def kept(message: email.message.Message) -> bool:
    return not any(part.defects for part in message.walk())


def encoding(message: email.message.Message) -> str:
    said = str(message.get("content-transfer-encoding", "7bit")).strip().lower()
    return said if said in {"7bit", "8bit", "binary", "base64", "quoted-printable"} else "7bit"


def normal(octets: bytes) -> bytes:
    """The standard library ends a body before the line end of the delimiter, and gives lines as they came."""
    return octets.replace(b"\r\n", b"\n").rstrip(b"\n")


def wanted(message: email.message.Message) -> list[tuple[str, str, bytes]]:
    return [
        (
            part.get_content_type(),
            encoding(part),
            b"" if part.is_multipart() else normal(part.get_payload(decode=True) or b""),  # type: ignore[operator]
        )
        for part in message.walk()
    ]


def got(octets: bytes, parts: list[Part]) -> list[tuple[str, str, bytes]]:
    composite = ("multipart/", "message/rfc822", "message/delivery-status")
    return [
        (
            part.type,
            part.encoding,
            b"" if part.type.startswith(composite) else normal(decoded(octets, part, 1 << 24)),
        )
        for part in parts
    ]


@pytest.mark.parametrize("corpus", ["spamassassin", "list_linux-man_2022_2024H1"])
def test_well_formed_mail_has_the_parts_that_the_standard_library_sees(corpus: str) -> None:
    counts: Counter[str] = Counter()
    for octets in archive(corpus):
        message = email.message_from_bytes(octets, policy=email.policy.compat32)
        structure = walk(octets)
        counts["messages"] += 1
        if (
            set(structure.defects) - {MimeDefect.NAMES_DIFFER}
            or not kept(message)
            or b"delivery-status" in octets
        ):
            counts["left out"] += 1
            continue
        assert got(octets, list(structure.parts)) == wanted(message)
        counts["compared"] += 1
    assert counts["compared"] > 0.85 * counts["messages"], counts
