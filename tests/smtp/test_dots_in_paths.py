"""A Dot-string has an atom on both sides of each dot (RFC 5321 §4.1.2), on every Python we run on.

Python 3.11.2 mismatches some possessive groups; Debian 12 has that version.
"""

import pytest

from clement.smtp import grammar


@pytest.mark.parametrize("local_part", [b"a.", b".a", b"a..b", b"a.b.", b"."])
def test_a_dot_without_an_atom_beside_it_is_no_plain_path(local_part: bytes) -> None:
    assert grammar.PLAIN_MAIL.fullmatch(b"FROM:<" + local_part + b"@x.example>") is None
    assert grammar.PLAIN_RCPT.fullmatch(b"TO:<" + local_part + b"@x.example>") is None
    assert grammar.DOT_LOCAL_PART.fullmatch(local_part.decode()) is None


@pytest.mark.parametrize("local_part", [b"a", b"a.b", b"a.b.c"])
def test_dots_between_atoms_are_fine(local_part: bytes) -> None:
    assert grammar.PLAIN_MAIL.fullmatch(b"FROM:<" + local_part + b"@x.example>")
    assert grammar.PLAIN_RCPT.fullmatch(b"TO:<" + local_part + b"@x.example>")
