"""A message and its sender's own retry are one: what the session has to do so that `Reconciler` can tell."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from msgspec.structs import replace

from clement.delivery.held_mail import body_hash_of
from clement.delivery.holding import Held, Reconciler
from clement.delivery.transport import Destination
from clement.spool.content import Content


async def if_known(
    reconciler: Reconciler, held: Held, destinations: Iterable[Destination], content: Content
) -> Held | None:
    """The message with the hash of its body, if one with this name is remembered for a recipient; else None.

    So what identifies a body is computed and compared for retries alone. Raises StorageFailure.
    """
    if not any(reconciler.may_know(held, destination) for destination in destinations):
        return None
    if held.body_hash:
        return held
    if content.whole is not None:
        return replace(held, body_hash=body_hash_of(content))
    loop = asyncio.get_running_loop()
    return replace(held, body_hash=await loop.run_in_executor(None, body_hash_of, content))
