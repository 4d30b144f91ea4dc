"""Passwords made here: easy to read aloud and to type, too many to guess."""

from __future__ import annotations

import secrets

# No 0 and O, 1, l and I, 5 and S, u and v: 24 signs.
ALPHABET = "abcdefghjkmnpqrtwxyz2346"
GROUPS = 4
GROUP_LENGTH = 5


def make_password() -> str:
    """20 signs in four groups: 91 bits."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(GROUP_LENGTH)) for _ in range(GROUPS))
