"""Does what the links of digests ask for, with the rights of the one recipient and no more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import DatabaseError, close_old_connections

from clement.queue.digest.links import Deed, HeldLink
from clement.store.access import held as access
from clement.store.access.actor import Actor, NotFound
from clement.store.actions.acceptance import accept_author
from clement.store.actions.change import ActionRefused, StoreUnavailable
from clement.store.actions.held import delete, release
from clement.store.digest_key import digest_key
from clement.store.held_records import HeldRow, HeldState
from clement.telemetry import events as log_events
from clement.telemetry.log import Log
from clement.telemetry.pace import Pace
from clement.web.held_links import Fate, NotAccepted, Shown

log = Log("web")


class SqlLinkKey:
    """The key of the links, as `held_links.HeldPages` asks for it. random_octets: what one is made of."""

    def __init__(self, random_octets: Callable[[int], bytes]) -> None:
        self._random_octets = random_octets
        self._pace = Pace()

    def __call__(self) -> bytes | None:
        try:
            with one_connection():
                return digest_key(self._random_octets)
        except DatabaseError as fault:
            if self._pace.due(type(fault).__name__):
                log.warning(log_events.LINK_NOT_FOLLOWED, why=str(fault)[:300])
            return None


class SqlHeldDesk:
    """Implements `held_links.HeldDesk`. undo_s: how long a deletion can be taken back. clock: Unix time."""

    def __init__(self, undo_s: float, clock: Callable[[], float]) -> None:
        self._undo_s = undo_s
        self._clock = clock
        self._pace = Pace()

    def look(self, link: HeldLink) -> Shown | Fate:
        try:
            with one_connection():
                row = _row(link)
        except (DatabaseError, StoreUnavailable) as fault:
            return self._away(fault)
        if row is None:
            return Fate.GONE
        if row.state is not HeldState.HELD:
            return Fate.ALREADY
        return Shown(row.author or row.reverse_path, row.subject, row.at_s)

    def act(self, link: HeldLink) -> Fate | NotAccepted:
        try:
            with one_connection():
                return self._act(link)
        except (DatabaseError, StoreUnavailable) as fault:
            return self._away(fault)

    def _act(self, link: HeldLink) -> Fate | NotAccepted:
        row = _row(link)
        if row is None:
            return Fate.GONE
        actor = _holder_of(link, row)
        try:
            if link.deed is Deed.DELETE:
                delete(actor, row.id, undo_s=self._undo_s, clock=self._clock)
            else:
                release(actor, row.id, clock=self._clock)
        except NotFound:
            return Fate.GONE
        except ActionRefused:
            return Fate.ALREADY
        if link.deed is Deed.RELEASE_AND_ACCEPT:
            return _accept(actor, row)
        return Fate.DONE

    def _away(self, fault: Exception) -> Fate:
        if self._pace.due(type(fault).__name__):
            log.warning(log_events.LINK_NOT_FOLLOWED, why=str(fault)[:300])
        return Fate.NOT_NOW


def _row(link: HeldLink) -> HeldRow | None:
    """The held message of this link, if it is its recipient's."""
    try:
        row = access.one(Actor(name="link", root=True), link.held)
    except NotFound:
        return None
    return row if row.address == link.recipient else None


def _holder_of(link: HeldLink, row: HeldRow) -> Actor:
    """Whoever has the link acts for the recipient, as the audit log says, no further than his domain."""
    return Actor(
        name=f"{link.recipient} (link)",
        domain_ids=frozenset({row.domain_id}),
        mailbox_ids=frozenset({row.mailbox_id} - {0}),
        addresses=frozenset({row.address}),
    )


def _accept(actor: Actor, row: HeldRow) -> Fate | NotAccepted:
    """Accept what this author writes to this recipient; whether that holds."""
    found = accept_author(actor, row)
    if found.holds:
        return Fate.DONE
    if found.overruled_by is not None:
        return NotAccepted(found.overruled_by.id, found.overruled_by.action)
    log.info(log_events.LINK_NOT_FOLLOWED, why=found.refusal[:300])
    return NotAccepted()


@contextmanager
def one_connection() -> Iterator[None]:
    """A connection to the database for one request, which has a thread of its own and gives it back."""
    close_old_connections()
    try:
        yield
    finally:
        close_old_connections()
