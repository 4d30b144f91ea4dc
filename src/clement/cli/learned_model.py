"""The learned model as receivers have it: files, what opens them, and the key that goes with them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from clement.config.settings import Settings
from clement.learn.features import of_findings
from clement.learn.model import Model
from clement.server.learned_file import LearnedFile, ModelPaths
from clement.server.lesson_desk import LessonDesk, LessonJournal, LessonRules, ReadMessage
from clement.smtp import parse_mailbox
from clement.spool.workers import Workers


def learned_file(folder: Path, *, enabled: bool) -> LearnedFile | None:
    """The model as the recorder keeps it in this folder; None where nothing is to be learned."""
    if not enabled:
        return None
    learned = LearnedFile(ModelPaths(folder), Model.open, of_findings)
    learned.refresh()
    return learned


def lesson_rules(settings: Settings) -> LessonRules:
    """What sessions teach."""
    learning = settings.learning
    reports = {learning.report_spam: True, learning.report_ham: False}
    return LessonRules(
        reports={_normal(address): unwanted for address, unwanted in reports.items() if address},
        traps=frozenset(map(_normal, learning.traps)),
        learn_replies=learning.replies,
        per_day=learning.acts_per_day,
        confirms=learning.report_mails_per_hour > 0,
    )


def _normal(address: str) -> str:
    return parse_mailbox(address.encode("utf-8"), smtputf8=True).key


def key_of(learned: LearnedFile | None) -> Callable[[], bytes]:
    """What features are hashed with, as it is known by now; b"" where nothing is learned."""
    return lambda: learned.key if learned is not None else b""


def lessons_of(
    settings: Settings,
    folder: Path,
    learned: LearnedFile | None,
    journal: LessonJournal,
    read_content: ReadMessage,
    workers: Workers,
) -> LessonDesk | None:
    """What a receiver's sessions teach; None where nothing is to be learned."""
    if learned is None:
        return None
    desk = LessonDesk(
        lesson_rules(settings),
        journal,
        read_content,
        workers,
        of_findings,
        key=key_of(learned),
        sent=folder / "sent",
        now_s=time.time,
    )
    desk.tend()
    return desk
