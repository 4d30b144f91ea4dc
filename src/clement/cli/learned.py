"""`clement learned`: teach the learning filter, see what it was taught and by whom, and take that back."""

from __future__ import annotations

import time
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clement.cli.database import operator
from clement.cli.exit_codes import ExitCode, Failure, unreadable
from clement.cli.options import ConfigOption, JsonOption, load_settings
from clement.cli.terminal import Column, local_time, print_facts, print_json, print_table, safe, say, size
from clement.cli.train import ForOption
from clement.cli.verbs import Verbs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clement.config.settings import Settings
    from clement.store.access.actor import Actor
    from clement.store.learning_records import ActRow, LearningStatus

app = Verbs()

PAGE_ROWS = 500

Files = Annotated[
    list[Path],
    typer.Argument(
        help="Messages; - is standard input.",
        show_default=False,
        dir_okay=False,
        allow_dash=True,
    ),
]


@app.verb("spam", "Say that messages are unwanted.")
def spam(files: Files, about: ForOption = "", config: ConfigOption = None, json: JsonOption = False) -> None:
    """Teach that messages are unwanted. The newest word about a message stands.

    Examples:
    clement learned spam mail.eml
    clement learned spam mail.eml --for anna@example.org
    """
    _teach(files, about, config, unwanted=True, json=json)


@app.verb("ham", "Say that messages are wanted.")
def ham(files: Files, about: ForOption = "", config: ConfigOption = None, json: JsonOption = False) -> None:
    """Teach that messages are wanted. The newest word about a message stands.

    Example: clement learned ham mail.eml --for @example.org
    """
    _teach(files, about, config, unwanted=False, json=json)


def _teach(files: list[Path], about: str, config: Path | None, *, unwanted: bool, json: bool) -> None:
    from clement.cli.lesson_files import Unreadable, lesson_of
    from clement.policy.lesson import Way

    with operator(config) as actor:
        from clement.store.actions.teaching import teach_all
        from clement.store.learning.site import site_key

        key = site_key()
        lessons = []
        for file in files:
            try:
                lessons.append(lesson_of(_octets(file), key, Way.CLI, unwanted=unwanted))
            except Unreadable as why:
                raise Failure(ExitCode.NEGATIVE, f"{file}: {why}") from None
        taught = teach_all(actor, lessons, about)
    word = "unwanted" if unwanted else "wanted"
    if json:
        print_json(
            {"file": str(file), "act_id": each.act_id, "unwanted": unwanted, "is_new": each.is_new}
            for file, each in zip(files, taught, strict=True)
        )
        return
    for file, each in zip(files, taught, strict=True):
        known = "" if each.is_new else ", as was known already"
        say(f"{safe(str(file))}: {word}{known} (act {each.act_id})")


def _octets(file: Path) -> bytes:
    import sys

    from clement.cli.lesson_files import MOST_BYTES

    try:
        octets = sys.stdin.buffer.read(MOST_BYTES + 1) if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise unreadable(file, error) from None
    if len(octets) > MOST_BYTES:
        raise Failure(ExitCode.USAGE, f"{file} is larger than a message that can be learned")
    return octets


@app.verb("acts", "Show who taught what, and when.")
def acts(
    about: Annotated[
        str,
        typer.Option("--for", help="Only for this mailbox, or @DOMAIN and all in it.", show_default=False),
    ] = "",
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=100_000)] = 50,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Show the ledger of what was taught, the newest first.

    Examples:
    clement learned acts
    clement learned acts --for anna@example.org --json
    """
    with operator(config) as actor:
        rows = _acts(actor, about, limit)
        if json:
            print_json(rows)
        else:
            print_table(rows, _COLUMNS, empty="Nothing was taught.")


def _acts(actor: Actor, about: str, limit: int) -> Iterator[ActRow]:
    from clement.store.access import teaching as access

    before_id = 0
    while limit > 0:
        page = access.acts(actor, before_id=before_id, address=about, limit=min(limit, PAGE_ROWS))
        yield from page
        if not page:
            return
        before_id, limit = page[-1].id, limit - len(page)


@app.verb("undo", "Take back what was taught.")
def undo(
    number: Annotated[
        int, typer.Argument(help="The act, as `clement learned acts` shows it.", show_default=False)
    ],
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Take an act back; the steward makes the model anew, as if it had never been.

    Example: clement learned undo 1207
    """
    with operator(config) as actor:
        from clement.store.actions.teaching import undo as take_back

        row = take_back(actor, number)
    if json:
        print_json([row])
        return
    say(f"act {row.id} is taken back" + (", and leaves the model" if row.state == "undoing" else ""))


