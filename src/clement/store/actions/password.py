"""Hashing of passwords: Argon2id with the parameters of OWASP's password storage advice, 20 ms each.

Argon2's own defaults take 170 ms, which a storm of log-ins at the submission
port would turn against us.
"""

from __future__ import annotations

from argon2 import PasswordHasher

from clement.store.actions.change import ActionRefused

SHORTEST = 8
LONGEST_OCTETS = 1024

HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def password_hash(password: str) -> str:
    """The hash to store. Raises ActionRefused when the password is too short, too long, or no text."""
    if len(password) < SHORTEST:
        raise ActionRefused("password", f"at least {SHORTEST} characters")
    if "\0" in password:
        # RFC 4616 §2: PLAIN cannot carry NUL
        raise ActionRefused("password", "NUL cannot stand in a password")
    try:
        octets = password.encode("utf-8")
    except UnicodeEncodeError as reason:
        raise ActionRefused("password", "not valid Unicode text") from reason
    if len(octets) > LONGEST_OCTETS:
        raise ActionRefused("password", f"at most {LONGEST_OCTETS} octets")
    return HASHER.hash(octets)
