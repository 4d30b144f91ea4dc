"""`clement correct`: a person's word on a message that was judged."""

from __future__ import annotations

from typing import Annotated

import typer

from clement.cli.database import operator
from clement.cli.options import ConfigOption
from clement.cli.terminal import safe, say


def correct(
    transaction: Annotated[
        str, typer.Argument(help="The transaction's id, as in replies and logs.", show_default=False)
    ],
    wanted: Annotated[
        bool,
        typer.Option(
            "--wanted/--unwanted", help="Whether the recipient wanted the message.", show_default=False
        ),
    ],
    config: ConfigOption = None,
) -> None:
    """Say that a message was wanted, though it was refused, or unwanted, though it was accepted.

    It counts for and against the client and the domains that vouched for the message. The newest word of
    one message stands.

    Examples:
    clement correct 06dzq3cm0h2v5x7k9npr-1 --unwanted
    clement correct 06dzq3cm0h2v5x7k9npr-1 --wanted
    """
    with operator(config) as actor:
        from clement.store.actions.server_list import correct as note

        is_new = note(actor, transaction, wanted=wanted)
    word = "wanted" if wanted else "unwanted"
    say(f"{safe(transaction)}: {word}" + ("" if is_new else ", as was known already"))
