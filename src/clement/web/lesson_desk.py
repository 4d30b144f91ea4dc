"""Takes back what somebody has reported, as the link in the mail that confirms his report asks for."""

from __future__ import annotations

from collections.abc import Callable

from django.db import DatabaseError

from clement.queue.digest.links import HeldLink
from clement.store.access.actor import Actor, NotFound
from clement.store.access.teaching import reported
from clement.store.actions.change import ActionRefused, StoreUnavailable
from clement.store.actions.teaching import undo
from clement.store.learning_records import ActState
from clement.telemetry import events as log_events
from clement.telemetry.log import Log
from clement.telemetry.pace import Pace
from clement.web.held_desk import one_connection
from clement.web.held_links import Fate, ShownLesson

log = Log("web")


class SqlLessonDesk:
    """Implements `held_links.HeldDesk` for lessons. clock: Unix time."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._pace = Pace()

    def look(self, link: HeldLink) -> ShownLesson | Fate:
        try:
            with one_connection():
                act = reported(link.held)
        except (DatabaseError, StoreUnavailable) as fault:
            return self._away(fault)
        if act is None:
            return Fate.GONE
        if act.row.state in (ActState.UNDOING, ActState.UNDONE):
            return Fate.ALREADY
        return ShownLesson(act.row.message_id, act.row.unwanted, act.row.at_s)

    def act(self, link: HeldLink) -> Fate:
        try:
            with one_connection():
                return self._act(link)
        except (DatabaseError, StoreUnavailable) as fault:
            return self._away(fault)

    def _act(self, link: HeldLink) -> Fate:
        act = reported(link.held)
        if act is None:
            return Fate.GONE
        # With the right of whoever reported it to take it back, and no other.
        actor = Actor(name=f"{link.recipient} (link)", person_id=act.person_id)
        try:
            undo(actor, act.row.id, clock=self._clock)
        except NotFound:
            return Fate.GONE
        except ActionRefused:
            return Fate.ALREADY
        return Fate.DONE

    def _away(self, fault: Exception) -> Fate:
        if self._pace.due(type(fault).__name__):
            log.warning(log_events.LINK_NOT_FOLLOWED, why=str(fault)[:300])
        return Fate.NOT_NOW
