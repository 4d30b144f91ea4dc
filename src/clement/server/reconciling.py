"""A message and its sender's own retry are one: what the session has to do so that `Reconciler` can tell."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from clement.delivery.held_mail import body_hash_of
from clement.delivery.holding import Held, Reconciler
from clement.delivery.transport import Destination
from clement.spool.content import Content


async def hash_if_wanted(
    reconciler: Reconciler | None, held: Held, destinations: Iterable[Destination], content: Content
) -> bytes:
    """The hash of the body, if a message with this name is remembered for one of them; b"" otherwise.

    So it is computed for retries alone. Raises StorageFailure.
    """
    if reconciler is None or held.body_hash or not any(reconciler.may_know(held, to) for to in destinations):
        return held.body_hash
    if content.whole is not None:
        return body_hash_of(content)
    return await asyncio.get_running_loop().run_in_executor(None, body_hash_of, content)
