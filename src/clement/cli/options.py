"""Options that many verbs share, and where clement.toml is looked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clement.cli.exit_codes import ExitCode, Failure

if TYPE_CHECKING:
    from clement.config import Settings

SEARCHED = (Path("clement.toml"), Path("var/clement.toml"), Path("/etc/clement/clement.toml"))

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        envvar="CLEMENT_CONFIG",
        help="The configuration; by default the first of " + ", ".join(str(path) for path in SEARCHED) + ".",
        show_default=False,
        dir_okay=False,
    ),
]

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")]


def find_config(given: Path | None) -> Path:
    """The configuration that a verb shall use. Raises Failure when there is none anywhere."""
    if given is not None:
        return given
    for path in SEARCHED:
        if path.is_file():
            return path
    searched = ", ".join(str(path) for path in SEARCHED)
    raise Failure(
        ExitCode.CONFIGURATION, f"no configuration in {searched}: name one with --config, or `clement init`"
    )


def load_settings(given: Path | None) -> Settings:
    """The settings a verb shall use. Raises Failure or ConfigurationError."""
    from clement.config import load

    return load(find_config(given))
