"""[score] and [tagging]: from where on it counts what was found, and how delivered mail is marked."""

from __future__ import annotations

import msgspec

from clement.config.values import FieldName, FieldPattern, SubjectPrefix, Weight


class ScoreSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Scores, in log-odds, from which on something follows; groups, domains, mailboxes may say otherwise.

    3 means that 95 of 100 such messages are unwanted, 4.6 that 99 of 100 are, 7 that 999 of 1000 are.
    """

    tag_at: Weight = 3
    """From this score on mail is marked, and still delivered. 0: never."""
    quarantine_at: Weight = 0
    """From this score on mail is accepted and held for its recipient. 0: never."""
    refuse_at: Weight = 0
    """From this score on mail is refused. 0: never."""


class TaggingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Fields that are written on top of delivered mail from strangers, and others' that are taken out."""

    score_field: FieldName = "X-Clement-Score"
    """What all that was found adds up to; on all mail that was scored. "": not written."""
    flag_field: FieldName = "X-Spam-Flag"
    """YES on mail from tag_at on; what filters of mail readers look for. "": not written."""
    level_field: FieldName = "X-Spam-Level"
    """A star for each whole number of the score, on mail from tag_at on. "": not written."""
    reason_field: FieldName = "X-Clement-Reason"
    """What weighed most, in a sentence, on mail from tag_at on. "": not written."""
    subject_prefix: SubjectPrefix = ""
    """Put before the subject of mail from tag_at on, such as "[SPAM?] ". It breaks DKIM signatures, so who
    forwards such mail passes on a forgery."""
    remove: tuple[FieldPattern, ...] = (
        "X-Clement-*",
        "X-Spam*",
        "X-Rspamd-*",
        "X-Bogosity",
        "X-DSPAM-*",
        "X-CRM114-*",
        "X-Barracuda-Spam-*",
        "X-MS-Exchange-Organization-SCL",
    )
    """Fields that mail from strangers came with and that are taken out, those named above besides: whoever
    reads the message later would believe them. A * at the end stands for anything."""
