"""`clement check`: everything that can be wrong with a configuration, before it is used."""

from __future__ import annotations

from typing import Annotated

import typer

from clement.cli.exit_codes import ExitCode
from clement.cli.options import ConfigOption, JsonOption, find_config


def check(
    config: ConfigOption = None,
    ports: Annotated[
        bool,
        typer.Option(
            "--ports/--no-ports", help="Also try to open the listeners; skip it while Clement runs."
        ),
    ] = True,
    json: JsonOption = False,
) -> None:
    """Find out what is wrong with the configuration: exit code 0 nothing, 1 something, 2 wrong usage.

    Each line names file, line and key: `clement.toml:12: limits.recipients: expected ...`.

    Example: clement check --no-ports && systemctl reload clement
    """
    from clement.cli.terminal import complain, print_json, say
    from clement.config import ConfigurationError, Problem
    from clement.config.inspection import find_faults, find_obstacles
    from clement.config.load import load_with_blame

    path = find_config(config)
    problems: list[Problem] = []
    try:
        settings, blame = load_with_blame(path)
        find_faults(settings, blame)
        if ports:
            find_obstacles(settings, blame)
        problems.extend(sorted(blame.problems))
    except ConfigurationError as error:
        problems.extend(error.problems)
    if json:
        print_json(problems)
    else:
        for problem in problems:
            complain(str(problem))
        if not problems:
            say(f"{path}: nothing is wrong")
    if problems:
        raise typer.Exit(ExitCode.NEGATIVE)
