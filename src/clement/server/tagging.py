"""How a delivered message is marked with what was found: fields on top of it, and perhaps its subject.

Each recipient has a score of his own. Copies in mailboxes of ours have each their own fields; what goes to a
next hop is one message for all its recipients, so those whose marks differ are given it in transactions of
their own (docs/decisions/0015).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from clement.message.foreign_fields import ForeignFields
from clement.policy.directive import Action, Directive
from clement.policy.directory import Foreign, Relayed, Route
from clement.policy.score import Score, probability
from clement.smtp.replies import printable
from clement.spool.content import Content

MOST_STARS: Final = 30
NO_PREFIX: Final = "none"
CHECKS_NAMED: Final = 4
_SUBJECT: Final = re.compile(rb"^(Subject[ \t]*:[ \t]*)", re.MULTILINE | re.IGNORECASE)


class Tagging(msgspec.Struct, frozen=True):
    """Names of the fields that are written, "" for those that are not.

    subject_prefix: put before the subject of what is marked, where the group says nothing else. foreign: the
    fields that are taken out.
    """

    score_field: str = ""
    flag_field: str = ""
    level_field: str = ""
    reason_field: str = ""
    subject_prefix: str = ""
    foreign: ForeignFields | None = None

    def head_for(self, score: Score | None, directive: Directive | None) -> bytes:
        """The fields for a message of this score, CRLF-terminated. directive: the recipient's."""
        if score is None or not score.weights:
            return b""
        head = f"{self.score_field}: {score.total:+.2f}\r\n" if self.score_field else ""
        if is_marked(score, directive):
            head += "".join([f"{name}: {value}\r\n" for name, value in self._marks(score)])
        return head.encode("ascii")

    def _marks(self, score: Score) -> Iterator[tuple[str, str]]:
        if self.flag_field:
            yield self.flag_field, "YES"
        if self.level_field:
            yield self.level_field, "*" * max(1, min(MOST_STARS, int(score.total)))
        if self.reason_field:
            yield self.reason_field, reason(score)

    def prefix_for(self, route: Route) -> str:
        """What stands before the subject of marked mail along this route: the group's, or else the site's."""
        own = "" if isinstance(route, Foreign) else route.group.policy.subject_prefix
        return "" if own == NO_PREFIX else own or self.subject_prefix

    def mark_of_message(self, route: Route, score: Score | None, directive: Directive | None) -> str:
        """What must be equal for recipients to be given one message; "" for the ordinary one.

        Copies in mailboxes of ours bear fields of their own, so there only the subject matters.
        """
        if not is_marked(score, directive):
            return ""
        prefix = self.prefix_for(route)
        return f"tagged {prefix}" if isinstance(route, Relayed) or prefix else ""


def with_subject(content: Content, prefix: str) -> Content:
    """The message with this before its subject."""
    mark, block = prefix.encode("ascii", "replace"), content.header_block
    changed, count = _SUBJECT.subn(lambda found: found[1] + mark, block, count=1)
    if not count:
        changed = b"Subject: " + mark.rstrip() + b"\r\n" + block
    return content.with_header_block(changed)


def is_marked(score: Score | None, directive: Directive | None) -> bool:
    """Whether a message is marked: not for whom a directive accepts it."""
    if score is None or not score.is_tagged:
        return False
    return directive is None or directive.action is not Action.ACCEPT


UNTAGGED: Final = Tagging()


def reason(score: Score) -> str:
    """One sentence for a person: how many such messages are unwanted, and what weighed most. Folded."""
    said = [f"{printable(check, 40)} {weight:+.1f}" for check, weight in score.by_check[:CHECKS_NAMED]]
    share = f"{min(99.99, 100 * probability(score.total)):.4g}"
    return f"{share} of 100 such messages are unwanted;\r\n most was said by " + ", ".join(said)