@app.verb("status", "Show what the filter knows, and where.")
def status(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show how much was learned, what waits, whether that is enough to judge, and which node has what.

    Example: clement learned status
    """
    settings = load_settings(config)
    with operator(config) as actor:
        from clement.store.access import teaching as access

        found = access.status(actor, time.time())
    missing = _missing(settings)
    if json:
        wanted, unwanted = missing or (None, None)
        ready = None if missing is None else not any(missing)
        told = {"ready": ready, "missing_wanted": wanted, "missing_unwanted": unwanted}
        print_json([{**_by_name(found), "enabled": settings.learning.enabled, **told}])
    else:
        print_facts(_facts(settings, found, missing))


def _missing(settings: Settings) -> tuple[int, int] | None:
    """Messages, wanted and unwanted, that the model here needs before it judges; None: there is no model."""
    from clement.cli.paths import Paths
    from clement.learn.model import Model, ModelError
    from clement.learn.weighing import READY_MESSAGES
    from clement.server.learned_file import ModelPaths

    try:
        head = Model.open(ModelPaths(Paths.of(settings).learned).model).head
    except (OSError, ModelError):
        return None
    wanted, unwanted = (max(0, ceil(READY_MESSAGES - seen)) for seen in (head.wanted, head.unwanted))
    return wanted, unwanted


def _by_name(found: LearningStatus) -> dict[str, object]:
    from clement.cli.terminal import as_objects

    shown = as_objects(found)
    return dict(shown) if isinstance(shown, dict) else {}


def _facts(
    settings: Settings, found: LearningStatus, missing: tuple[int, int] | None
) -> Iterator[tuple[str, str]]:
    yield "learning", "" if settings.learning.enabled else "off ([learning] enabled = false)"
    yield "wanted", f"{found.wanted} lessons"
    yield "unwanted", f"{found.unwanted} lessons"
    yield "waiting", f"{found.pending} to be learned, {found.undoing} to be taken back"
    yield "judges", _judges(missing)
    if found.snapshot is not None:
        shot = found.snapshot
        yield "version", f"{shot.version} of {local_time(shot.at_s)}, {size(shot.size_bytes)}"
    yield "steward", found.steward
    for number, node in enumerate(found.nodes):
        behind = found.version - node.version
        yield (
            "" if number else "nodes",
            f"{node.node}: version {node.version} since {local_time(node.at_s)}"
            + (f", {behind} behind" if behind else ""),
        )


def _judges(missing: tuple[int, int] | None) -> str:
    if missing is None:
        return "no: there is no model on this machine"
    if not any(missing):
        return "yes"
    return f"not yet: {missing[0]} more wanted and {missing[1]} more unwanted messages are needed"


_COLUMNS = [
    Column["ActRow"]("act", lambda row: str(row.id), is_number=True),
    Column["ActRow"]("time", lambda row: local_time(row.at_s)),
    Column["ActRow"]("by", lambda row: row.actor),
    Column["ActRow"]("way", lambda row: row.way.value),
    Column["ActRow"]("said", lambda row: "unwanted" if row.unwanted else "wanted"),
    Column["ActRow"]("for", lambda row: row.about or "the site"),
    Column["ActRow"]("message", lambda row: row.message_id or row.transaction_id),
    Column["ActRow"](
        "state", lambda row: row.state.value + (f" by {row.undone_by}" if row.undone_by else "")
    ),
]
