"""`clement session`: one session, line by line, with what was found beneath each command."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from clement.cli.database import operator
from clement.cli.exit_codes import ExitCode, Failure
from clement.cli.options import ConfigOption, JsonOption, load_settings
from clement.cli.story import SessionState, tell, tell_unended
from clement.cli.terminal import as_fields, print_json, print_lines

if TYPE_CHECKING:
    from clement.store.access.actor import Actor
    from clement.store.records import SessionStory

ID_LENGTH = 20
SETTLING_S = 600.0
"""A session may end later than it should, by the answer it waits for, and its record be late in the log."""

SessionId = Annotated[
    str,
    typer.Argument(
        metavar="ID",
        help="The id of a session or transaction, as replies and `clement log` show it, or its beginning.",
        show_default=False,
    ),
]


def session(which: SessionId, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Tell a session: every command and reply with its time, and beneath each what the checks found.

    A session is recorded when it ends. Of one that is still open, the messages that were answered are told.

    Example: clement session 0065yj2m
    """
    with operator(config) as actor:
        story = find_story(actor, which)
        state = state_of(story, config)
    if json:
        print_json([{**as_fields(story), "state": state.value}])
    elif story.session is None:
        print_lines(tell_unended(state, story.transactions))
    else:
        print_lines(tell(story.session, story.transcript, story.transactions))


def state_of(story: SessionStory, config: ConfigOption) -> SessionState:
    """Whether the session has ended; where its record is missing, the time says whether it can still come."""
    from clement.store.log_ids import began_s

    if story.session is not None:
        return SessionState.ENDED
    ends_by_s = began_s(story.transactions[0].session_id) + load_settings(config).limits.session_time_s
    return SessionState.OPEN if time.time() < ends_by_s + SETTLING_S else SessionState.LOST


def find_story(actor: Actor, which: str) -> SessionStory:
    """The session of an id, of a transaction's id, or of the beginning of either. Raises Failure."""
    from clement.store.access import log as access
    from clement.store.access.prefix import sessions_beginning

    prefix = which.strip("[]").partition("-")[0].lower()
    found = sessions_beginning(actor, prefix, limit=5) if prefix else ()
    if not found:
        is_whole = len(prefix) == ID_LENGTH
        hint = "; it reaches the log a second after its first message or its end" if is_whole else ""
        raise Failure(ExitCode.NOT_FOUND, f"no session {which}{hint}")
    if len(found) > 1:
        raise Failure(ExitCode.NEGATIVE, f"several sessions begin with {which}: {', '.join(found)}")
    return access.session(actor, found[0])
