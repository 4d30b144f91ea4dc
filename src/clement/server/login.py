"""AUTH: who is this person? PLAIN and LOGIN against the directory's Argon2 hashes (RFC 4954, RFC 4616).

Wrong passwords cost time and, by client, a budget; they never lock a person
out, or anyone could. Whether the name exists changes neither the reply nor the
time it takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Final

from clement.policy.directory import Directory, Person
from clement.server.services import PasswordCheck
from clement.server.slot_table import KEY_BYTES, Entry, SlotTable
from clement.smtp import AuthError, Credentials, Mechanism, Reply, replies
from clement.smtp.auth import MECHANISMS

FAILURE_DELAY_S: Final = 1.0
WINDOW_S: Final = 600.0
FAILURES_PER_WINDOW: Final = 20


class FailureBudget:
    """Failed logins of each client in its window, at all receivers together.

    Bounded: in a bucket of the table the longest unseen is forgotten first. A right password gives nothing
    back: whoever has one of his own could guess at others between his logins.

    Not a `Tally`, which counts clients that share its cells together: many who guess would spend the budgets
    of people who do not. Here a client has an entry of its own or none. So the count of one can be too low,
    when thousands of others fail or two of its logins fail in the same instant, and never too high. Nobody
    outside can tell who shares a bucket with whom: the key is hashed as `census.slot_of` does it.
    """

    def __init__(self, table: SlotTable) -> None:
        self._table = table

    def spent(self, client_key: str, now_s: float) -> bool:
        """Whether this client must wait for its window to end. now_s: Unix time."""
        entry = self._table.get(_key(client_key))
        return entry is not None and entry.count >= FAILURES_PER_WINDOW and _holds(entry, now_s)

    def note_failure(self, client_key: str, now_s: float) -> None:
        """Count one failure. now_s: Unix time."""
        key, at_s = _key(client_key), int(now_s)
        before = self._table.get(key)
        if before is None or not _holds(before, now_s):
            before = Entry(key, at_s, at_s)
        self._table.put(Entry(key, before.first_s, at_s, before.count + 1))


def _holds(entry: Entry, now_s: float) -> bool:
    """Whether its window lasts; one that lies ahead is of a clock that was set back since."""
    return 0 <= now_s - entry.first_s < WINDOW_S


def _key(client_key: str) -> bytes:
    return hash(client_key).to_bytes(KEY_BYTES, "little", signed=True)


class Login:
    """The AUTH exchanges of one session. `person` is set once one has succeeded."""

    __slots__ = ("_budget", "_check", "_client_key", "_failures_left", "_mechanism", "person")

    def __init__(self, check: PasswordCheck, budget: FailureBudget, client_key: str, failures: int) -> None:
        self._check = check
        self._budget = budget
        self._client_key = client_key
        self._failures_left = failures
        self._mechanism: Mechanism | None = None
        self.person: Person | None = None

    def begin(
        self, mechanism: str, initial: bytes | None, directory: Directory, now_s: float
    ) -> Reply | Awaitable[Reply]:
        """AUTH with an offered mechanism."""
        if self._budget.spent(self._client_key, now_s):
            return replies.AUTH_TOO_OFTEN
        self._mechanism = MECHANISMS[mechanism]()
        return self._step(initial, directory, now_s)

    def go_on(self, response: bytes | None, directory: Directory, now_s: float) -> Reply | Awaitable[Reply]:
        """The client's answer to our challenge; None when it gave up."""
        if response is None:
            self._mechanism = None
            return replies.AUTH_CANCELLED
        return self._step(response, directory, now_s)

    def _step(self, response: bytes | None, directory: Directory, now_s: float) -> Reply | Awaitable[Reply]:
        mechanism, self._mechanism = self._mechanism, None
        if mechanism is None:
            return replies.AUTH_CANCELLED
        try:
            said = mechanism.step(response)
        except AuthError:
            return replies.AUTH_UNDECODABLE
        if isinstance(said, bytes):
            self._mechanism = mechanism
            return replies.challenge(said)
        return self._verify(said, directory, now_s)

    async def _verify(self, credentials: Credentials, directory: Directory, now_s: float) -> Reply:
        person = directory.person(credentials.name)
        acts_as_itself = credentials.authorization in ("", credentials.name)
        password_hash = person.password_hash if person is not None else ""
        right = await self._check(password_hash, credentials.password.encode("utf-8"))
        if right and person is not None and acts_as_itself:
            self.person = person
            return replies.AUTH_OK
        return await self._refuse(now_s)

    async def _refuse(self, now_s: float) -> Reply:
        self._budget.note_failure(self._client_key, now_s)
        self._failures_left -= 1
        await asyncio.sleep(FAILURE_DELAY_S)
        return replies.AUTH_TOO_OFTEN if self._failures_left <= 0 else replies.AUTH_FAILED
