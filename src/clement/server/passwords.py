"""Password hashes, checked in threads: Argon2 is slow on purpose, and the event loop must not wait for it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# OWASP's second choice (19 MiB, two passes), so that many logins at once do not exhaust the machine.
HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
REMEMBERED: Final = 2000
THREADS: Final = 2


def hash_password(password: str) -> str:
    """The Argon2id hash of a new password, in PHC string format."""
    return HASHER.hash(password)


class Argon2Check:
    """Verifies passwords; remembers, keyed and in memory only, which ones were right a moment ago.

    secret: random bytes of this process; what is remembered is useless without them.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._threads = ThreadPoolExecutor(THREADS, "password")
        self._right: OrderedDict[bytes, None] = OrderedDict()
        # For names that do not exist: refusing them must take as long (hostile to guessing which do).
        self._nobody = HASHER.hash(secret.hex())

    async def __call__(self, password_hash: str, password: bytes) -> bool:
        """Whether the password belongs to the hash; "" stands for nobody's hash and is never right."""
        key = self._key(password_hash, password)
        if key in self._right:
            self._right.move_to_end(key)
            return True
        loop = asyncio.get_running_loop()
        right = await loop.run_in_executor(self._threads, _verify, password_hash or self._nobody, password)
        right = right and bool(password_hash)
        if right:
            self._remember(key)
        return right

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _key(self, password_hash: str, password: bytes) -> bytes:
        return blake2b(password_hash.encode() + b"\0" + password, key=self._secret, digest_size=16).digest()

    def _remember(self, key: bytes) -> None:
        self._right[key] = None
        if len(self._right) > REMEMBERED:
            self._right.popitem(last=False)


def _verify(password_hash: str, password: bytes) -> bool:
    try:
        return HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
