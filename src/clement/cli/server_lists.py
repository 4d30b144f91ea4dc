"""The steward's work on reputation and the server lists, and its thresholds from the settings."""

from __future__ import annotations

from collections.abc import Callable

from clement.config.reputation import ReputationSettings
from clement.policy.list_rules import DAY_S, ListRules
from clement.telemetry import events as log_events
from clement.telemetry.log import Log

COUNT_EVERY_S = 60.0
CONCLUDE_EVERY_S = 600.0
REFRESH_EVERY_S = 3600.0


def rules_of(settings: ReputationSettings) -> ListRules:
    """The `[reputation]` table as the rules want it."""
    return ListRules(
        half_life_s=settings.half_life_days * DAY_S,
        history_s=settings.history_days * DAY_S,
        ban_evidence=settings.ban_evidence,
        ban_share=settings.ban_share,
        ban_s=int(settings.ban_days * DAY_S),
        trial_s=int(settings.trial_hours * 3600),
        trial_messages=settings.trial_messages,
        trial_share=settings.trial_share,
        site_clients=settings.network_clients,
        protecting_messages=settings.protecting_messages,
        pardon_evidence=settings.pardon_evidence,
        trust_messages=settings.trust_messages,
        trust_share=settings.trust_share,
        trust_authenticated=settings.trust_authenticated,
        trust_after_s=settings.trust_after_days * DAY_S,
        trust_days=settings.trust_active_days,
        trust_s=int(settings.trust_list_days * DAY_S),
    )


class ServerLists:
    """Counts every minute and concludes every ten; what fails is tried again in the next minute."""

    def __init__(self, rules: ListRules, log: Log, *, enabled: bool) -> None:
        self._rules = rules
        self._log = log
        self._enabled = enabled
        self._count_at_s = self._conclude_at_s = self._refresh_at_s = 0.0

    def look(self, now_s: float, stop: Callable[[], bool]) -> None:
        """Do what is due at this time (Unix seconds); the store must be connected."""
        from django.db import Error

        from clement.store.actions.change import StoreUnavailable

        if now_s < self._count_at_s:
            return
        self._count_at_s = now_s + COUNT_EVERY_S
        try:
            self._work(now_s, stop)
        except (Error, StoreUnavailable) as fault:
            self._log.warning(log_events.LISTS_FAILED, fault=str(fault)[:300])

    def _work(self, now_s: float, stop: Callable[[], bool]) -> None:
        from clement.store.actions.conclusion import conclude, refresh_weights
        from clement.store.reputation.counting import count_waiting
        from clement.store.reputation.forgetting import forget

        counted = count_waiting(self._rules.half_life_s, stop)
        if now_s >= self._refresh_at_s:
            forget(self._rules, now_s, stop)
            if counted:
                refresh_weights()
            self._refresh_at_s = now_s + REFRESH_EVERY_S
        if not self._enabled or now_s < self._conclude_at_s:
            return
        concluded = conclude(self._rules, now_s, stop)
        self._conclude_at_s = now_s + CONCLUDE_EVERY_S
        if concluded.steps:
            steps = {name.replace(" ", "_"): count for name, count in concluded.steps.items()}
            self._log.info(log_events.LISTS_CONCLUDED, **steps)
