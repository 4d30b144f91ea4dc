"""`clement session`: one session, line by line, with what was found beneath each command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from clement.cli.database import operator
from clement.cli.exit_codes import ExitCode, Failure
from clement.cli.options import ConfigOption, JsonOption
from clement.cli.story import tell
from clement.cli.terminal import print_json, print_lines

if TYPE_CHECKING:
    from clement.store.access.actor import Actor
    from clement.store.records import SessionStory

ID_LENGTH = 20

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

    Example: clement session 0065yj2m
    """
    with operator(config) as actor:
        story = find_story(actor, which)
    if json:
        print_json([story])
        return
    print_lines(tell(story.session, story.transcript, story.transactions))


def find_story(actor: Actor, which: str) -> SessionStory:
    """The session of an id, of a transaction's id, or of the beginning of either. Raises Failure."""
    from clement.store.access import log as access
    from clement.store.access.prefix import sessions_beginning

    prefix = which.strip("[]").partition("-")[0].lower()
    found = sessions_beginning(actor, prefix, limit=5) if prefix else ()
    if not found:
        hint = "; records reach the log a second after the session's end" if len(prefix) == ID_LENGTH else ""
        raise Failure(ExitCode.NOT_FOUND, f"no session {which}{hint}")
    if len(found) > 1:
        raise Failure(ExitCode.NEGATIVE, f"several sessions begin with {which}: {', '.join(found)}")
    return access.session(actor, found[0])
