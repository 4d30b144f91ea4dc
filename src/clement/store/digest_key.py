"""The secret that signs the links of digests: made once, the same on every node."""

from __future__ import annotations

from collections.abc import Callable

from clement.store.models import DigestKey

_ONLY_ROW = 1


def digest_key(random_octets: Callable[[int], bytes]) -> bytes:
    """The secret, 32 octets; made with `random_octets` when there is none yet. Raises django.db.Error."""
    fresh = random_octets(32).hex()
    row, _made = DigestKey.objects.get_or_create(pk=_ONLY_ROW, defaults={"octets": fresh})
    return bytes.fromhex(row.octets)
