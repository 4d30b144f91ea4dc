"""What a release teaches: somebody wanted this message."""

from __future__ import annotations

from typing import Final

from clement.config.learning import LearningSettings
from clement.policy.lesson import Lesson, Way
from clement.spool.held_entry import HeldRecipient, Manifest
from clement.store.actions.change import StoreUnavailable
from clement.store.actions.teaching import teach_release
from clement.telemetry import events as log_events
from clement.telemetry.log import Log

log = Log("courier")


class ReleaseLessons:
    """Implements `queue.courier.Taught`. per_day: lessons of one person."""

    def __init__(self, per_day: int) -> None:
        self._per_day: Final = per_day

    def wanted(self, manifest: Manifest, recipient: HeldRecipient, by: str) -> None:
        """Put a lesson into the ledger; a message that was held without having been read teaches nothing."""
        if not manifest.features:
            return
        facts = manifest.facts
        lesson = Lesson(
            way=Way.RELEASE,
            unwanted=False,
            features=manifest.features,
            message_id=facts.message_id,
            body_hash=bytes.fromhex(facts.body_hash),
            transaction_id=facts.transaction_id,
        )
        try:
            teach_release(facts.id, recipient.address, lesson, per_day=self._per_day)
        except StoreUnavailable as fault:
            log.warning(log_events.HELD_FAILED, why=str(fault)[:300])


def release_lessons(learning: LearningSettings) -> ReleaseLessons | None:
    """None where nothing is learned."""
    return ReleaseLessons(learning.acts_per_day) if learning.enabled else None
