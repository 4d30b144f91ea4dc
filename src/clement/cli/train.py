"""`clement train`: teach the learning filter a whole mailbox."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clement.cli.database import operator
from clement.cli.options import ConfigOption, JsonOption
from clement.cli.terminal import complain, print_json, progress, say

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clement.cli.lesson_files import Specimen
    from clement.policy.lesson import Lesson
    from clement.store.access.actor import Actor
    from clement.store.learning_records import Taught

AT_ONCE = 50
SHOWN_UNREADABLE = 10

ForOption = Annotated[
    str,
    typer.Option(
        "--for",
        help="Whose taste it is: the address of a mailbox, or @DOMAIN. By default the whole site's.",
        show_default=False,
    ),
]


def train(
    path: Annotated[
        Path,
        typer.Argument(
            help="A Maildir, an mbox, a folder of messages, or an index with a line `label path` for each.",
            exists=True,
            show_default=False,
        ),
    ],
    spam: Annotated[bool, typer.Option("--spam", help="All of it is unwanted.")] = False,
    ham: Annotated[bool, typer.Option("--ham", help="All of it is wanted.")] = False,
    root: Annotated[
        Path | None,
        typer.Option(help="Where the paths of an index begin; by default its folder.", show_default=False),
    ] = None,
    about: ForOption = "",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Teach the learning filter the messages of a mailbox.

    What was taught before for the same taste is not taught again, so what was interrupted is simply
    begun again. Without --spam or --ham, PATH is an index whose labels are ham and spam.

    Examples:
    clement train ~/Maildir/.Junk --spam
    clement train /srv/mail/example.org/anna --ham --for anna@example.org
    clement train corpus/index --root corpus
    """
    from clement.cli.lesson_files import specimens
    from clement.cli.phrases import wrong

    if spam and ham:
        raise wrong("--spam", "and --ham exclude each other")
    found = specimens(path, unwanted=spam if spam or ham else None, root=root)
    with operator(config) as actor:
        told = _teach(actor, found, about)
    if json:
        print_json([told])
        return
    say(f"messages read: {told['read']} ({told['taught']} taught, {told['known']} known already)")
    if told["unreadable"]:
        complain(f"{told['unreadable']} could not be read")


def _teach(actor: Actor, found: list[Specimen], about: str) -> dict[str, int]:
    """Counts by what became of the messages."""
    from clement.cli.lesson_files import Unreadable, lesson_of
    from clement.policy.lesson import Way
    from clement.store.actions.teaching import teach_all
    from clement.store.learning.site import site_key

    told = {"read": 0, "taught": 0, "known": 0, "unreadable": 0}
    key = site_key()
    waiting: list[Lesson] = []

    def give() -> None:
        _count(told, teach_all(actor, waiting, about))
        waiting.clear()

    with progress() as bar:
        task = bar.add_task("learning", total=len(found))
        for specimen in found:
            octets = specimen.octets()
            try:
                if octets is None:
                    raise Unreadable("cannot be read, or is too large")
                waiting.append(lesson_of(octets, key, Way.IMPORT, unwanted=specimen.unwanted))
                told["read"] += 1
            except Unreadable as why:
                told["unreadable"] += 1
                if told["unreadable"] <= SHOWN_UNREADABLE:
                    complain(f"{specimen.name}: {why}")
            if len(waiting) >= AT_ONCE:
                give()
            bar.advance(task)
        if waiting or not found:
            give()
    return told


def _count(told: dict[str, int], taught: Iterable[Taught]) -> None:
    for each in taught:
        told["taught" if each.is_new else "known"] += 1
