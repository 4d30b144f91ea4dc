"""Real signatures, whose keys are long gone: their body hashes hold, and dkimpy reckons the same."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator

from dkim.canonicalization import CanonicalizationPolicy  # type: ignore[import-untyped]

from clement.message.authentication.dkim import DkimVerifier
from clement.message.headers import split_content
from tests.fixtures.places import shared
from tests.message.authentication.dkim_world import NOW_S

LIMIT = 400
CORPUS = "material/list_linux-man_2022_2024H1/corpus.tar.xz"


def signed_messages() -> Iterator[tuple[bytes, bytes]]:
    with tarfile.open(shared(CORPUS)) as corpus:
        count = 0
        for member in corpus:
            stored = corpus.extractfile(member)
            content = b"" if stored is None else stored.read()
            header, start = split_content(content)
            if b"dkim-signature:" in header.lower():
                yield header, content[start:]
                count += 1
            if count == LIMIT:
                return


def test_the_body_hashes_of_a_mailing_list_hold_and_dkimpy_agrees() -> None:
    held = count = 0
    for header, body in signed_messages():
        verifier = DkimVerifier(header, now_s=NOW_S)
        verifier.feed(body)
        lines = body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        for signature in verifier._found:
            found = verifier._hashes.result(signature.body_form, signature.length).digest
            policy = CanonicalizationPolicy.from_c_value(f"simple/{signature.body_form}".encode())
            canonical = policy.canonicalize_body(lines)[: signature.length]
            assert found == hashlib.sha256(canonical).digest()
            held += found == signature.body_hash
            count += 1
    assert count >= LIMIT
    # The list passes messages on as they are; a few authors' servers changed what they had signed.
    assert held > 0.95 * count
