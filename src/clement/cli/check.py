"""`clement check`: everything that can be wrong with a configuration, before it is used."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from clement.cli.exit_codes import ExitCode, Failure
from clement.cli.options import ConfigOption, JsonOption, find_config

if TYPE_CHECKING:
    from clement.config.convert import Blame
    from clement.config.settings import Settings


def check(
    config: ConfigOption = None,
    ports: Annotated[
        bool | None,
        typer.Option(
            "--ports/--no-ports",
            help="Also try to open the listeners; by default where Clement does not run.",
            show_default=False,
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Find out what is wrong with the configuration: exit code 0 nothing, 1 something, 2 wrong usage.

    Each line names file, line and key: `clement.toml:12: limits.recipients: expected ...`.
    A warning says that it is one and leaves the exit code at 0.

    Example: clement check && systemctl reload clement
    """
    from clement.cli.terminal import complain, print_json, say
    from clement.config import ConfigurationError, Problem
    from clement.config.inspection import (
        find_cautions,
        find_database_faults,
        find_faults,
        find_obstacles,
    )
    from clement.config.load import load_with_blame

    path = find_config(config)
    problems: list[Problem] = []
    warnings: list[Problem] = []
    is_running = False
    try:
        settings, blame = load_with_blame(path)
        find_faults(settings, blame)
        find_database_faults(settings, blame)
        is_running = ports is None and _runs_here(settings)
        if ports is not False and not is_running:
            find_obstacles(settings, blame)
        problems.extend(sorted(blame.problems))
        find_cautions(settings, blame)
        _find_lost_postmaster(settings, blame)
        warnings.extend(sorted(blame.warnings))
    except ConfigurationError as error:
        problems.extend(error.problems)
    if json:
        print_json([*problems, *warnings])
    else:
        for problem in [*problems, *warnings]:
            complain(str(problem))
        if not problems:
            untried = "; Clement runs, so the listeners were not tried" if is_running else ""
            say(f"{path}: nothing is wrong{untried}")
    if problems:
        raise typer.Exit(ExitCode.NEGATIVE)


def _runs_here(settings: Settings) -> bool:
    """Whether the ports are taken by ourselves, as far as we may see that."""
    from clement.cli.paths import Paths
    from clement.cli.status import living_processes

    try:
        return bool(living_processes(Paths.of(settings).metrics))
    except OSError:
        return False


def _find_lost_postmaster(settings: Settings, blame: Blame) -> None:
    """Ask the directory, where there is one that can be asked; a configuration is checked without it too."""
    from clement.cli.database import connected
    from clement.cli.postmaster import postmaster_is_lost

    if settings.database.engine == "sqlite" and not settings.database.path.exists():
        return
    with suppress(Failure), connected(settings.database):
        if postmaster_is_lost(settings):
            address = settings.site.postmaster_address
            text = f"no mailbox takes mail for {address} (RFC 5321 §4.5.1): add it, or name another"
            blame.warn(("site", "postmaster"), text)
