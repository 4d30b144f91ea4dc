"""`clement explain`: why a message fared as it did."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from clement.cli.database import operator
from clement.cli.exit_codes import ExitCode, Failure
from clement.cli.options import ConfigOption, JsonOption
from clement.cli.session import SessionId, find_story, state_of
from clement.cli.terminal import print_facts, print_json, say

if TYPE_CHECKING:
    from clement.cli.explanation import Explanation
    from clement.cli.story import SessionState
    from clement.journal.records import FindingNote
    from clement.store.access.actor import Actor
    from clement.store.records import DirectiveRow, RecipientRow, SessionRow, SessionStory, TransactionRow


def explain(which: SessionId, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Say why: what decided, whose directive it was, what would have changed it, what either side can do.

    With a session's id every recipient is explained, with a transaction's those of that message. What was
    found before the content is in the session's record, which is written when the session ends.

    Example: clement explain 0065yj2mkq3v4n8c7d2e-1
    """
    from clement.cli.explanation import lines

    with operator(config) as actor:
        story = find_story(actor, which)
        explanations = list(_explanations(actor, story, state_of(story, config), which.strip("[]").lower()))
    if json:
        print_json(explanations)
        return
    for number, explanation in enumerate(explanations):
        if number:
            say()
        print_facts(lines(explanation), limit=600)


def _explanations(
    actor: Actor, story: SessionStory, state: SessionState, which: str
) -> Iterator[Explanation]:
    """One for each recipient; one for the session where no recipient was named. Raises Failure."""
    session, _, number = which.partition("-")
    wanted = [each for each in story.transactions if not number or each.id.endswith(f"-{number}")]
    if number and not wanted:
        raise Failure(ExitCode.NOT_FOUND, f"session {session} has no transaction {number} in the log")
    for transaction in wanted:
        for recipient in transaction.recipients:
            yield _of_recipient(actor, story, state, transaction, recipient)
    if story.session is not None and not any(transaction.recipients for transaction in wanted):
        yield _of_session(story, story.session)


def _of_recipient(
    actor: Actor,
    story: SessionStory,
    state: SessionState,
    transaction: TransactionRow,
    recipient: RecipientRow,
) -> Explanation:
    from clement.cli.explanation import explain as explained

    sender = transaction.reverse_path or "<>"
    return explained(
        about=f"{sender} → {recipient.address}, transaction {transaction.id}",
        outcome=recipient.outcome.value,
        reason=recipient.reason,
        reply=recipient.reply,
        findings=[*transaction.findings, *_findings(story)],
        directive=_directive(actor, recipient.directive_id),
        score=recipient.score,
        thresholds=recipient.thresholds,
        state=state,
    )


def _of_session(story: SessionStory, session: SessionRow) -> Explanation:
    from clement.cli.explanation import explain as explained

    replies = [exchange.reply for exchange in story.transcript if exchange.reply[:1] in {"4", "5"}]
    return explained(
        about=f"session {session.id} from {session.client_address}",
        outcome=session.outcome.value,
        reason=session.reason,
        reply=replies[-1] if replies else "",
        findings=_findings(story),
        directive=None,
    )


def _findings(story: SessionStory) -> list[FindingNote]:
    return [finding for exchange in story.transcript for finding in exchange.findings]


def _directive(actor: Actor, number: int) -> DirectiveRow | None:
    """The directive as it is now; None when there was none, or it has been removed since."""
    from clement.store.access import directory
    from clement.store.access.actor import NotFound

    if not number:
        return None
    try:
        return directory.directive(actor, number)
    except NotFound:
        return None
